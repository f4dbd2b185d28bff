import type { VirtualAddress } from '../../../base/numbers.ts';
import {
  ACCESS_WRITE,
  CS,
  EFLAGS_IF,
  EFLAGS_NT,
  EFLAGS_RF,
  EFLAGS_TF,
  EFLAGS_VM,
  RSP,
  SS,
} from '../../../x86/cpu/processor.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { hex } from '../../common/refusal.ts';
import { setUpcallMask } from '../../common/shared-info.ts';
import type { Vcpu } from '../../common/vcpu.ts';
import { HYPERVISOR_VIRT_START } from '../../public/xen-2.0/xen.ts';
import type { Bounce } from '../bounce-frame.ts';
import { enter } from '../compat-bounce-frame.ts';
import { writableSegment } from '../segments.ts';

/**
 * create_bounce_frame of arch/x86/x86_32/entry.S before Xen 3: on the guest kernel's stack, low to high, [DS, ES, FS, GS
 * of the failsafe callback] or [[CR2 of a page fault,] error code,] EIP, CS, EFLAGS, and ESP, SS if it comes from outside
 * ring 1. The event mask is in none of them.
 */
export interface Bounce2 extends Bounce {
  /** Pushed below the error code. */
  readonly cr2?: number;
}

/** False: the domain has crashed. */
export function bounce2(xen: Hypervisor, vcpu: Vcpu, request: Bounce2): boolean {
  const { processor } = xen;
  const cs = request.cs ?? processor.selector(CS);
  const ss = request.ss ?? processor.selector(SS);
  const fail = (reason: string): false => {
    xen.crash(vcpu.domain, `${request.what}: ${reason}`, vcpu);
    return false;
  };
  if (request.handler === 0) return fail('the guest has no handler for it');
  // Rings 2 and 3 are user to Xen.
  const fromKernel = (cs & 2) === 0;
  const stackSelector = fromKernel ? ss : vcpu.kernelSs;
  const segment = writableSegment(xen, vcpu, stackSelector);
  if (segment === undefined) return fail(`the guest kernel's stack selector ${hex(stackSelector)} cannot be loaded`);
  const words = [processor.rip | 0, cs, processor.rflags | EFLAGS_IF];
  if (!fromKernel) words.push(processor.low(RSP), ss);
  if (request.errorCode !== undefined) words.unshift(request.errorCode);
  if (request.cr2 !== undefined) words.unshift(request.cr2);
  if (request.failsafeSelectors !== undefined) words.unshift(...request.failsafeSelectors);
  const esp = ((fromKernel ? processor.low(RSP) : vcpu.kernelSp) - words.length * 4) >>> 0;
  const inside = words.every((_, index) => segment.contains((esp + index * 4) >>> 0, 4));
  if (!inside || !pushWords(xen, segment.base + esp, words))
    return fail(`no frame could be pushed on the guest kernel's stack at ${hex(esp)}`);
  if (request.maskEvents) setUpcallMask(xen.ram, vcpu, true);
  return enterHandler(xen, vcpu, request, stackSelector, esp, fail);
}

function enterHandler(
  xen: Hypervisor,
  vcpu: Vcpu,
  request: Bounce2,
  stackSelector: number,
  esp: number,
  fail: (reason: string) => false,
): boolean {
  const { processor } = xen;
  processor.rflags &= ~(EFLAGS_VM | EFLAGS_RF | EFLAGS_NT | EFLAGS_TF);
  processor.setRegister(RSP, esp | 0, 0);
  processor.rip = request.handler;
  if (enter(xen, vcpu, request.codeSelector, stackSelector) === undefined) return true;
  if (request.failsafeSelectors !== undefined)
    return fail(`its selectors ${hex(request.codeSelector)} and ${hex(stackSelector)} are not valid`);
  // The IRET that Xen enters the handler with has faulted: the failsafe callback is told.
  return bounceFailsafe2(xen, vcpu, { cs: request.codeSelector, ss: stackSelector });
}

/** Data segment registers in the order of the failsafe frame. */
const FAILSAFE_ORDER = [3, 0, 4, 5] as const;

/**
 * A selector could not be loaded on the way back into the guest: its failsafe callback is entered instead. `selectors`:
 * DS, ES, FS, GS as the guest had them, where the processor has something else.
 */
export function bounceFailsafe2(
  xen: Hypervisor,
  vcpu: Vcpu,
  interrupted: { readonly cs: number; readonly ss: number },
  selectors: readonly number[] = FAILSAFE_ORDER.map((segment) => xen.processor.selector(segment)),
): boolean {
  const { address, cs } = vcpu.failsafeCallback;
  return bounce2(xen, vcpu, {
    handler: address,
    codeSelector: cs,
    maskEvents: false,
    failsafeSelectors: selectors,
    ...interrupted,
    what: 'failsafe callback',
  });
}

/** Stores words at a linear address with the kernel's rights. */
export function pushWords(xen: Hypervisor, linear: number, words: readonly number[]): boolean {
  const { processor } = xen;
  const { view } = processor;
  processor.view = 0;
  const stored = words.every((word, index) => pushWord(xen, (linear + index * 4) % 4294967296, word));
  processor.view = view;
  return stored;
}

function pushWord(xen: Hypervisor, address: number, word: number): boolean {
  if (address > HYPERVISOR_VIRT_START - 4) return false;
  if (address % 4 === 0) {
    const machine = xen.processor.translate(address as VirtualAddress, ACCESS_WRITE);
    if (machine === -1) return false;
    xen.ram.write32(machine, word);
    return true;
  }
  return xen.processor.writeVirtual(
    address as VirtualAddress,
    Uint8Array.of(word, word >>> 8, word >>> 16, word >>> 24),
  );
}
