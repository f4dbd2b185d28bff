import { assert } from '../../base/assert.ts';
import { highHalf, lowHalf, type Mfn, type VirtualAddress } from '../../base/numbers.ts';
import { CS, DS, EFLAGS_IF, EFLAGS_IOPL, ES, FS, GS, RSI, RSP, SS } from '../../x86/cpu/processor.ts';
import type { Domain } from '../common/domain.ts';
import { TYPE_L4 } from '../common/frame-table.ts';
import { readStruct } from '../common/guest-access.ts';
import type { Hypervisor, VcpuContext } from '../common/hypervisor.ts';
import { isRefusal, type Refusal, refuse } from '../common/refusal.ts';
import { setUpcallMask } from '../common/shared-info.ts';
import { setPeriodicTimer } from '../common/time.ts';
import type { Vcpu } from '../common/vcpu.ts';
import type { StructView } from '../public/struct.ts';
import { CPU_USER_REGS_64, VCPU_GUEST_CONTEXT_64, VGCF_IN_KERNEL } from '../public/xen-4/sched.ts';
import { FLAT_RING3_CS64, FLAT_RING3_SS64 } from '../public/xen-4/xen.ts';
import { checkAddress } from './callback.ts';
import { CR4_FIXED } from './control-registers.ts';
import { setGdt } from './descriptor-tables.ts';
import { deliverFailsafe } from './inject.ts';
import { pinTable } from './mmuext-op.ts';
import { loadCodeSegment, loadStackSegment } from './segments.ts';

/** Registers of PV vCPUs: into the processor and back, first contexts, the initial state (pv/domain.c, domain.c). */

/** PV guests start with a 100 Hz ticker. */
const DEFAULT_PERIOD = 10_000_000;
const RFLAGS_FIXED = 2;
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
  registers.rflags = RFLAGS_FIXED | EFLAGS_IF;
  registers.selectors[CS] = FLAT_RING3_CS64;
  registers.selectors[SS] = FLAT_RING3_SS64;
  registers.fpu = initialFpu();
  vcpu.debugRegisters[6] = 0xffff0ff0;
  vcpu.debugRegisters[7] = 0x400;
  setUpcallMask(xen.ram, vcpu, true);
}

/** The toolstack's way to start a vCPU: pins the root, installs registers, brings it up. */
export function startVcpu(xen: Hypervisor, vcpu: Vcpu, context: VcpuContext): Refusal | undefined {
  const refusal =
    pinTable(xen, vcpu.domain, context.rootMfn, TYPE_L4) ??
    xen.references.getWithType(context.rootMfn, TYPE_L4, vcpu.domain.domid);
  if (refusal !== undefined) return refusal;
  vcpu.kernelRoot = context.rootMfn;
  if (!vcpu.domain.m2pStrict) xen.validator.showMachineToPhysical(context.rootMfn);
  vcpu.registers.rip = context.rip;
  setSaved(vcpu, RSP, context.rsp);
  setSaved(vcpu, RSI, context.rsi);
  finishStart(xen, vcpu);
  vcpu.offline = false;
  return undefined;
}

function setSaved(vcpu: Vcpu, register: number, value: number): void {
  vcpu.registers.low[register] = lowHalf(value);
  vcpu.registers.high[register] = highHalf(value);
}

function finishStart(xen: Hypervisor, vcpu: Vcpu): void {
  vcpu.initialised = true;
  vcpu.kernelMode = true;
  setPeriodicTimer(xen, vcpu, DEFAULT_PERIOD);
}

type GuestContext = StructView<keyof (typeof VCPU_GUEST_CONTEXT_64)[64]['offset']>;

/** VCPUOP_initialise: everything from the guest's vcpu_guest_context. Checks first, then installs. */
export function initialiseVcpu(xen: Hypervisor, vcpu: Vcpu, address: VirtualAddress): Refusal | undefined {
  if (vcpu.domain.width === 32) return refuse('ENOSYS', '32-bit contexts are not supported');
  const context = readStruct(xen, vcpu.domain, address, VCPU_GUEST_CONTEXT_64);
  if (isRefusal(context)) return context;
  const traps = trapEntries(context);
  for (const { address: handler } of traps) {
    const bad = checkAddress(handler);
    if (bad !== undefined) return bad;
  }
  const root = context.get('ctrlreg', 3) / 4096;
  const refusal = xen.references.getWithType(root, TYPE_L4, vcpu.domain.domid);
  if (refusal !== undefined) return { errno: refusal.errno, reason: `CR3 of the new vCPU: ${refusal.reason}` };
  const entries = context.get('gdt_ents');
  const frames = Array.from({ length: Math.ceil(entries / 512) }, (_, index) => context.get('gdt_frames', index));
  const badGdt = setGdt(xen, vcpu, frames, entries);
  if (badGdt !== undefined) {
    xen.references.putWithType(root as Mfn);
    return badGdt;
  }
  vcpu.kernelRoot = root as Mfn;
  if (!vcpu.domain.m2pStrict) xen.validator.showMachineToPhysical(root as Mfn);
  for (const { vector, ...handler } of traps) {
    vcpu.traps[vector] = { ...handler, cs: FLAT_RING3_CS64 };
  }
  installCallbacks(vcpu, context);
  installRegisters(vcpu, context);
  finishStart(xen, vcpu);
  vcpu.kernelMode = (context.get('flags') & VGCF_IN_KERNEL) !== 0;
  return undefined;
}

interface TrapEntry {
  readonly vector: number;
  readonly address: VirtualAddress;
  readonly dpl: number;
  readonly maskEvents: boolean;
}

