import { assert } from '../../base/assert.ts';
import type { MachineAddress, Mfn } from '../../base/numbers.ts';
import type { Ram } from '../../machine/ram.ts';
import { DOMID_XEN, type FrameTable, INVALID_M2P_ENTRY, machineAddressOf } from './frame-table.ts';

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
