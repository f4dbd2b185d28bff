import { formatAddress } from '../../base/numbers.ts';
import {
  CS,
  DS,
  ES,
  FS,
  GS,
  PF_FETCH,
  PF_PRESENT,
  PF_USER,
  PF_WRITE,
  SS,
  VECTOR_DB,
  VECTOR_PF,
} from '../../x86/cpu/processor.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { vcpuInfoField } from '../common/shared-info.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { FLAT_RING3_CS64, FLAT_RING3_SS64 } from '../public/xen-4/xen.ts';
import { bounce } from './bounce-frame.ts';
import { forceFlatSegment } from './segments.ts';

/** Delivery of exceptions and of the failsafe callback to a 64-bit guest kernel (pv_inject_event of pv/traps.c). */

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
  // Every 64-bit guest runs in ring 3; the guest is shown whether its own user mode faulted.
  const errorCode = (exit.errorCode & ~PF_USER) | (vcpu.kernelMode ? 0 : PF_USER);
  xen.ram.write64(vcpuInfoField(vcpu, 'arch_cr2'), exit.cr2Low, exit.cr2High);
  injectException(xen, vcpu, VECTOR_PF, errorCode);
}

/** Bounces an exception to the guest's handler; without one the domain crashes. */
export function injectException(xen: Hypervisor, vcpu: Vcpu, vector: number, errorCode: number | undefined): void {
  const handler = vcpu.traps[vector] as Vcpu['traps'][number];
  const what = describe(xen, vector, errorCode);
  xen.trace.exception?.({
    vcpu,
    instructions: xen.clock.instructions,
    now: xen.clock.now(),
    name: vectorName(vector),
    text: what,
  });
  bounce(xen, vcpu, {
    handler: handler.address,
    maskEvents: handler.maskEvents,
    what,
    ...(errorCode === undefined ? {} : { errorCode }),
  });
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
 * A segment register could not be loaded on the guest's behalf: the failsafe callback gets the selectors, and they
 * read as null. `cs` and `ss` are what the guest wanted to return to.
 */
export function deliverFailsafe(xen: Hypervisor, vcpu: Vcpu, cs: number, ss: number): void {
  const { processor } = xen;
  const selectors = [DS, ES, FS, GS].map((segment) => processor.selector(segment));
  forceFlatSegment(xen, vcpu, CS, FLAT_RING3_CS64);
  forceFlatSegment(xen, vcpu, SS, FLAT_RING3_SS64);
  traceCallback(xen, vcpu, 'failsafe callback');
  bounce(xen, vcpu, {
    handler: vcpu.failsafeCallback.address,
    maskEvents: vcpu.failsafeCallback.maskEvents,
    failsafeSelectors: selectors,
    what: `failsafe callback, selectors CS 0x${cs.toString(16)} SS 0x${ss.toString(16)}`,
    cs,
    ss,
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
  });
}

/** Software that steps through emulated instructions sees its trap. */
export function injectSingleStep(xen: Hypervisor, vcpu: Vcpu): void {
  xen.processor.setDebugRegister(6, xen.processor.debugRegister(6) | DR6_SINGLE_STEP, 0);
  noteDebugStatus(xen, vcpu);
  injectException(xen, vcpu, VECTOR_DB, undefined);
}

const DR6_SINGLE_STEP = 0x4000;
/** B0–B3, BD, BS, BT: what a #DB reports. */
const DR6_STATUS = 0xe00f;

/** The guest reads DR6 by hypercall: what the processor found adds to what is there. */
export function noteDebugStatus(xen: Hypervisor, vcpu: Vcpu): void {
  const status = (vcpu.debugRegisters[6] as number) | (xen.processor.debugRegister(6) & DR6_STATUS);
  vcpu.debugRegisters[6] = status >>> 0;
}
