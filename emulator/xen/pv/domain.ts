import { assert } from '../../base/assert.ts';
import { highHalf, lowHalf } from '../../base/numbers.ts';
import { CS, DS, EFLAGS_IF, ES, FS, GS, RSI, RSP, SS } from '../../x86/cpu/processor.ts';
import type { Domain } from '../common/domain.ts';
import { TYPE_L2 } from '../common/frame-table.ts';
import type { Hypervisor, VcpuContext } from '../common/hypervisor.ts';
import type { Refusal } from '../common/refusal.ts';
import { setUpcallMask } from '../common/shared-info.ts';
import { setPeriodicTimer } from '../common/time.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { startTicks } from '../common/xen-2/time.ts';
import { FLAT_RING1_CS } from '../public/xen-2.0/arch-x86-32.ts';
import { PAGE_OFFSET } from '../public/xen-2.0/xen.ts';
import { FLAT_COMPAT_RING1_CS, FLAT_COMPAT_RING1_DS, FLAT_RING3_CS64, FLAT_RING3_SS64 } from '../public/xen-4/xen.ts';
import { enter } from './compat-bounce-frame.ts';
import { CR4_FIXED } from './control-registers.ts';
import { hardwareDebugControl } from './debug-registers.ts';
import { deliverFailsafe, injectException } from './inject.ts';
import { installKernelRoot, rootType } from './mm.ts';
import { pinTable } from './mmuext-op.ts';
import { forceFlatSegment, loadCodeSegment, loadStackSegment } from './segments.ts';
import { bounceFailsafe2 } from './xen-2/bounce-frame.ts';
import { installFirstRoot, resetVcpu2 } from './xen-2/domain.ts';

/** Registers of PV vCPUs: into the processor and back, and their initial state (pv/domain.c, domain.c). */

/** PV guests start with a 100 Hz ticker. */
const DEFAULT_PERIOD = 10_000_000;
const RFLAGS_FIXED = 2;
/** `Processor.ceiling` of guests whose segments reach everything. */
const NO_CEILING = 2 ** 32;
/** FXSAVE image of a reset FPU: FCW 0x37F, MXCSR 0x1F80 (SDM vol. 1, 10.5.1, 11.6.4). */
function initialFpu(): Uint8Array {
  const image = new Uint8Array(512);
  image[0] = 0x7f;
  image[1] = 0x03;
  image[24] = 0x80;
  image[25] = 0x1f;
  return image;
}

/** State of a vCPU that has no context yet. */
export function resetVcpu(xen: Hypervisor, vcpu: Vcpu): void {
  const { registers } = vcpu;
  registers.fpu = initialFpu();
  vcpu.debugRegisters[6] = 0xffff0ff0;
  if (vcpu.domain.abiVersion !== '4') {
    resetVcpu2(xen, vcpu);
    return;
  }
  registers.rflags = RFLAGS_FIXED | EFLAGS_IF;
  if (vcpu.domain.width === 64) {
    registers.selectors[CS] = FLAT_RING3_CS64;
    registers.selectors[SS] = FLAT_RING3_SS64;
  } else {
    registers.selectors.fill(FLAT_COMPAT_RING1_DS);
    registers.selectors[CS] = FLAT_COMPAT_RING1_CS;
  }
  vcpu.debugRegisters[7] = 0x400;
  setUpcallMask(xen.ram, vcpu, true);
}

/** The toolstack's way to start a vCPU: pins the root, installs registers, brings it up. */
export function startVcpu(xen: Hypervisor, vcpu: Vcpu, context: VcpuContext): Refusal | undefined {
  const refusal = vcpu.domain.abiVersion === '4' ? firstRoot(xen, vcpu, context) : installFirstRoot(xen, vcpu, context);
  if (refusal !== undefined) return refusal;
  vcpu.registers.rip = context.rip;
  setSaved(vcpu, RSP, context.rsp);
  setSaved(vcpu, RSI, context.rsi);
  vcpu.kernelSs = vcpu.registers.selectors[SS] as number;
  vcpu.kernelSp = context.rsp;
  finishStart(xen, vcpu);
  vcpu.offline = false;
  return undefined;
}

function firstRoot(xen: Hypervisor, vcpu: Vcpu, { rootMfn }: VcpuContext): Refusal | undefined {
  const type = rootType(vcpu.domain.width);
  const refusal =
    pinTable(xen, vcpu.domain, rootMfn, type) ?? xen.references.getWithType(rootMfn, type, vcpu.domain.domid);
  if (refusal === undefined) installKernelRoot(xen, vcpu, rootMfn);
  return refusal;
}

function setSaved(vcpu: Vcpu, register: number, value: number): void {
  vcpu.registers.low[register] = lowHalf(value);
  vcpu.registers.high[register] = highHalf(value);
}

/** What all ways to give a vCPU its first registers end with. */
export function finishStart(xen: Hypervisor, vcpu: Vcpu): void {
  vcpu.initialised = true;
  vcpu.kernelMode = true;
  if (vcpu.domain.abiVersion === '4') setPeriodicTimer(xen, vcpu, DEFAULT_PERIOD);
  else startTicks(xen, vcpu);
}

/** Takes the registers out of the processor. */
export function saveVcpu(xen: Hypervisor, vcpu: Vcpu): void {
  const { processor } = xen;
  const { registers } = vcpu;
  for (let index = 0; index < 16; index++) {
    registers.low[index] = processor.low(index);
    registers.high[index] = processor.high(index);
  }
  registers.rip = processor.rip;
  registers.rflags = processor.rflags;
  for (let segment = 0; segment < 6; segment++) {
    registers.selectors[segment] = processor.selector(segment);
    registers.baseLow[segment] = processor.segmentBaseLow(segment);
    registers.baseHigh[segment] = processor.segmentBaseHigh(segment);
  }
  registers.fpu = processor.saveFpu();
  registers.taskSwitched = processor.taskSwitched;
}

