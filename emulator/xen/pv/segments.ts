import { CS, SS, VECTOR_GP, VECTOR_NP, VECTOR_SS } from '../../x86/cpu/processor.ts';
import { descriptorBase, descriptorLimit } from '../../x86/cpu/segments.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { lookUpDescriptor } from './descriptor-tables.ts';

/** Segment registers as Xen loads them on a guest's behalf. */

const descriptor = new Uint32Array(2);
const PRESENT = 1 << 15;
const S = 1 << 12;
const CODE = 1 << 11;
const CONFORMING = 1 << 10;
const EXPAND_DOWN = 1 << 10;
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

/** Exception that the processor would raise instead of loading a selector. */
export interface SegmentFault {
  readonly vector: number;
  readonly errorCode: number;
}

/** CS as IRET from ring 0 to the selector's ring would load it (SDM vol. 2, IRET); undefined when loaded. */
export function loadCodeSegment(xen: Hypervisor, vcpu: Vcpu, selector: number): SegmentFault | undefined {
  const errorCode = selector & 0xfffc;
  const general = { vector: VECTOR_GP, errorCode };
  if (errorCode === 0 || !lookUpDescriptor(xen, vcpu, selector, descriptor)) return general;
  const low = descriptor[0] as number;
  const high = descriptor[1] as number;
  if ((high & (S | CODE)) !== (S | CODE)) return general;
  const dpl = (high >>> DPL_SHIFT) & 3;
  const ring = selector & 3;
  if ((high & CONFORMING) !== 0 ? dpl > ring : dpl !== ring) return general;
  if ((high & (LONG | DEFAULT_SIZE)) === (LONG | DEFAULT_SIZE)) return general;
  if ((high & PRESENT) === 0) return { vector: VECTOR_NP, errorCode };
  xen.processor.forceSegment(CS, selector, low, high);
  return undefined;
}

/** SS likewise, for code of that ring: a writable data segment of the same privilege. */
export function loadStackSegment(
  xen: Hypervisor,
  vcpu: Vcpu,
  selector: number,
  ring: number,
): SegmentFault | undefined {
  const errorCode = selector & 0xfffc;
  const general = { vector: VECTOR_GP, errorCode };
  if (errorCode === 0 || !lookUpDescriptor(xen, vcpu, selector, descriptor)) return general;
  const high = descriptor[1] as number;
  if ((selector & 3) !== ring || ((high >>> DPL_SHIFT) & 3) !== ring) return general;
  if ((high & (S | CODE | WRITABLE)) !== (S | WRITABLE)) return general;
  if ((high & PRESENT) === 0) return { vector: VECTOR_SS, errorCode };
  xen.processor.forceSegment(SS, selector, descriptor[0] as number, high);
  return undefined;
}

/** Base of a segment that Xen itself writes through, in ring 0; undefined when it is not one to be written to. */
export function writableSegment(
  xen: Hypervisor,
  vcpu: Vcpu,
  selector: number,
): { readonly base: number; readonly contains: (offset: number, bytes: number) => boolean } | undefined {
  if ((selector & 0xfffc) === 0 || !lookUpDescriptor(xen, vcpu, selector, descriptor)) return undefined;
  const low = descriptor[0] as number;
  const high = descriptor[1] as number;
  if ((high & (S | CODE | WRITABLE | PRESENT)) !== (S | WRITABLE | PRESENT)) return undefined;
  if (((high >>> DPL_SHIFT) & 3) < (selector & 3)) return undefined;
  const limit = descriptorLimit(low, high);
  const highest = (high & DEFAULT_SIZE) !== 0 ? 0xffffffff : 0xffff;
  const expandsDown = (high & EXPAND_DOWN) !== 0;
  return {
    base: descriptorBase(low, high) >>> 0,
    contains: (offset, bytes) =>
      expandsDown ? offset > limit && offset + bytes - 1 <= highest : offset + bytes - 1 <= limit,
  };
}
