import { assert } from '../../base/assert.ts';
import { type Domid, type MachineAddress, type Mfn, PAGE_SIZE } from '../../base/numbers.ts';
import { type PlainObject, restoreFields, saveFields } from '../../machine/plain-data.ts';
import type { Ram } from '../../machine/ram.ts';
import { Random } from './random.ts';

/** What a frame is used as (Xen's PGT_*). A frame changes type only while its type count is 0. */
export const TYPE_NONE = 0;
export const TYPE_L1 = 1;
export const TYPE_L2 = 2;
export const TYPE_L3 = 3;
export const TYPE_L4 = 4;
export const TYPE_SEGMENT_DESCRIPTORS = 5;
export const TYPE_SHARED = 6;
export const TYPE_WRITABLE = 7;
/** Older interfaces tell pages of the LDT from those of the GDT, which are TYPE_SEGMENT_DESCRIPTORS. */
export const TYPE_LDT = 8;
export type FrameType = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Names as in Xen's messages. */
export const FRAME_TYPE_NAMES: readonly string[] = [
  'none',
  'l1_page_table',
  'l2_page_table',
  'l3_page_table',
  'l4_page_table',
  'seg_desc_page',
  'shared_page',
  'writable_page',
  'ldt_page',
];

/** Flags of a frame. */
export const FRAME_VALIDATED = 1;
export const FRAME_PINNED = 2;
/** The owner's own reference (PGC_allocated) is still held: the frame is part of a domain's allocation. */
export const FRAME_ALLOCATED = 4;
/** Belongs to the hypervisor and is merely shared with its owner (shared info, grant table). */
export const FRAME_XEN_HEAP = 8;
/** An L2 table of a 32-bit guest that holds Xen's own slots: the fourth entry of one L3, and nothing else (PGT_pae_xen_l2). */
export const FRAME_PAE_XEN_L2 = 16;

/** Owners that are no guests (public/xen.h). */
export const DOMID_SELF = 0x7ff0 as Domid;
export const DOMID_IO = 0x7ff1 as Domid;
export const DOMID_XEN = 0x7ff2 as Domid;
const OWNER_FREE = -1;

/** "This machine frame belongs to no pseudo-physical page" in the machine-to-physical table. */
export const INVALID_M2P_ENTRY = -1;

/**
 * Every frame of the machine: who owns it, what it is used as, how often. Free frames are handed out in a seeded
 * random order, so that nothing can pass by mistaking pseudo-physical frame numbers for machine ones.
 */
export class FrameTable {
  readonly first: number;
  /** Indexed by mfn - first; read by the walkers in pv/. */
  readonly owners: Int16Array;
  readonly types: Uint8Array;
  readonly flags: Uint8Array;
  /** Uses as the current type. */
  readonly typeCounts: Int32Array;
  /** References of any kind, the allocation's own included. */
  readonly counts: Int32Array;
  /** Number of the last full TLB flush when the frame's type was dropped; see pv/tlb.ts. */
  readonly flushStamps: Float64Array;
  /** 1 for a frame that has been handed out before, and so may hold something. */
  private readonly used: Uint8Array;
  private readonly free: Int32Array;
  private freeCount: number;

  constructor(
    readonly ram: Ram,
    seed: number,
  ) {
    const count = ram.frameCount;
    this.first = ram.firstMfn;
    this.owners = new Int16Array(count).fill(OWNER_FREE);
    this.types = new Uint8Array(count);
    this.flags = new Uint8Array(count);
    this.typeCounts = new Int32Array(count);
    this.counts = new Int32Array(count);
    this.flushStamps = new Float64Array(count);
    this.used = new Uint8Array(count);
    this.free = shuffledFrames(this.first, count, seed);
    this.freeCount = count;
  }

  get freeFrames(): number {
    return this.freeCount;
  }

  /**
   * Takes a free frame, cleared, for `owner`, with one reference (the allocation's). `unequal`: a number that the
   * frame's must differ from (its future pfn). Undefined when memory is used up.
   */
  allocate(owner: Domid, unequal = -1): Mfn | undefined {
    if (this.freeCount === 0) return undefined;
    let at = this.freeCount - 1;
    if (this.free[at] === unequal && at > 0) at--;
    const mfn = this.free[at] as Mfn;
    this.free[at] = this.free[this.freeCount - 1] as number;
    this.freeCount--;
    this.take(mfn, owner);
    return mfn;
  }

