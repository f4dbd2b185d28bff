import { assert } from '../../base/assert.ts';
import type { Mfn } from '../../base/numbers.ts';
import type { Ram } from '../../machine/ram.ts';
import type { Domain } from '../common/domain.ts';
import {
  FRAME_PAE_XEN_L2,
  type FrameTable,
  type FrameType,
  machineAddressOf,
  TYPE_L1,
  TYPE_L2,
  TYPE_L3,
  TYPE_L4,
  TYPE_SEGMENT_DESCRIPTORS,
  TYPE_WRITABLE,
} from '../common/frame-table.ts';
import type { MachineToPhysical } from '../common/m2p.ts';
import { hex, hex64, type Refusal, refuse } from '../common/refusal.ts';
import {
  COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT,
  ROOT_PAGETABLE_FIRST_XEN_SLOT,
  ROOT_PAGETABLE_LAST_XEN_SLOT,
} from '../public/xen-4/xen.ts';
import { checkDescriptor } from './descriptor-tables.ts';
import type { FrameReferences, Validator } from './mm-types.ts';
import {
  adjustedHigh,
  adjustedLow,
  bitNames,
  disallowedBits,
  entryFrame,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  PAGE_PRESENT,
  PAGE_RW,
  PAGE_USER,
  unadjustedLow,
} from './page-table-entry.ts';

/** A frame number of all ones: a guest's "no frame", answered EINVAL instead of EPERM. */
const INVALID_FRAME = 0xffffffffff;
const ENTRIES = 512;
/** A PAE guest's L3 table has four entries; Xen clears the rest, which the processor would walk. */
const PAE_L3_ENTRIES = 4;
export const PAE_XEN_L3_SLOT = 3;

/** Whose frames new L1 entries may map: normally the domain itself. */
export type PageOwner = Pick<Domain, 'domid'>;

/** Whether a slot of a 64-bit guest's L4 is the guest's to fill. */
export function isGuestL4Slot(slot: number): boolean {
  return slot < ROOT_PAGETABLE_FIRST_XEN_SLOT || slot > ROOT_PAGETABLE_LAST_XEN_SLOT;
}

/** References that page-table entries hold, and validation of whole tables: get_page_from_l?e, promote_l?_table. */
export class PageTableValidator implements Validator {
  constructor(
    private readonly ram: Ram,
    private readonly frames: FrameTable,
    private readonly m2p: MachineToPhysical,
    private readonly references: FrameReferences,
  ) {}

  promote(mfn: Mfn, type: FrameType, owner: Domain): Refusal | undefined {
    if (type === TYPE_SEGMENT_DESCRIPTORS) return this.promoteDescriptors(mfn, owner);
    const level = type;
    const { width } = owner;
    if (level === TYPE_L3 && width === 32) return this.promotePaeRoot(mfn, owner);
    const base = this.ram.offset(mfn) >>> 2;
    const end = this.guestEnd(level, mfn, owner);
    for (let slot = 0; slot < end; slot++) {
      if (level === TYPE_L4 && !isGuestL4Slot(slot)) continue;
      const low = this.ram.i32[base + slot * 2] as number;
      if ((low & PAGE_PRESENT) === 0) continue;
      const high = this.ram.i32[base + slot * 2 + 1] as number;
      const refusal = this.getEntry(level, low, high, mfn, owner, owner);
      if (refusal !== undefined) {
        this.putEntries(level, mfn, owner, slot);
        return { errno: refusal.errno, reason: `L${level} table ${hex(mfn)} slot ${slot}: ${refusal.reason}` };
      }
      const newLow = adjustedLow(level, low, high, width);
      const newHigh = adjustedHigh(level, low, high, width);
      if (newLow !== low || newHigh !== high) this.store(mfn, slot, newLow, newHigh);
    }
    if (level === TYPE_L4) this.installXenSlots(mfn, owner);
    else if (end < ENTRIES) this.installCompatSlots(mfn);
    return undefined;
  }

  demote(mfn: Mfn, type: FrameType, owner: Domain): void {
    if (type >= TYPE_L1 && type <= TYPE_L4) this.putEntries(type, mfn, owner, this.guestEnd(type, mfn, owner));
    if (type === TYPE_L3 && owner.width === 32) this.unadjust(mfn, PAE_L3_ENTRIES);
  }

  /** One past the last slot that is the guest's. */
  private guestEnd(level: number, mfn: Mfn, owner: Domain): number {
    if (owner.width === 64) return ENTRIES;
    if (level === TYPE_L3) return PAE_L3_ENTRIES;
    return level === TYPE_L2 && this.references.isPaeXenL2(mfn) ? COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT : ENTRIES;
  }

