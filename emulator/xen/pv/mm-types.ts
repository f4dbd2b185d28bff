import { assert } from '../../base/assert.ts';
import type { Domid, Mfn } from '../../base/numbers.ts';
import type { Domain } from '../common/domain.ts';
import {
  FRAME_ALLOCATED,
  FRAME_PAE_XEN_L2,
  FRAME_PINNED,
  FRAME_TYPE_NAMES,
  FRAME_VALIDATED,
  FRAME_XEN_HEAP,
  type FrameTable,
  type FrameType,
  TYPE_L1,
  TYPE_L2,
  TYPE_L4,
  TYPE_LDT,
  TYPE_SEGMENT_DESCRIPTORS,
  TYPE_WRITABLE,
} from '../common/frame-table.ts';
import type { MachineToPhysical } from '../common/m2p.ts';
import { hex, type Refusal, refuse } from '../common/refusal.ts';
import type { Tlb } from './tlb.ts';

/** Checks contents when a frame becomes a page table or descriptor page, and lets go of them when it stops. */
export interface Validator {
  /** Takes references for everything the frame refers to, or none at all. */
  promote(mfn: Mfn, type: FrameType, owner: Domain): Refusal | undefined;
  demote(mfn: Mfn, type: FrameType, owner: Domain): void;
}

/**
 * Reference counts of frames (mm.c): a general count that keeps a frame from being freed, and a type count that keeps
 * it from being used in two ways. The safety of direct paging rests on one rule: a frame changes type only at count 0.
 */
export class FrameReferences {
  /** Set by the owner right after construction; the two need each other. */
  validator!: Validator;
  /**
   * Linear page tables (a table mapped as one of its own level): > 0 such entries in the frame, < 0 such uses of it. A
   * frame may have one or the other, so that validation cannot loop.
   */
  private readonly linear: Int32Array;

  constructor(
    private readonly frames: FrameTable,
    private readonly m2p: MachineToPhysical,
    private readonly tlb: Tlb,
    private readonly domains: ReadonlyMap<Domid, Domain>,
  ) {
    this.linear = new Int32Array(frames.owners.length);
  }

  /** A general reference, if the frame belongs to `domid`. */
  get(mfn: number, domid: Domid): boolean {
    const index = mfn - this.frames.first;
    if (this.frames.owners[index] !== domid) return false;
    this.frames.counts[index] = (this.frames.counts[index] as number) + 1;
    return true;
  }

  put(mfn: Mfn): void {
    const index = mfn - this.frames.first;
    const count = (this.frames.counts[index] as number) - 1;
    assert(count >= 0, `reference count of frame ${hex(mfn)} below 0`);
    this.frames.counts[index] = count;
    if (count === 0) this.free(mfn);
  }

  /** Takes the owner's own reference away: the frame is freed once nobody uses it. False when it was gone already. */
  deallocate(mfn: Mfn): boolean {
    const index = mfn - this.frames.first;
    if (((this.frames.flags[index] as number) & FRAME_ALLOCATED) === 0) return false;
    this.frames.flags[index] = (this.frames.flags[index] as number) & ~FRAME_ALLOCATED;
    this.put(mfn);
    return true;
  }

