import type { MachineAddress, Mfn } from '../../../base/numbers.ts';
import type { Ram } from '../../../machine/ram.ts';
import type { Domain } from '../../common/domain.ts';
import {
  type FrameTable,
  type FrameType,
  machineAddressOf,
  TYPE_L1,
  TYPE_L2,
  TYPE_LDT,
  TYPE_SEGMENT_DESCRIPTORS,
  TYPE_WRITABLE,
} from '../../common/frame-table.ts';
import type { MachineToPhysical } from '../../common/m2p.ts';
import { hex, type Refusal, refuse } from '../../common/refusal.ts';
import { DOMAIN_ENTRIES_PER_L2_PAGETABLE, LINEAR_PT_VIRT_START } from '../../public/xen-2.0/xen.ts';
import type { FrameReferences, Validator } from '../mm-types.ts';
import type { PageOwner } from '../mm-validate.ts';
import { PAGE_ACCESSED, PAGE_DIRTY, PAGE_GLOBAL, PAGE_PRESENT, PAGE_PSE, PAGE_RW } from '../page-table-entry.ts';
import { checkDescriptor2 } from './descriptor-tables.ts';

/**
 * Two-level page tables by the rules of Xen before 3.0 (arch/x86/memory.c of 2.0): what their entries hold on to, and
 * validation of whole tables. All refusals are EINVAL.
 */

const ENTRIES = 1024;
/** Changing only these moves no reference: of L1 entries all but frame, RW and P, of L2 ones RW as well. */
const L1_FLAGS = 0xffc;
const L2_FLAGS = 0xffe;

/** Back pointers of L1 tables: the only slot that refers to the table, or … */
const VA_MUTABLE = -1;
const VA_UNKNOWN = -2;

/** By the interface of a frame's owner. */
export function validatorByAbi(wide: Validator, twoLevel: Validator): Validator {
  const of = ({ abiVersion }: Domain): Validator => (abiVersion === '4' ? wide : twoLevel);
  return {
    promote: (mfn, type, owner) => of(owner).promote(mfn, type, owner),
    demote: (mfn, type, owner) => of(owner).demote(mfn, type, owner),
  };
}

export class TwoLevelTables implements Validator {
  /** By frame, of L1 tables: the slot of a page directory that leads to it (PGT_va_mask). */
  private readonly backPointers: Int16Array;

  constructor(
    private readonly ram: Ram,
    private readonly frames: FrameTable,
    private readonly m2p: MachineToPhysical,
    private readonly references: FrameReferences,
  ) {
    this.backPointers = new Int16Array(frames.owners.length);
  }

  promote(mfn: Mfn, type: FrameType, owner: Domain): Refusal | undefined {
    if (type === TYPE_SEGMENT_DESCRIPTORS || type === TYPE_LDT) return this.promoteDescriptors(mfn, owner);
    const base = this.ram.offset(mfn) >>> 2;
    const end = type === TYPE_L2 ? DOMAIN_ENTRIES_PER_L2_PAGETABLE : ENTRIES;
    for (let slot = 0; slot < end; slot++) {
      const entry = this.ram.i32[base + slot] as number;
      const refusal = type === TYPE_L2 ? this.getL2(entry, mfn, owner, slot) : this.getL1(entry, owner, owner);
      if (refusal === undefined) continue;
      this.putEntries(mfn, type, owner, slot);
      return refuse('EINVAL', `L${type} table ${hex(mfn)} slot ${slot}: ${refusal.reason}`);
    }
    if (type === TYPE_L2) this.installXenSlots(mfn);
    return undefined;
  }

  demote(mfn: Mfn, type: FrameType, owner: Domain): void {
    this.putEntries(mfn, type, owner, type === TYPE_L2 ? DOMAIN_ENTRIES_PER_L2_PAGETABLE : ENTRIES);
  }

  /** Changes an entry of a validated L1 table. `pageOwner`: whose frames the new entry may map. */
  modifyL1(table: Mfn, slot: number, entry: number, owner: Domain, pageOwner: PageOwner): Refusal | undefined {
    const old = this.entry(table, slot);
    if ((entry & PAGE_PRESENT) !== 0 && ((old ^ entry) & ~L1_FLAGS) === 0) {
      // Xen lets flags through here that it refuses in an entry as a whole; two of them mean nothing to our processor.
      this.store(table, slot, entry);
      return undefined;
    }
    const refusal = this.getL1(entry, owner, pageOwner);
    if (refusal !== undefined) return refusal;
    this.store(table, slot, entry);
    this.putL1(old);
    return undefined;
  }