  /** The L3 table of a 32-bit guest: four entries, the last of which must be there and leads to Xen's own slots. */
  private promotePaeRoot(mfn: Mfn, owner: Domain): Refusal | undefined {
    const base = this.ram.offset(mfn) >>> 2;
    for (let slot = PAE_L3_ENTRIES; slot < ENTRIES; slot++) this.store(mfn, slot, 0, 0);
    for (let slot = 0; slot < PAE_L3_ENTRIES; slot++) {
      const low = this.ram.i32[base + slot * 2] as number;
      const high = this.ram.i32[base + slot * 2 + 1] as number;
      if (slot !== PAE_XEN_L3_SLOT && (low & PAGE_PRESENT) === 0) continue;
      const refusal =
        slot === PAE_XEN_L3_SLOT
          ? this.getXenSlot(low, high, owner)
          : this.getEntry(TYPE_L3, low, high, mfn, owner, owner);
      if (refusal !== undefined) {
        this.putEntries(TYPE_L3, mfn, owner, slot);
        this.unadjust(mfn, slot);
        return { errno: refusal.errno, reason: `L3 table ${hex(mfn)} slot ${slot}: ${refusal.reason}` };
      }
      this.store(mfn, slot, adjustedLow(TYPE_L3, low, high, 32), high);
    }
    return undefined;
  }

  private unadjust(root: Mfn, end: number): void {
    const base = this.ram.offset(root) >>> 2;
    for (let slot = 0; slot < end; slot++) {
      const low = this.ram.i32[base + slot * 2] as number;
      const wanted = unadjustedLow(low);
      if (wanted !== low) this.store(root, slot, wanted, this.ram.i32[base + slot * 2 + 1] as number);
    }
  }

  /** pae_xen_mappings_check: the L2 table of the highest gigabyte belongs to one L3 alone. */
  private getXenSlot(low: number, high: number, owner: Domain): Refusal | undefined {
    if ((low & PAGE_PRESENT) === 0) return refuse('EINVAL', "there must be an L2 table for Xen's slots");
    const bad = disallowedBits(TYPE_L3, low, high, 32);
    if (bad !== 0) return refuse('EINVAL', `L3 entry ${hex64(low, high)} has forbidden bits: ${bitNames(bad)}`);
    const frame = entryFrame(low, high);
    const refusal = this.references.getWithType(frame, TYPE_L2, owner.domid, FRAME_PAE_XEN_L2);
    if (refusal !== undefined)
      return { errno: refusal.errno, reason: `L3 entry ${hex64(low, high)}: ${refusal.reason}` };
    if (this.references.typeCount(frame as Mfn) === 1) return undefined;
    this.references.putWithType(frame as Mfn);
    return refuse('EINVAL', `mfn ${hex(frame)}, the L2 table with Xen's slots, is another L3 table's already`);
  }

  /**
   * Takes the references that a present entry of `table` needs. L1: the frame must be the page owner's (EBUSY), and
   * able to be writable if the entry is; upper levels: a table of the level below (EINVAL), or, read-only, of the same.
   */
  getEntry(
    level: number,
    low: number,
    high: number,
    table: Mfn,
    tableOwner: Domain,
    pageOwner: PageOwner,
  ): Refusal | undefined {
    const bad = disallowedBits(level, low, high, tableOwner.width);
    if (bad !== 0) return refuse('EINVAL', `L${level} entry ${hex64(low, high)} has forbidden bits: ${bitNames(bad)}`);
    const frame = entryFrame(low, high);
    if (level === TYPE_L1) return this.getData(frame, low, high, pageOwner);
    const refusal = this.references.getWithType(frame, (level - 1) as FrameType, tableOwner.domid);
    if (refusal === undefined) return undefined;
    const linear = (low & PAGE_RW) === 0 && !(level === TYPE_L3 && tableOwner.width === 32);
    if (linear && this.references.getLinear(frame, table, tableOwner.domid)) return undefined;
    return { errno: refusal.errno, reason: `L${level} entry ${hex64(low, high)}: ${refusal.reason}` };
  }

  /** Lets go of what `getEntry` took. Entries that are not present hold nothing. */
  putEntry(level: number, low: number, high: number, table: Mfn): void {
    if ((low & PAGE_PRESENT) === 0) return;
    const frame = entryFrame(low, high);
    if (level === TYPE_L1) {
      if (this.frames.owner(frame) === undefined) return;
      if ((low & PAGE_RW) !== 0) this.references.putWithType(frame as Mfn);
      else this.references.put(frame as Mfn);
    } else if (this.references.type(frame as Mfn) === level) {
      this.references.putLinear(frame as Mfn, table);
    } else {
      this.references.putWithType(frame as Mfn);
    }
  }