  /**
   * A type reference; the caller holds a general one. Validates on the first use as that type. `special`:
   * FRAME_PAE_XEN_L2 for the L2 table that gets Xen's slots, which is no L2 table to anybody else.
   */
  getType(mfn: Mfn, type: FrameType, special = 0): Refusal | undefined {
    const { typeCounts, types, flags } = this.frames;
    const index = mfn - this.frames.first;
    const count = typeCounts[index] as number;
    const current = types[index] as number;
    if (count > 0) {
      if (type === TYPE_L2 && current === type && ((flags[index] as number) & FRAME_PAE_XEN_L2) !== special) {
        return refuse(
          'EINVAL',
          `mfn ${hex(mfn)} is in use as an L2 table ${special === 0 ? 'with' : 'without'} Xen's slots`,
        );
      }
      if (current !== type) {
        return refuse(
          'EINVAL',
          `mfn ${hex(mfn)} is in use as ${FRAME_TYPE_NAMES[current]} (count ${count}), so it cannot become ${FRAME_TYPE_NAMES[type]}`,
        );
      }
      if (((flags[index] as number) & FRAME_VALIDATED) === 0) {
        return refuse('EINVAL', `mfn ${hex(mfn)} is just being validated as ${FRAME_TYPE_NAMES[type]}`);
      }
      typeCounts[index] = count + 1;
      return undefined;
    }
    if (current === type && ((flags[index] as number) & FRAME_VALIDATED) !== 0) {
      typeCounts[index] = 1;
      return undefined;
    }
    if (current !== type) {
      this.tlb.flushIfStale(this.frames.flushStamps[index] as number);
      types[index] = type;
      flags[index] = (flags[index] as number) & ~FRAME_VALIDATED;
    }
    typeCounts[index] = 1;
    if (type !== TYPE_WRITABLE) {
      flags[index] = (flags[index] as number) | special;
      const refusal = this.validator.promote(mfn, type, this.ownerOf(mfn));
      if (refusal !== undefined) {
        typeCounts[index] = 0;
        types[index] = 0;
        flags[index] = (flags[index] as number) & ~special;
        return refusal;
      }
    }
    flags[index] = (flags[index] as number) | FRAME_VALIDATED;
    return undefined;
  }

  putType(mfn: Mfn): void {
    const { typeCounts, types, flags, flushStamps } = this.frames;
    const index = mfn - this.frames.first;
    const count = typeCounts[index] as number;
    assert(count > 0, `type count of frame ${hex(mfn)} below 0`);
    if (count > 1) {
      typeCounts[index] = count - 1;
      return;
    }
    const type = types[index] as FrameType;
    // A page table's references go with its last use; a writable or descriptor page keeps its (harmless) validity.
    if (type >= TYPE_L1 && type <= TYPE_L4 && ((flags[index] as number) & FRAME_VALIDATED) !== 0) {
      flags[index] = (flags[index] as number) & ~FRAME_VALIDATED;
      this.validator.demote(mfn, type, this.ownerOf(mfn));
      flags[index] = (flags[index] as number) & ~FRAME_PAE_XEN_L2;
    }
    flushStamps[index] = this.tlb.stamp;
    typeCounts[index] = 0;
    // Descriptors may have been changed through a writable mapping since; they are looked at again.
    if (type === TYPE_SEGMENT_DESCRIPTORS || type === TYPE_LDT)
      flags[index] = (flags[index] as number) & ~FRAME_VALIDATED;
  }

  /** Both references at once; EINVAL when the frame is somebody else's, none's, or of another type. */
  getWithType(mfn: number, type: FrameType, domid: Domid, special = 0): Refusal | undefined {
    if (!this.get(mfn, domid)) return this.notOwned(mfn, domid);
    const refusal = this.getType(mfn as Mfn, type, special);
    if (refusal !== undefined) this.put(mfn as Mfn);
    return refusal;
  }

  putWithType(mfn: Mfn): void {
    this.putType(mfn);
    this.put(mfn);
  }

  notOwned(mfn: number, domid: Domid): Refusal {
    const owner = this.frames.owner(mfn);
    const who = owner === undefined ? 'belongs to nobody' : `belongs to domain ${owner}`;
    return refuse('EINVAL', `mfn ${hex(mfn)} ${who}, not to domain ${domid}`);
  }

  type(mfn: Mfn): FrameType {
    return this.frames.types[mfn - this.frames.first] as FrameType;
  }

  typeCount(mfn: Mfn): number {
    return this.frames.typeCounts[mfn - this.frames.first] as number;
  }

  /** Whether it is (being validated as) the L2 table of a 32-bit guest that holds Xen's slots. */
  isPaeXenL2(mfn: Mfn): boolean {
    return ((this.frames.flags[mfn - this.frames.first] as number) & FRAME_PAE_XEN_L2) !== 0;
  }

