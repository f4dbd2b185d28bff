import type { MachineAddress, Mfn, VirtualAddress } from '../../base/numbers.ts';
import { STORE_DONE, STORE_FAULT } from '../../x86/cpu/processor.ts';
import { TYPE_L1 } from '../common/frame-table.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { hex, type Refusal, refuse } from '../common/refusal.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { followRing } from './guest-mode.ts';
import { modifyEntry } from './mm-update.ts';
import { PAGE_PRESENT } from './page-table-entry.ts';

/**
 * Guest stores to read-only mappings of its L1 tables (ptwr of pv/ro-page-fault.c): the entry that results from the
 * whole store is validated like one given to mmu_update, and stored. Everything else faults.
 */
export function emulatePageTableStore(
  xen: Hypervisor,
  vcpu: Vcpu,
  address: VirtualAddress,
  machine: MachineAddress,
  size: number,
  low: number,
  high: number,
): number {
  const frame = Math.floor(machine / 4096);
  if (!xen.frames.owns(vcpu.domain.domid, frame)) return STORE_FAULT;
  const mfn = frame as Mfn;
  // Only L1 tables are writable this way; upper levels take mmu_update.
  if (xen.references.type(mfn) !== TYPE_L1 || xen.references.typeCount(mfn) === 0) return STORE_FAULT;
  followRing(xen, vcpu);
  if (!vcpu.kernelMode) return STORE_FAULT;
  const refusal = storePart(xen, vcpu, mfn, machine, size, low, high);
  if (refusal === undefined) return STORE_DONE;
  xen.notice(vcpu.domain, 'page-table store', {
    errno: refusal.errno,
    reason: `store of ${size} bytes at ${hex(address)}: ${refusal.reason}`,
  });
  return STORE_FAULT;
}

function storePart(
  xen: Hypervisor,
  vcpu: Vcpu,
  mfn: Mfn,
  machine: MachineAddress,
  size: number,
  low: number,
  high: number,
): Refusal | undefined {
  if (machine % size !== 0) return refuse('EINVAL', `not aligned to its size of ${size}`);
  const slot = Math.floor((machine % 4096) / 8);
  const at = (xen.ram.offset(mfn) >>> 2) + slot * 2;
  let newLow = xen.ram.i32[at] as number;
  let newHigh = xen.ram.i32[at + 1] as number;
  if (size === 8) {
    newLow = low;
    newHigh = high;
  } else {
    const shift = (machine % 4) * 8;
    const mask = size === 4 ? -1 : ((1 << (size * 8)) - 1) << shift;
    const part = size === 4 ? low : (low << shift) & mask;
    if (machine % 8 < 4) newLow = (newLow & ~mask) | part;
    else newHigh = (newHigh & ~mask) | part;
  }
  const refusal = modifyEntry(xen, TYPE_L1, mfn, slot, newLow, newHigh, false, vcpu.domain, vcpu.domain);
  const upperHalf = vcpu.domain.width === 32 && size === 4 && machine % 8 === 4;
  if (refusal === undefined || !upperHalf || (newLow & PAGE_PRESENT) === 0) return refusal;
  // A PAE guest that writes the halves of an entry the wrong way round: not present until the other one comes.
  return modifyEntry(xen, TYPE_L1, mfn, slot, newLow & ~PAGE_PRESENT, newHigh, false, vcpu.domain, vcpu.domain);
}