/** Puts them in. A data segment that cannot be loaded any more reads as null, and the failsafe callback says so. */
export function loadVcpu(xen: Hypervisor, vcpu: Vcpu): void {
  const { processor } = xen;
  const { registers } = vcpu;
  const narrow = vcpu.domain.width === 32;
  assert(vcpu.kernelRoot !== undefined, `vCPU ${vcpu.id} runs without page tables`);
  const old = vcpu.domain.abiVersion !== '4';
  processor.paging = vcpu.domain.paging;
  processor.ceiling = old ? PAGE_OFFSET : NO_CEILING;
  processor.cr4 = CR4_FIXED | vcpu.cr4;
  processor.setRoot(0, vcpu.hardwareRoot);
  processor.setRoot(1, narrow ? vcpu.hardwareRoot : vcpu.userRoot);
  processor.viewFollowsPrivilege = narrow;
  processor.view = vcpu.kernelMode ? 0 : 1;
  for (let index = 0; index < 16; index++) {
    processor.setRegister(index, registers.low[index] as number, registers.high[index] as number);
  }
  processor.rip = registers.rip;
  processor.rflags = registers.rflags;
  const cs = registers.selectors[CS] as number;
  const ss = registers.selectors[SS] as number;
  // Xen loads data segments in ring 0, so that the guest's own ring does not restrict them; the IRET does.
  if (narrow) forceFlatSegment(xen, vcpu, CS, old ? FLAT_RING1_CS : FLAT_COMPAT_RING1_CS);
  const fault = narrow ? undefined : (loadCodeSegment(xen, vcpu, cs) ?? loadStackSegment(xen, vcpu, ss, 3));
  const failed = SELECTORS.filter((segment) => !loadDataSegment(xen, segment, registers.selectors[segment] as number));
  if (!narrow) {
    for (const segment of [FS, GS]) {
      processor.setSegmentBase(segment, registers.baseLow[segment] as number, registers.baseHigh[segment] as number);
    }
  }
  processor.restoreFpu(registers.fpu);
  processor.taskSwitched = registers.taskSwitched;
  for (const index of [0, 1, 2, 3, 6, 7]) {
    const given = vcpu.debugRegisters[index] as number;
    const value = index === 7 ? hardwareDebugControl(given) : given;
    processor.setDebugRegister(index, lowHalf(value), highHalf(value));
  }
  vcpu.segmentsChanged = false;
  if (failed.length > 0) {
    const wanted = FAILSAFE_ORDER.map((segment) => registers.selectors[segment] as number);
    if (old) bounceFailsafe2(xen, vcpu, { cs, ss }, wanted);
    else deliverFailsafe(xen, vcpu, { cs, ss }, wanted);
    return;
  }
  const late = narrow ? enter(xen, vcpu, cs, ss) : fault;
  if (late !== undefined && old) {
    bounceFailsafe2(xen, vcpu, { cs, ss });
    return;
  }
  if (late !== undefined) injectException(xen, vcpu, late.vector, late.errorCode, { cs, ss });
}

/** Order in which Xen loads them, and in which the failsafe frame has them. */
const SELECTORS = [FS, GS, DS, ES] as const;
const FAILSAFE_ORDER = [DS, ES, FS, GS] as const;

function loadDataSegment(xen: Hypervisor, segment: number, selector: number): boolean {
  if (xen.processor.loadSegment(segment, selector) === -1) return true;
  xen.processor.loadSegment(segment, 0);
  return false;
}

/** Lets go of everything a vCPU holds on frames. */
export function releaseVcpu(xen: Hypervisor, vcpu: Vcpu): void {
  for (const mfn of vcpu.gdtFrames) xen.references.putWithType(mfn);
  for (const mfn of vcpu.ldtFrames.values()) xen.references.putWithType(mfn);
  vcpu.gdtFrames = [];
  vcpu.ldtFrames.clear();
  if (vcpu.vcpuInfoFrame !== undefined) xen.references.putWithType(vcpu.vcpuInfoFrame);
  vcpu.vcpuInfoFrame = undefined;
  if (vcpu.kernelRoot !== undefined) xen.references.putWithType(vcpu.kernelRoot);
  if (vcpu.userRoot !== undefined) xen.references.putWithType(vcpu.userRoot);
  vcpu.kernelRoot = undefined;
  vcpu.userRoot = undefined;
  if (vcpu.compatL4 !== undefined) xen.references.deallocate(vcpu.compatL4);
  vcpu.compatL4 = undefined;
}

/** Frames of a domain that its own pins hold, for teardown. */
export function unpinAll(xen: Hypervisor, domain: Domain): void {
  for (let mfn = xen.ram.firstMfn; mfn < xen.ram.endMfn; mfn++) {
    if (!xen.frames.owns(domain.domid, mfn) || !xen.references.isPinned(mfn)) continue;
    xen.references.setPinned(mfn, false);
    xen.references.putWithType(mfn);
  }
}

/** Page directories that map each other hold each other: they are taken apart by force (relinquish_list of 2.0). */
export function forgetPageDirectories(xen: Hypervisor, domain: Domain): void {
  for (let mfn = xen.ram.firstMfn; mfn < xen.ram.endMfn; mfn++) {
    if (xen.frames.owns(domain.domid, mfn) && xen.references.type(mfn) === TYPE_L2) xen.references.invalidate(mfn);
  }
}