/** All 256 entries; the index is the vector. */
function trapEntries(context: GuestContext): TrapEntry[] {
  const field = VCPU_GUEST_CONTEXT_64[64].field.trap_ctxt;
  const data = new DataView(context.bytes.buffer, context.bytes.byteOffset + context.start + field.offset);
  return Array.from({ length: 256 }, (_, vector) => {
    const at = vector * field.elementSize;
    const flags = data.getUint8(at + 1);
    const address = (data.getInt32(at + 12, true) * 4294967296 + data.getUint32(at + 8, true)) as VirtualAddress;
    return { vector, address, dpl: flags & 3, maskEvents: (flags & 4) !== 0 };
  });
}

function installCallbacks(vcpu: Vcpu, context: GuestContext): void {
  vcpu.eventCallback = { address: context.get('event_callback_eip') as VirtualAddress, maskEvents: true };
  vcpu.failsafeCallback = {
    address: context.get('failsafe_callback_eip') as VirtualAddress,
    maskEvents: (context.get('flags') & (1 << 3)) !== 0,
  };
  vcpu.syscallCallback = {
    address: context.get('syscall_callback_eip') as VirtualAddress,
    maskEvents: (context.get('flags') & (1 << 4)) !== 0,
  };
  vcpu.kernelSs = context.get('kernel_ss') & 0xffff;
  vcpu.kernelSp = context.get('kernel_sp') as VirtualAddress;
  vcpu.ldtBase = context.get('ldt_base') as VirtualAddress;
  vcpu.ldtEntries = context.get('ldt_ents');
}

/** Order of the general registers in the hardware's numbering. */
const GENERAL = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
] as const;
const SELECTORS = [
  [ES, 'es'],
  [DS, 'ds'],
  [FS, 'fs'],
  [GS, 'gs'],
] as const;

function installRegisters(vcpu: Vcpu, context: GuestContext): void {
  const { registers } = vcpu;
  const base = VCPU_GUEST_CONTEXT_64[64].offset.user_regs;
  const { offset } = CPU_USER_REGS_64[64];
  const data = new DataView(context.bytes.buffer, context.bytes.byteOffset + context.start + base);
  for (const [index, name] of GENERAL.entries()) {
    registers.low[index] = data.getInt32(offset[name], true);
    registers.high[index] = data.getInt32(offset[name] + 4, true);
  }
  registers.rip = (data.getInt32(offset.rip + 4, true) * 4294967296 +
    data.getUint32(offset.rip, true)) as VirtualAddress;
  vcpu.iopl = data.getUint32(offset.rflags, true) & EFLAGS_IOPL;
  registers.rflags = (data.getUint32(offset.rflags, true) & 0x3f4fd7) | RFLAGS_FIXED | EFLAGS_IF;
  registers.selectors[CS] = data.getUint16(offset.cs, true) | 3;
  registers.selectors[SS] = data.getUint16(offset.ss, true) | 3;
  for (const [segment, name] of SELECTORS) registers.selectors[segment] = data.getUint16(offset[name], true);
  registers.fpu = context.bytes.slice(context.start, context.start + 512);
  registers.baseLow[FS] = context.low('fs_base');
  registers.baseHigh[FS] = context.high('fs_base');
  registers.baseLow[GS] = context.low('gs_base_kernel');
  registers.baseHigh[GS] = context.high('gs_base_kernel');
  vcpu.gsBaseUserLow = context.low('gs_base_user');
  vcpu.gsBaseUserHigh = context.high('gs_base_user');
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
  assert(vcpu.kernelRoot !== undefined, `vCPU ${vcpu.id} runs without page tables`);
  processor.paging = '4-level';
  processor.cr4 = CR4_FIXED | vcpu.cr4;
  processor.setRoot(0, vcpu.kernelRoot);
  processor.setRoot(1, vcpu.userRoot);
  processor.view = vcpu.kernelMode ? 0 : 1;
  for (let index = 0; index < 16; index++) {
    processor.setRegister(index, registers.low[index] as number, registers.high[index] as number);
  }
  processor.rip = registers.rip;
  processor.rflags = registers.rflags;
  const cs = registers.selectors[CS] as number;
  const ss = registers.selectors[SS] as number;
  const fault = loadCodeSegment(xen, vcpu, cs) ?? loadStackSegment(xen, vcpu, ss);
  let failed = fault !== undefined;
  for (const [segment] of SELECTORS)
    failed = !loadDataSegment(xen, segment, registers.selectors[segment] as number) || failed;
  for (const segment of [FS, GS]) {
    processor.setSegmentBase(segment, registers.baseLow[segment] as number, registers.baseHigh[segment] as number);
  }
  processor.restoreFpu(registers.fpu);
  processor.taskSwitched = registers.taskSwitched;
  for (const index of [0, 1, 2, 3, 6, 7]) {
    const value = vcpu.debugRegisters[index] as number;
    processor.setDebugRegister(index, lowHalf(value), highHalf(value));
  }
  if (failed) deliverFailsafe(xen, vcpu, cs, ss);
}

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
}

/** Frames of a domain that its own pins hold, for teardown. */
export function unpinAll(xen: Hypervisor, domain: Domain): void {
  for (let mfn = xen.ram.firstMfn; mfn < xen.ram.endMfn; mfn++) {
    if (!xen.frames.owns(domain.domid, mfn) || !xen.references.isPinned(mfn)) continue;
    xen.references.setPinned(mfn, false);
    xen.references.putWithType(mfn);
  }
}
