import { CS, SS } from '../../x86/cpu/processor.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { lookUpDescriptor } from './descriptor-tables.ts';

/** Segment registers as Xen loads them on a guest's behalf. */

const descriptor = new Uint32Array(2);
const PRESENT = 1 << 15;
const S = 1 << 12;
const CODE = 1 << 11;
const CONFORMING = 1 << 10;
const WRITABLE = 1 << 9;
const DPL_SHIFT = 13;
const LONG = 1 << 21;
const DEFAULT_SIZE = 1 << 22;

/** One of Xen's own flat selectors, which are always there. */
export function forceFlatSegment(xen: Hypervisor, vcpu: Vcpu, segment: number, selector: number): void {
  // The same selector means the same constant descriptor: nothing to load.
  if (xen.processor.selector(segment) === selector) return;
  lookUpDescriptor(xen, vcpu, selector, descriptor);
  xen.processor.forceSegment(segment, selector, descriptor[0] as number, descriptor[1] as number);
}

/**
 * CS as IRET to ring 3 would load it (SDM vol. 2, IRET). Answers the error code of the #GP or #NP it would raise with
 * its vector, or undefined when loaded.
 */
export function loadCodeSegment(
  xen: Hypervisor,
  vcpu: Vcpu,
  selector: number,
): { vector: number; errorCode: number } | undefined {
  const errorCode = selector & 0xfffc;
  const general = { vector: 13, errorCode };
  if (errorCode === 0 || !lookUpDescriptor(xen, vcpu, selector, descriptor)) return general;
  const low = descriptor[0] as number;
  const high = descriptor[1] as number;
  if ((high & (S | CODE)) !== (S | CODE)) return general;
  const dpl = (high >>> DPL_SHIFT) & 3;
  if ((high & CONFORMING) === 0 && dpl !== 3) return general;
  if ((high & (LONG | DEFAULT_SIZE)) === (LONG | DEFAULT_SIZE)) return general;
  if ((high & PRESENT) === 0) return { vector: 11, errorCode };
  xen.processor.forceSegment(CS, selector, low, high);
  return undefined;
}

/** SS likewise: a writable data segment of DPL 3. */
export function loadStackSegment(
  xen: Hypervisor,
  vcpu: Vcpu,
  selector: number,
): { vector: number; errorCode: number } | undefined {
  const errorCode = selector & 0xfffc;
  const general = { vector: 13, errorCode };
  if (errorCode === 0 || !lookUpDescriptor(xen, vcpu, selector, descriptor)) return general;
  const high = descriptor[1] as number;
  if ((high & (S | CODE | WRITABLE)) !== (S | WRITABLE) || ((high >>> DPL_SHIFT) & 3) !== 3) return general;
  if ((high & PRESENT) === 0) return { vector: 12, errorCode };
  xen.processor.forceSegment(SS, selector, descriptor[0] as number, high);
  return undefined;
}
