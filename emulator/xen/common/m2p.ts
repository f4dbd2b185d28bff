import { assert } from '../../base/assert.ts';
import type { MachineAddress, Mfn } from '../../base/numbers.ts';
import { type PlainObject, restoreFields, saveFields } from '../../machine/plain-data.ts';
import type { Ram } from '../../machine/ram.ts';
import { DOMID_XEN, type FrameTable, INVALID_M2P_ENTRY, machineAddressOf } from './frame-table.ts';

/** 32-bit entries per frame of the table that 32-bit guests see. */
const COMPAT_ENTRIES_PER_FRAME = 1024;
const PRESENT_ACCESSED = 0x21;

/** 64-bit entries per frame of the table. */
const ENTRIES_PER_FRAME = 512;
const PRESENT_USER_ACCESSED = 0x25;
/** Bit 63, in the high half: guests do not execute the table. */
const NO_EXECUTE_HIGH = 0x80000000 | 0;

/**
 * The machine-to-physical table: the pfn of every machine frame, in real frames that 64-bit guests map read-only at
 * MACH2PHYS_VIRT_START. Frames below the first one of RAM share one frame of invalid entries.
 */
export class MachineToPhysical {
  /** L3 table that slot 256 of every guest L4 refers to. */
  readonly l3: Mfn;
  /** Table frames, starting with the one that holds the entry of the first RAM frame (rounded down to 512). */
  private readonly table: Mfn[] = [];
  /**
   * L2 table whose entries stand in Xen's slots of every 32-bit guest: the table of 32-bit entries, for rings below 3.
   * Made with the first such guest.
   */
  compatL2: Mfn | undefined;
  /** As `table`, by 1024 entries. */
  private readonly compatTable: Mfn[] = [];
  private readonly firstEntry: number;
  private readonly hole: Mfn;

  constructor(
    private readonly ram: Ram,
    frames: FrameTable,
  ) {
    this.firstEntry = ram.firstMfn - (ram.firstMfn % ENTRIES_PER_FRAME);
    const take = (): Mfn => {
      const mfn = frames.allocate(DOMID_XEN);
      assert(mfn !== undefined, 'machine too small for its machine-to-physical table');
      return mfn;
    };
    this.hole = take();
    this.fillInvalid(this.hole);
    for (let entry = this.firstEntry; entry < ram.endMfn; entry += ENTRIES_PER_FRAME) {
      const mfn = take();
      this.fillInvalid(mfn);
      this.table.push(mfn);
    }
    this.l3 = this.buildPageTables(take);
  }

  /** Frames that `new MachineToPhysical` takes. */
  static frameCost(firstMfn: number, frameCount: number): number {
    const end = firstMfn + frameCount;
    const table = Math.ceil(end / ENTRIES_PER_FRAME) - Math.floor(firstMfn / ENTRIES_PER_FRAME);
    const l1 = Math.ceil(Math.ceil(end / ENTRIES_PER_FRAME) / ENTRIES_PER_FRAME);
    return table + l1 + Math.ceil(l1 / ENTRIES_PER_FRAME) + 2;
  }

  /** The pfn, or -1. Large nonsense that a guest stored comes back as it is, modulo 2^32. */
  get(mfn: Mfn): number {
    const low = this.ram.i32[this.ram.offsetOf(this.address(mfn)) >>> 2] as number;
    return low === INVALID_M2P_ENTRY ? -1 : low >>> 0;
  }

  set(mfn: Mfn, low: number, high: number): void {
    this.ram.write64(this.address(mfn), low, high);
    if (this.compatL2 !== undefined) this.ram.write32(this.compatAddress(mfn), low);
  }

  invalidate(mfn: Mfn): void {
    this.set(mfn, INVALID_M2P_ENTRY, INVALID_M2P_ENTRY);
  }

  /** Machine address of one frame's entry. */
  address(mfn: Mfn): MachineAddress {
    const index = mfn - this.firstEntry;
    const frame = this.table[Math.floor(index / ENTRIES_PER_FRAME)] as Mfn;
    return (machineAddressOf(frame) + (index % ENTRIES_PER_FRAME) * 8) as MachineAddress;
  }

  /** Table frame at each 2 MiB of its address range (512 frames), as XENMEM_machphys_mfn_list lists it. */
  superpageFrames(): Mfn[] {
    const leading = this.firstEntry / ENTRIES_PER_FRAME;
    const frames: Mfn[] = [];
    for (let page = 0; page < leading + this.table.length; page += 512) {
      frames.push(page < leading ? this.hole : (this.table[page - leading] as Mfn));
    }
    return frames;
  }

  /** The entries themselves are in RAM. */
  save(): PlainObject {
    return saveFields(this, ['ram']);
  }

  restore(state: PlainObject): void {
    restoreFields(this, state, ['ram']);
  }

  /** Frames that `makeCompat` takes. */
  static compatFrameCost(firstMfn: number, frameCount: number): number {
    const end = firstMfn + frameCount;
    const table = Math.ceil(end / COMPAT_ENTRIES_PER_FRAME) - Math.floor(firstMfn / COMPAT_ENTRIES_PER_FRAME);
    return table + Math.ceil(end / COMPAT_ENTRIES_PER_FRAME / 512) + 1;
  }

