import type { VirtualAddress } from '../../base/numbers.ts';
import {
  ACCESS_WRITE,
  CS,
  EFLAGS_IF,
  EFLAGS_IOPL,
  EFLAGS_NT,
  EFLAGS_RF,
  EFLAGS_TF,
  EFLAGS_VM,
  RSP,
  SS,
} from '../../x86/cpu/processor.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { hex } from '../common/refusal.ts';
import { setUpcallMask, upcallMaskByte } from '../common/shared-info.ts';
import type { Vcpu } from '../common/vcpu.ts';
import {
  FLAT_COMPAT_RING1_CS,
  FLAT_COMPAT_RING1_DS,
  HYPERVISOR_COMPAT_VIRT_START,
  VMASST_TYPE_ARCHITECTURAL_IOPL,
} from '../public/xen-4/xen.ts';
import type { Bounce } from './bounce-frame.ts';
import { followRing } from './guest-mode.ts';
import { forceFlatSegment, loadCodeSegment, loadStackSegment, type SegmentFault, writableSegment } from './segments.ts';

/**
 * compat_create_bounce_frame of x86_64/compat/entry.S: how a 32-bit guest kernel is entered. On its stack, low to high:
 * [error code,] EIP, CS with the event mask in bits 23:16, EFLAGS, and ESP, SS if it comes from outside ring 1.
 */
export function bounceCompat(xen: Hypervisor, vcpu: Vcpu, request: Bounce): boolean {
  const { processor } = xen;
  const cs = request.cs ?? processor.selector(CS);
  const ss = request.ss ?? processor.selector(SS);
  const fail = (reason: string): false => {
    xen.crash(vcpu.domain, `${request.what}: ${reason}`, vcpu);
    return false;
  };
  if ((request.codeSelector & 0xfffc) === 0) return fail('the guest has no handler for it');
  // Rings 2 and 3 are user to Xen.
  const fromKernel = (cs & 2) === 0;
  const stackSelector = fromKernel ? ss : vcpu.kernelSs;
  const segment = writableSegment(xen, vcpu, stackSelector);
  if (segment === undefined) return fail(`the guest kernel's stack selector ${hex(stackSelector)} cannot be loaded`);
  const words = fromKernel ? [] : [processor.low(RSP), ss];
  const mask = upcallMaskByte(xen.ram, vcpu);
  words.unshift(processor.rip | 0, cs | (mask << 16), shownFlags(xen, vcpu, mask));
  if (request.errorCode !== undefined) words.unshift(request.errorCode);
  const esp = ((fromKernel ? processor.low(RSP) : vcpu.kernelSp) - words.length * 4) >>> 0;
  const inside = words.every((_, index) => segment.contains((esp + index * 4) >>> 0, 4));
  if (!inside || !storeWords(xen, segment.base + esp, words)) {
    return fail(`no frame could be pushed on the guest kernel's stack at ${hex(esp)}`);
  }
  if (request.maskEvents) setUpcallMask(xen.ram, vcpu, true);
  processor.rflags &= ~(EFLAGS_VM | EFLAGS_RF | EFLAGS_NT | EFLAGS_TF);
  processor.setRegister(RSP, esp | 0, 0);
  processor.rip = request.handler;
  const fault = enter(xen, vcpu, request.codeSelector, stackSelector);
  if (fault === undefined) return true;
  // The IRET that Xen enters the handler with has faulted; that is the guest's exception, once.
  const handler = vcpu.traps[fault.vector] as Vcpu['traps'][number];
  if (request.what.startsWith(ENTRY_FAULT))
    return fail(`its handler's selectors ${hex(request.codeSelector)} and ${hex(stackSelector)} are not valid`);
  return bounceCompat(xen, vcpu, {
    handler: handler.address,
    codeSelector: handler.cs,
    maskEvents: handler.maskEvents,
    errorCode: fault.errorCode,
    what: `${ENTRY_FAULT} ${request.what}`,
    cs: request.codeSelector,
    ss: stackSelector,
  });
}

const ENTRY_FAULT = 'fault on entering the handler of';

/** EFLAGS for the guest: IF says whether events are unmasked, IOPL is its own with the architectural assist. */
function shownFlags(xen: Hypervisor, vcpu: Vcpu, mask: number): number {
  const iopl = (vcpu.domain.assists & (1 << VMASST_TYPE_ARCHITECTURAL_IOPL)) !== 0 ? vcpu.iopl : 0;
  return (xen.processor.rflags & ~(EFLAGS_IF | EFLAGS_IOPL)) | (mask === 0 ? EFLAGS_IF : 0) | iopl;
}

/** Selectors as an IRET from Xen loads them. */
export function enter(xen: Hypervisor, vcpu: Vcpu, cs: number, ss: number): SegmentFault | undefined {
  const fault = loadCodeSegment(xen, vcpu, cs) ?? loadStackSegment(xen, vcpu, ss, cs & 3);
  if (fault === undefined) xen.processor.dropPrivilegedSegments();
  followRing(xen, vcpu);
  return fault;
}

/**
 * A data selector could not be loaded when the vCPU was switched to (load_segments): the failsafe callback gets the
 * selectors, in Xen's own flat segments whatever was registered. `selectors`: DS, ES, FS, GS as they should have been.
 */
export function failsafeCompat(
  xen: Hypervisor,
  vcpu: Vcpu,
  { cs, ss }: { readonly cs: number; readonly ss: number },
  selectors: readonly number[],
): void {
  const { processor } = xen;
  const fromKernel = (cs & 3) === 1;
  const mask = upcallMaskByte(xen.ram, vcpu);
  const words = [...selectors, processor.rip | 0, cs | (mask << 16), shownFlags(xen, vcpu, mask)];
  if (!fromKernel) words.push(processor.low(RSP), ss);
  const esp = ((fromKernel ? processor.low(RSP) : vcpu.kernelSp) - words.length * 4) >>> 0;
  if (!storeWords(xen, esp, words)) {
    xen.crash(vcpu.domain, `failsafe callback: no frame could be pushed at ${hex(esp)}`, vcpu);
    return;
  }
  if (vcpu.failsafeCallback.maskEvents) setUpcallMask(xen.ram, vcpu, true);
  processor.rflags &= ~(EFLAGS_VM | EFLAGS_RF | EFLAGS_NT | EFLAGS_TF);
  processor.setRegister(RSP, esp | 0, 0);
  processor.rip = vcpu.failsafeCallback.address;
  forceFlatSegment(xen, vcpu, CS, FLAT_COMPAT_RING1_CS);
  forceFlatSegment(xen, vcpu, SS, FLAT_COMPAT_RING1_DS);
  followRing(xen, vcpu);
}

/** Stores words at a linear address with the kernel's rights, one translation for each page. */
function storeWords(xen: Hypervisor, linear: number, words: readonly number[]): boolean {
  const { processor } = xen;
  const { view } = processor;
  processor.view = 0;
  const stored = words.every((word, index) => storeWord(xen, (linear + index * 4) % 4294967296, word));
  processor.view = view;
  return stored;
}

function storeWord(xen: Hypervisor, address: number, word: number): boolean {
  if (address > HYPERVISOR_COMPAT_VIRT_START - 4) return false;
  if (address % 4 === 0) {
    const machine = xen.processor.translate(address as VirtualAddress, ACCESS_WRITE);
    if (machine === -1) return false;
    xen.ram.write32(machine, word);
    return true;
  }
  const bytes = Uint8Array.of(word, word >>> 8, word >>> 16, word >>> 24);
  return xen.processor.writeVirtual(address as VirtualAddress, bytes);
}