  /**
   * Changes an entry of a validated page directory. Xen 2.0 does not look again when only flags change, and so lets a
   * recursive entry become writable, after which the guest owns the machine; here that is refused.
   */
  modifyL2(table: Mfn, slot: number, entry: number, owner: Domain): Refusal | undefined {
    if (slot >= DOMAIN_ENTRIES_PER_L2_PAGETABLE)
      return refuse('EINVAL', `slot ${slot} of page directory ${hex(table)} is Xen's own`);
    const old = this.entry(table, slot);
    if ((entry & PAGE_PRESENT) !== 0 && ((old ^ entry) & ~L2_FLAGS) === 0) {
      const recursive = this.references.type((entry >>> 12) as Mfn) === TYPE_L2;
      if (recursive && (entry & PAGE_RW) !== 0)
        return refuse('EINVAL', `page directory ${hex(table)} slot ${slot} would map a page directory writably`);
      if ((entry & PAGE_PSE) !== 0)
        return refuse('EINVAL', `page directory ${hex(table)} slot ${slot} would become a large page`);
      this.store(table, slot, entry);
      return undefined;
    }
    const refusal = this.getL2(entry, table, owner, slot);
    if (refusal !== undefined) return refusal;
    this.store(table, slot, entry);
    this.putL2(old, table);
    return undefined;
  }

  /** Slot of the page directories that lead to an L1 table; undefined when that is not one slot for sure. */
  backPointer(mfn: Mfn): number | undefined {
    const slot = this.backPointers[mfn - this.frames.first] as number;
    return slot >= 0 ? slot : undefined;
  }

  /** A table was pinned: as an L1 table it can be hooked up anywhere, once. */
  pinned(mfn: Mfn, first: boolean): void {
    const index = mfn - this.frames.first;
    this.backPointers[index] = first ? VA_MUTABLE : VA_UNKNOWN;
  }

  entry(table: Mfn, slot: number): number {
    return this.ram.i32[(this.ram.offset(table) >>> 2) + slot] as number;
  }

  save(): Int16Array {
    return this.backPointers.slice();
  }

  restore(backPointers: Int16Array): void {
    this.backPointers.set(backPointers);
  }

  /** get_page_from_l1e: a frame of `pageOwner`, able to be writable if the entry is. */
  private getL1(entry: number, caller: Domain, pageOwner: PageOwner): Refusal | undefined {
    if ((entry & PAGE_PRESENT) === 0) return undefined;
    if ((entry & (PAGE_GLOBAL | PAGE_PSE)) !== 0)
      return refuse('EINVAL', `L1 entry ${hex(entry >>> 0)} has forbidden bits (GLOBAL, PAT)`);
    const frame = entry >>> 12;
    if (!this.ram.hasFrame(frame)) {
      return caller.privileged
        ? undefined
        : refuse('EINVAL', `L1 entry ${hex(entry >>> 0)}: mfn ${hex(frame)} is no RAM, and I/O space is for dom0`);
    }
    const refusal =
      (entry & PAGE_RW) !== 0
        ? this.references.getWithType(frame, TYPE_WRITABLE, pageOwner.domid)
        : this.references.get(frame, pageOwner.domid)
          ? undefined
          : this.references.notOwned(frame, pageOwner.domid);
    return refusal === undefined
      ? undefined
      : refuse(
          'EINVAL',
          `${(entry & PAGE_RW) === 0 ? '' : 'writable '}L1 entry ${hex(entry >>> 0)}: ${refusal.reason}`,
        );
  }

  private putL1(entry: number): void {
    const frame = entry >>> 12;
    if ((entry & PAGE_PRESENT) === 0 || this.frames.owner(frame) === undefined) return;
    const mfn = frame as Mfn;
    if ((entry & PAGE_RW) !== 0) {
      this.references.putWithType(mfn);
      return;
    }
    // The page may be mapped as part of the LDT only through this entry: descriptors are looked up anew.
    if (this.references.type(mfn) === TYPE_LDT && this.references.typeCount(mfn) > 0) this.forgetLdt(mfn);
    this.references.put(mfn);
  }