  /** `pages` (a power of two) aligned, adjacent frames below `limit`; the first one. Undefined when none are free. */
  allocateContiguous(owner: Domid, pages: number, limit = Number.POSITIVE_INFINITY): Mfn | undefined {
    const start = this.findRun(pages, this.first, limit);
    if (start === undefined) return undefined;
    let kept = 0;
    for (let at = 0; at < this.freeCount; at++) {
      const mfn = this.free[at] as number;
      if (mfn < start || mfn >= start + pages) this.free[kept++] = mfn;
    }
    this.freeCount = kept;
    for (let mfn = start; mfn < start + pages; mfn++) this.take(mfn as Mfn, owner);
    return start as Mfn;
  }

  /** How many such runs are free. */
  countContiguous(pages: number, limit = Number.POSITIVE_INFINITY): number {
    let count = 0;
    for (let at = this.findRun(pages, this.first, limit); at !== undefined; at = this.findRun(pages, at + pages, limit))
      count++;
    return count;
  }

  private findRun(pages: number, from: number, limit: number): number | undefined {
    const end = Math.min(limit, this.first + this.owners.length);
    for (let start = Math.ceil(from / pages) * pages; start + pages <= end; start += pages) {
      let length = 0;
      while (length < pages && this.owners[start + length - this.first] === OWNER_FREE) length++;
      if (length === pages) return start;
    }
    return undefined;
  }

  private take(mfn: Mfn, owner: Domid): void {
    const index = mfn - this.first;
    assert(this.owners[index] === OWNER_FREE && this.counts[index] === 0, `free frame ${mfn} is in use`);
    this.owners[index] = owner;
    this.counts[index] = 1;
    this.flags[index] = FRAME_ALLOCATED;
    // New memory is zero, and touching it all would cost a second and its weight in pages at every boot.
    if (this.used[index] !== 0) this.ram.clearFrame(mfn);
    this.used[index] = 1;
  }

  /** Returns an unreferenced frame to the free pool. */
  release(mfn: Mfn): void {
    const index = mfn - this.first;
    assert(this.counts[index] === 0 && this.typeCounts[index] === 0, `frame ${mfn} freed while referenced`);
    this.owners[index] = OWNER_FREE;
    this.types[index] = TYPE_NONE;
    this.flags[index] = 0;
    this.free[this.freeCount++] = mfn;
  }

  save(): PlainObject {
    return saveFields(this, ['ram']);
  }

  restore(state: PlainObject): void {
    restoreFields(this, state, ['ram']);
  }

  /** Owner, or undefined for a free frame or no frame at all. */
  owner(mfn: number): Domid | undefined {
    const owner = this.owners[mfn - this.first];
    return owner === undefined || owner === OWNER_FREE ? undefined : (owner as Domid);
  }

  owns(domid: Domid, mfn: number): mfn is Mfn {
    return this.owners[mfn - this.first] === domid;
  }

  /** Everything about one frame, for inspectors and invariant checks. */
  describe(mfn: Mfn): FrameInfo {
    const index = mfn - this.first;
    return {
      mfn,
      owner: this.owner(mfn),
      type: FRAME_TYPE_NAMES[this.types[index] as number] as string,
      typeCount: this.typeCounts[index] as number,
      count: this.counts[index] as number,
      pinned: ((this.flags[index] as number) & FRAME_PINNED) !== 0,
      validated: ((this.flags[index] as number) & FRAME_VALIDATED) !== 0,
    };
  }
}

export interface FrameInfo {
  readonly mfn: Mfn;
  readonly owner: Domid | undefined;
  readonly type: string;
  readonly typeCount: number;
  readonly count: number;
  readonly pinned: boolean;
  readonly validated: boolean;
}

export function machineAddressOf(mfn: Mfn): MachineAddress {
  return (mfn * PAGE_SIZE) as MachineAddress;
}

function shuffledFrames(first: number, count: number, seed: number): Int32Array {
  const random = new Random(seed);
  const frames = new Int32Array(count);
  for (let index = 0; index < count; index++) frames[index] = first + index;
  for (let index = count - 1; index > 0; index--) {
    const other = random.below(index + 1);
    const swapped = frames[index] as number;
    frames[index] = frames[other] as number;
    frames[other] = swapped;
  }
  return frames;
}
