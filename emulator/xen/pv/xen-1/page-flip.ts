/**
 * Receiving by page flipping in Xen 1.2 (net/dev.c, get_bufs_from_vif and deliver_packet): the guest names the entry of
 * its page tables that maps a buffer. Xen takes the page out of it, and puts another, with a frame in it, in its place.
 */
import type { MachineAddress, Mfn } from '../../../base/numbers.ts';
import { PAGE_SIZE } from '../../../base/numbers.ts';
import type { Domain } from '../../common/domain.ts';
import { TYPE_L1, TYPE_WRITABLE } from '../../common/frame-table.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { hex, isRefusal, type Refusal, refuse } from '../../common/refusal.ts';

const PRESENT = 1;
const PRESENT_WRITABLE = 3;
/** Flags of a guest's L1 entry that may stay: all but PAT and global (bits 7 and 8). */
const KEPT_FLAGS = 0xe7f;

/** A page that was taken. Plain data. */
export interface TakenPage {
  /** Machine address of the entry; its table is held as one until a page is back. */
  readonly entry: number;
  /** What the guest called the page. */
  readonly pfn: number;
  /** Count of TLB flushes when it was taken. */
  readonly stamp: number;
}

/** Takes the page that an entry maps, once and writable; the domain has one less then. */
export function takePageByEntry(xen: Hypervisor, domain: Domain, entry: number): TakenPage | Refusal {
  const { frames, references, ram, tlb } = xen;
  const table = Math.floor(entry / PAGE_SIZE);
  if (entry % 4 !== 0) return refuse('EINVAL', `${hex(entry)} is no address of a page-table entry`);
  if (!frames.owns(domain.domid, table)) return references.notOwned(table, domain.domid);
  if (references.type(table) !== TYPE_L1 || references.typeCount(table) === 0)
    return refuse('EINVAL', `mfn ${hex(table)} is in use as no L1 table`);
  const value = ram.read32(entry as MachineAddress);
  const mfn = (value >>> 12) as Mfn;
  if ((value & PRESENT) === 0) return refuse('EINVAL', `the entry at ${hex(entry)} is not present`);
  const info = frames.owns(domain.domid, mfn) ? frames.describe(mfn) : undefined;
  // One count is the allocation's own, one that of the mapping, which is a writable one.
  if (info?.type !== 'writable_page' || info.typeCount !== 1 || info.count !== 2 || xen.isXenHeap(mfn))
    return refuse('EINVAL', `mfn ${hex(mfn)} is not a writable page of the domain that is mapped once`);
  const held = references.getWithType(table, TYPE_L1, domain.domid);
  if (held !== undefined) return held;
  ram.write32(entry as MachineAddress, value & ~PRESENT);
  const pfn = xen.m2p.get(mfn);
  references.putWithType(mfn);
  references.deallocate(mfn);
  return { entry, pfn, stamp: tlb.stamp };
}

/**
 * Gives the domain a page with `bytes` in it from `offset` on, where the taken one was. Refused where the entry is in
 * use again, or no page is to be had; the domain has its page back, unmapped, in the first case.
 */
export function givePageByEntry(
  xen: Hypervisor,
  domain: Domain,
  { entry, pfn, stamp }: TakenPage,
  bytes: Uint8Array,
  offset: number,
): Refusal | undefined {
  const { references, ram, tlb } = xen;
  const table = Math.floor(entry / PAGE_SIZE) as Mfn;
  const value = ram.read32(entry as MachineAddress);
  const mfn = xen.allocateExtent(domain, 0);
  let refusal: Refusal | undefined;
  if (isRefusal(mfn)) refusal = mfn;
  else {
    xen.setPfn(mfn, pfn, 0);
    if ((value & PRESENT) !== 0) refusal = refuse('EINVAL', `the entry at ${hex(entry)} is in use again`);
    else {
      ram.writeBytes((mfn * PAGE_SIZE + offset) as MachineAddress, bytes);
      references.getWithType(mfn, TYPE_WRITABLE, domain.domid);
      ram.write32(entry as MachineAddress, (mfn * PAGE_SIZE) | (value & KEPT_FLAGS) | PRESENT_WRITABLE);
      // The guest may still have the translation to the page that was there.
      tlb.flushIfStale(stamp);
    }
  }
  references.putWithType(table);
  return refusal;
}