  /** Set by the owner of the domains: drops the LDT pages that vCPUs have in use. */
  onLdtUnmapped: (domid: number) => void = () => {};

  private forgetLdt(mfn: Mfn): void {
    const owner = this.frames.owner(mfn);
    if (owner !== undefined) this.onLdtUnmapped(owner);
  }

  /** get_page_from_l2e: an L1 table, or read-only a page directory. */
  private getL2(entry: number, table: Mfn, owner: Domain, slot: number): Refusal | undefined {
    if ((entry & PAGE_PRESENT) === 0) return undefined;
    if ((entry & (PAGE_GLOBAL | PAGE_PSE)) !== 0)
      return refuse('EINVAL', `L2 entry ${hex(entry >>> 0)} has forbidden bits (GLOBAL, PSE)`);
    const frame = entry >>> 12;
    const refusal = this.references.getWithType(frame, TYPE_L1, owner.domid);
    if (refusal === undefined) {
      this.hookUp(frame as Mfn, slot);
      return undefined;
    }
    if ((entry & PAGE_RW) === 0 && this.references.getLinearUncounted(frame, table, owner.domid)) return undefined;
    return refuse('EINVAL', `L2 entry ${hex(entry >>> 0)}: ${refusal.reason}`);
  }

  private hookUp(mfn: Mfn, slot: number): void {
    const index = mfn - this.frames.first;
    const old = this.backPointers[index] as number;
    const fresh = this.references.typeCount(mfn) === 1 || old === VA_MUTABLE;
    this.backPointers[index] = fresh || old === slot ? slot : VA_UNKNOWN;
  }

  private putL2(entry: number, table: Mfn): void {
    const frame = entry >>> 12;
    if ((entry & PAGE_PRESENT) === 0 || frame === table) return;
    const mfn = frame as Mfn;
    this.references.putWithType(mfn);
    // Only the pin is left: the table can be hooked up elsewhere.
    if (this.references.typeCount(mfn) === 1 && this.references.isPinned(mfn))
      this.backPointers[mfn - this.frames.first] = VA_MUTABLE;
  }

  private putEntries(mfn: Mfn, type: FrameType, _owner: Domain, end: number): void {
    const base = this.ram.offset(mfn) >>> 2;
    for (let slot = end - 1; slot >= 0; slot--) {
      const entry = this.ram.i32[base + slot] as number;
      if (type === TYPE_L2) this.putL2(entry, mfn);
      else this.putL1(entry);
    }
  }

  protected store(table: Mfn, slot: number, entry: number): void {
    this.ram.write32((machineAddressOf(table) + slot * 4) as MachineAddress, entry);
  }

  /** The machine-to-physical table, and the directory itself; nothing else of Xen is anything to look at. */
  private installXenSlots(mfn: Mfn): void {
    for (let slot = DOMAIN_ENTRIES_PER_L2_PAGETABLE; slot < ENTRIES; slot++) this.store(mfn, slot, 0);
    const map = this.m2p.twoLevelL1 as Mfn;
    this.store(mfn, DOMAIN_ENTRIES_PER_L2_PAGETABLE, (map << 12) | PAGE_PRESENT | PAGE_ACCESSED);
    const own = PAGE_PRESENT | PAGE_RW | PAGE_ACCESSED | PAGE_DIRTY;
    this.store(mfn, LINEAR_PT_VIRT_START >>> 22, (mfn << 12) | own);
  }

  private promoteDescriptors(mfn: Mfn, owner: Domain): Refusal | undefined {
    const base = this.ram.offset(mfn) >>> 2;
    for (let entry = 0; entry < 512; entry++) {
      const low = this.ram.i32[base + entry * 2] as number;
      const high = this.ram.i32[base + entry * 2 + 1] as number;
      const checked = checkDescriptor2(low, high, owner);
      if ('errno' in checked) return refuse('EINVAL', `descriptor page ${hex(mfn)} entry ${entry}: ${checked.reason}`);
      if (checked.low === low && checked.high === high) continue;
      this.ram.write64((machineAddressOf(mfn) + entry * 8) as MachineAddress, checked.low, checked.high);
    }
    return undefined;
  }
}