  isPinned(mfn: Mfn): boolean {
    return ((this.frames.flags[mfn - this.frames.first] as number) & FRAME_PINNED) !== 0;
  }

  setPinned(mfn: Mfn, pinned: boolean): void {
    const index = mfn - this.frames.first;
    const flags = this.frames.flags[index] as number;
    this.frames.flags[index] = pinned ? flags | FRAME_PINNED : flags & ~FRAME_PINNED;
  }

  /** Takes a use of `target` as a linear page table in `table`, both of the same level. Holds references if it worked. */
  getLinear(target: number, table: Mfn, domid: Domid): boolean {
    if (target === table) return true;
    if (!this.get(target, domid)) return false;
    const mfn = target as Mfn;
    const targetIndex = mfn - this.frames.first;
    const tableIndex = table - this.frames.first;
    const validated = ((this.frames.flags[targetIndex] as number) & FRAME_VALIDATED) !== 0;
    const sameType = this.type(mfn) === this.type(table);
    const possible = (this.linear[tableIndex] as number) >= 0 && (this.linear[targetIndex] as number) <= 0;
    if (!possible || !validated || !sameType || this.typeCount(mfn) === 0) {
      this.put(mfn);
      return false;
    }
    this.linear[tableIndex] = (this.linear[tableIndex] as number) + 1;
    this.linear[targetIndex] = (this.linear[targetIndex] as number) - 1;
    this.frames.typeCounts[targetIndex] = this.typeCount(mfn) + 1;
    return true;
  }

  putLinear(target: Mfn, table: Mfn): void {
    if (target === table) return;
    const targetIndex = target - this.frames.first;
    const tableIndex = table - this.frames.first;
    this.linear[tableIndex] = (this.linear[tableIndex] as number) - 1;
    this.linear[targetIndex] = (this.linear[targetIndex] as number) + 1;
    this.putWithType(target);
  }

  /** As `getLinear` by the rules of Xen 2.0, which let two tables map each other; `putWithType` takes it back. */
  getLinearUncounted(target: number, table: Mfn, domid: Domid): boolean {
    if (target === table) return true;
    if (!this.get(target, domid)) return false;
    const mfn = target as Mfn;
    const index = mfn - this.frames.first;
    const validated = ((this.frames.flags[index] as number) & FRAME_VALIDATED) !== 0;
    if (!validated || this.type(mfn) !== this.type(table) || this.typeCount(mfn) === 0) {
      this.put(mfn);
      return false;
    }
    this.frames.typeCounts[index] = this.typeCount(mfn) + 1;
    return true;
  }

  /** Ends a table's life as one though it is still in use, so that tables that map each other can go. */
  invalidate(mfn: Mfn): void {
    const index = mfn - this.frames.first;
    const type = this.type(mfn);
    if (((this.frames.flags[index] as number) & FRAME_VALIDATED) === 0 || this.typeCount(mfn) === 0) return;
    this.frames.flags[index] = (this.frames.flags[index] as number) & ~FRAME_VALIDATED;
    this.validator.demote(mfn, type, this.ownerOf(mfn));
  }

  save(): Int32Array {
    return this.linear.slice();
  }

  restore(linear: Int32Array): void {
    this.linear.set(linear);
  }

  private ownerOf(mfn: Mfn): Domain {
    const owner = this.domains.get(this.frames.owners[mfn - this.frames.first] as Domid);
    assert(owner !== undefined, `typed frame ${hex(mfn)} has no domain`);
    return owner;
  }

  /** Last reference gone: the domain has one page less. */
  private free(mfn: Mfn): void {
    const index = mfn - this.frames.first;
    const owner = this.domains.get(this.frames.owners[index] as Domid);
    if (owner !== undefined && ((this.frames.flags[index] as number) & FRAME_XEN_HEAP) === 0) {
      owner.totalPages--;
      const pfn = this.m2p.get(mfn);
      if (owner.p2m[pfn] === mfn) owner.p2m[pfn] = -1;
    }
    this.m2p.invalidate(mfn);
    this.frames.release(mfn);
  }
}