  /** Makes the table for 32-bit guests, if there is none yet. False: too few free frames, and nothing was taken. */
  makeCompat(frames: FrameTable): boolean {
    if (this.compatL2 !== undefined) return true;
    const { firstMfn, frameCount } = this.ram;
    if (frames.freeFrames < MachineToPhysical.compatFrameCost(firstMfn, frameCount)) return false;
    const take = (): Mfn => frames.allocate(DOMID_XEN) as Mfn;
    const leading = Math.floor(firstMfn / COMPAT_ENTRIES_PER_FRAME);
    const pages = Math.ceil(this.ram.endMfn / COMPAT_ENTRIES_PER_FRAME);
    for (let page = leading; page < pages; page++) {
      const mfn = take();
      this.fillInvalid(mfn);
      this.compatTable.push(mfn);
    }
    const l2 = take();
    let l1 = l2;
    for (let page = 0; page < pages; page++) {
      if (page % 512 === 0) {
        l1 = take();
        this.link(l2, page / 512, l1);
      }
      this.link(l1, page % 512, page < leading ? this.hole : (this.compatTable[page - leading] as Mfn));
    }
    this.compatL2 = l2;
    for (let mfn = firstMfn; mfn < this.ram.endMfn; mfn++) {
      const low = this.ram.i32[this.ram.offsetOf(this.address(mfn as Mfn)) >>> 2] as number;
      this.ram.write32(this.compatAddress(mfn as Mfn), low);
    }
    return true;
  }

  /** Page table of 32-bit entries that maps the table of `makeCompat` for guests of two-level tables, rings 0 to 2. */
  twoLevelL1: Mfn | undefined;

  /** Makes it if it is not there yet. False: too few free frames. */
  makeTwoLevel(frames: FrameTable): boolean {
    if (this.twoLevelL1 !== undefined) return true;
    if (!this.makeCompat(frames)) return false;
    const table = frames.allocate(DOMID_XEN);
    if (table === undefined) return false;
    const leading = Math.floor(this.ram.firstMfn / COMPAT_ENTRIES_PER_FRAME);
    // All 4 MiB can be read, as through Xen 2.0's one large page: guests look up frames of devices too.
    for (let page = 0; page < 1024; page++) {
      const target = this.compatTable[page - leading] ?? this.hole;
      this.ram.write32((machineAddressOf(table) + page * 4) as MachineAddress, (target << 12) | PRESENT_ACCESSED);
    }
    this.twoLevelL1 = table;
    return true;
  }

  /** As `superpageFrames`, of the table for 32-bit guests: 2 MiB are 512 frames of 1024 entries. */
  compatSuperpageFrames(): Mfn[] {
    const leading = Math.floor(this.ram.firstMfn / COMPAT_ENTRIES_PER_FRAME);
    const frames: Mfn[] = [];
    for (let page = 0; page < leading + this.compatTable.length; page += 512) {
      frames.push(page < leading ? this.hole : (this.compatTable[page - leading] as Mfn));
    }
    return frames;
  }

  private compatAddress(mfn: Mfn): MachineAddress {
    const index = mfn - Math.floor(this.ram.firstMfn / COMPAT_ENTRIES_PER_FRAME) * COMPAT_ENTRIES_PER_FRAME;
    const frame = this.compatTable[Math.floor(index / COMPAT_ENTRIES_PER_FRAME)] as Mfn;
    return (machineAddressOf(frame) + (index % COMPAT_ENTRIES_PER_FRAME) * 4) as MachineAddress;
  }

  private link(table: Mfn, slot: number, target: Mfn): void {
    const entry = (machineAddressOf(table) + slot * 8) as MachineAddress;
    this.ram.write64(entry, (target << 12) | PRESENT_ACCESSED, Math.floor(target / 0x100000));
  }

  private fillInvalid(mfn: Mfn): void {
    this.ram.frame(mfn).fill(0xff);
  }

  private buildPageTables(take: () => Mfn): Mfn {
    const leading = this.firstEntry / ENTRIES_PER_FRAME;
    const pages = [...Array<Mfn>(leading).fill(this.hole), ...this.table];
    let level: Mfn[] = pages;
    for (let depth = 1; depth <= 3; depth++) {
      const tables: Mfn[] = [];
      for (let at = 0; at < level.length; at += 512) {
        const table = take();
        for (let slot = 0; slot < 512 && at + slot < level.length; slot++) {
          const entry = (machineAddressOf(table) + slot * 8) as MachineAddress;
          const target = level[at + slot] as Mfn;
          const high = Math.floor(target / 0x100000) | (depth === 1 ? NO_EXECUTE_HIGH : 0);
          this.ram.write64(entry, (target << 12) | PRESENT_USER_ACCESSED, high);
        }
        tables.push(table);
      }
      level = tables;
    }
    assert(level.length === 1, 'machine-to-physical table larger than an L3');
    return level[0] as Mfn;
  }
}