  store(table: Mfn, slot: number, low: number, high: number): void {
    this.ram.write64((machineAddressOf(table) + slot * 8) as never, low, high);
  }

  private getData(frame: number, low: number, high: number, pageOwner: PageOwner): Refusal | undefined {
    if (!this.ram.hasFrame(frame)) {
      const errno = frame === INVALID_FRAME ? 'EINVAL' : 'EPERM';
      return refuse(
        errno,
        `L1 entry ${hex64(low, high)}: mfn ${hex(frame)} is no RAM, and the domain has no device memory`,
      );
    }
    if (!this.references.get(frame, pageOwner.domid)) {
      const reason = `L1 entry ${hex64(low, high)}: ${this.references.notOwned(frame, pageOwner.domid).reason}`;
      return refuse('EBUSY', reason);
    }
    if ((low & PAGE_RW) === 0) return undefined;
    const refusal = this.references.getType(frame as Mfn, TYPE_WRITABLE);
    if (refusal === undefined) return undefined;
    this.references.put(frame as Mfn);
    return refuse('EBUSY', `writable L1 entry ${hex64(low, high)}: ${refusal.reason}`);
  }

  /** Slots 0 … end-1, last first, as promotion took them. */
  private putEntries(level: number, mfn: Mfn, owner: Domain, end: number): void {
    const base = this.ram.offset(mfn) >>> 2;
    for (let slot = end - 1; slot >= 0; slot--) {
      if (level === TYPE_L4 && owner.width === 64 && !isGuestL4Slot(slot)) continue;
      const low = this.ram.i32[base + slot * 2] as number;
      if ((low & PAGE_PRESENT) !== 0) this.putEntry(level, low, this.ram.i32[base + slot * 2 + 1] as number, mfn);
    }
  }

  /** Xen's own part of every 64-bit guest's address space: empty, but for the machine-to-physical table (strict assist). */
  private installXenSlots(mfn: Mfn, owner: Domain): void {
    for (let slot = ROOT_PAGETABLE_FIRST_XEN_SLOT; slot <= ROOT_PAGETABLE_LAST_XEN_SLOT; slot++) {
      this.store(mfn, slot, 0, 0);
    }
    if (owner.m2pStrict) this.showMachineToPhysical(mfn);
  }

  /** Makes the machine-to-physical table visible through a root: kernels' roots have it (fill_ro_mpt). */
  showMachineToPhysical(root: Mfn): void {
    const flags = PAGE_PRESENT | PAGE_USER | PAGE_ACCESSED | PAGE_DIRTY;
    const { l3 } = this.m2p;
    this.store(root, ROOT_PAGETABLE_FIRST_XEN_SLOT, (l3 << 12) | flags, Math.floor(l3 / 0x100000));
  }

  /** Xen's part of a 32-bit guest's address space: the machine-to-physical table of 32-bit entries, for ring 1 only. */
  private installCompatSlots(mfn: Mfn): void {
    const from = this.m2p.compatL2;
    assert(from !== undefined, 'a 32-bit domain without a machine-to-physical table for it');
    const base = this.ram.offset(from) >>> 2;
    for (let slot = COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT; slot < ENTRIES; slot++) {
      const at = base + (slot - COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT) * 2;
      this.store(mfn, slot, this.ram.i32[at] as number, this.ram.i32[at + 1] as number);
    }
  }

  /** Takes it out of a root that user mode gets (zap_ro_mpt, with the strict assist). */
  hideMachineToPhysical(root: Mfn): void {
    this.store(root, ROOT_PAGETABLE_FIRST_XEN_SLOT, 0, 0);
  }

  private promoteDescriptors(mfn: Mfn, owner: Domain): Refusal | undefined {
    const base = this.ram.offset(mfn) >>> 2;
    for (let entry = 0; entry < ENTRIES; entry++) {
      const low = this.ram.i32[base + entry * 2] as number;
      const high = this.ram.i32[base + entry * 2 + 1] as number;
      const checked = checkDescriptor(low, high, owner.width);
      if ('errno' in checked) {
        return { errno: checked.errno, reason: `descriptor page ${hex(mfn)} entry ${entry}: ${checked.reason}` };
      }
      if (checked.low !== low || checked.high !== high) this.store(mfn, entry, checked.low, checked.high);
    }
    return undefined;
  }
}
