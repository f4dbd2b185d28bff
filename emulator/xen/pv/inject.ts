import { formatAddress } from '../../base/numbers.ts';
import { PF_FETCH, PF_PRESENT, PF_USER, PF_WRITE, VECTOR_DB, VECTOR_PF } from '../../x86/cpu/processor.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { vcpuInfoField } from '../common/shared-info.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { bounce } from './bounce-frame.ts';
import { failsafeCompat } from './compat-bounce-frame.ts';
import { followRing } from './guest-mode.ts';

/** Delivery of exceptions and of the failsafe callback to a guest kernel (pv_inject_event of pv/traps.c). */

const NAMES: readonly string[] = [
  '#DE',
  '#DB',
  'NMI',
  '#BP',
  '#OF',
  '#BR',
  '#UD',
  '#NM',
  '#DF',
  'vector 9',
  '#TS',
  '#NP',
  '#SS',
  '#GP',
  '#PF',
  'vector 15',
  '#MF',
  '#AC',
  '#MC',
  '#XM',
];

export function vectorName(vector: number): string {
  return NAMES[vector] ?? `vector 0x${vector.toString(16)}`;
}

/** Delivers the page fault that is in `processor.exit`. */
export function injectPageFault(xen: Hypervisor, vcpu: Vcpu): void {
  const { exit } = xen.processor;
  followRing(xen, vcpu);
  // Every 64-bit guest runs in ring 3; the guest is shown whether its own user mode faulted.
  const errorCode = (exit.errorCode & ~PF_USER) | (vcpu.kernelMode ? 0 : PF_USER);
  storeCr2(xen, vcpu, exit.cr2Low, exit.cr2High);
  injectException(xen, vcpu, VECTOR_PF, errorCode);
}

/** arch_set_cr2: the word in vcpu_info. */
export function storeCr2(xen: Hypervisor, vcpu: Vcpu, low: number, high: number): void {
  const at = vcpuInfoField(vcpu, 'arch_cr2');
  if (vcpu.domain.width === 64) xen.ram.write64(at, low, high);
  else xen.ram.write32(at, low);
}

/**
 * Bounces an exception to the guest's handler; without one the domain crashes. `selectors`: those that the guest wanted
 * to return to, when the processor could not load them.
 */
export function injectException(
  xen: Hypervisor,
  vcpu: Vcpu,
  vector: number,
  errorCode: number | undefined,
  selectors: { readonly cs?: number; readonly ss?: number } = {},
): void {
  const handler = vcpu.traps[vector] as Vcpu['traps'][number];
  const what = traceException(xen, vcpu, vector, errorCode);
  bounce(xen, vcpu, {
    handler: handler.address,
    codeSelector: handler.cs,
    maskEvents: handler.maskEvents,
    what,
    ...selectors,
    ...(errorCode === undefined ? {} : { errorCode }),
  });
}

/** Tells the trace that an exception is delivered; answers what it is in words. */
export function traceException(xen: Hypervisor, vcpu: Vcpu, vector: number, errorCode: number | undefined): string {
  const text = describe(xen, vector, errorCode);
  const { instructions } = xen.clock;
  const now = xen.clock.now();
  xen.trace.exception?.({ vcpu, instructions, now, name: vectorName(vector), text, vector, errorCode });
  return text;
}

function describe(xen: Hypervisor, vector: number, errorCode: number | undefined): string {
  const at = `at ${formatAddress(xen.processor.rip)}`;
  if (vector !== VECTOR_PF) {
    const code = errorCode === undefined ? '' : `, error code 0x${errorCode.toString(16)}`;
    return `${vectorName(vector)} ${at}${code}`;
  }
  const { exit } = xen.processor;
  const address = formatAddress(exit.cr2High * 4294967296 + (exit.cr2Low >>> 0));
  const access =
    (exit.errorCode & PF_FETCH) !== 0 ? 'fetch from' : (exit.errorCode & PF_WRITE) !== 0 ? 'write to' : 'read of';
  const cause = (exit.errorCode & PF_PRESENT) !== 0 ? 'not permitted' : 'not mapped';
  return `#PF ${at}: ${access} ${address}, ${cause}`;
}

/**
 * A segment register could not be loaded when the vCPU was switched to: the failsafe callback gets the selectors, and
 * they read as null (load_segments of domain.c). `selectors`: DS, ES, FS, GS as they should have been.
 */
export function deliverFailsafe(
  xen: Hypervisor,
  vcpu: Vcpu,
  interrupted: { readonly cs: number; readonly ss: number },
  selectors: readonly number[],
): void {
  traceCallback(xen, vcpu, 'failsafe callback');
  if (vcpu.domain.width === 32) {
    failsafeCompat(xen, vcpu, interrupted, selectors);
    return;
  }
  bounce(xen, vcpu, {
    handler: vcpu.failsafeCallback.address,
    codeSelector: 0,
    maskEvents: vcpu.failsafeCallback.maskEvents,
    failsafeSelectors: selectors,
    ...interrupted,
    what: `failsafe callback, selectors ${selectors.map((selector) => selector.toString(16)).join(' ')}`,
  });
}

/** Tells the trace that a callback is entered. */
export function traceCallback(xen: Hypervisor, vcpu: Vcpu, name: string): void {
  xen.trace.exception?.({
    vcpu,
    instructions: xen.clock.instructions,
    now: xen.clock.now(),
    name,
    text: `${name} at ${formatAddress(xen.processor.rip)}`,
    vector: undefined,
    errorCode: undefined,
  });
}

/** After an emulated instruction: software that steps through it sees its trap, and breakpoints on ports theirs. */
export function injectDebugTrap(xen: Hypervisor, vcpu: Vcpu, bits: number): void {
  xen.processor.setDebugRegister(6, xen.processor.debugRegister(6) | bits, 0);
  noteDebugStatus(xen, vcpu);
  injectException(xen, vcpu, VECTOR_DB, undefined);
}

export const DR6_SINGLE_STEP = 0x4000;
/** B0–B3, BD, BS, BT: what a #DB reports. */
const DR6_STATUS = 0xe00f;

/** The guest reads DR6 by hypercall: what the processor found adds to what is there. */
export function noteDebugStatus(xen: Hypervisor, vcpu: Vcpu): void {
  const status = (vcpu.debugRegisters[6] as number) | (xen.processor.debugRegister(6) & DR6_STATUS);
  vcpu.debugRegisters[6] = status >>> 0;
}
