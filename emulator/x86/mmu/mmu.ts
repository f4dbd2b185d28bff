import { type MachineAddress, type Mfn, PAGE_SIZE, signed64 } from '../../base/numbers.ts';
import type { AccessChecks } from '../cpu/access-checks.ts';
import { WatchList, type Watchpoint } from '../cpu/debug-registers.ts';
import {
  PERMIT_FETCH,
  PERMIT_WRITE,
  STATE_CR2,
  STATE_ERROR_CODE,
  STATE_RECORD,
  STATE_REGISTERS,
  STATE_SCRATCH,
  STATE_TLB,
  STATE_VECTOR,
  STATE_ZERO,
  TLB_ADDEND,
  TLB_BASE,
  TLB_EMPTY,
  TLB_ENTRIES,
  TLB_ENTRY_SHIFT,
  TLB_FETCH,
  TLB_PERMISSIONS,
  TLB_VIEW_SIZE,
  TLB_WRITE,
} from '../cpu/layout.ts';
import {
  ACCESS_FETCH,
  ACCESS_READ,
  ACCESS_WRITE,
  type Access,
  type PagingMode,
  PF_FETCH,
  PF_PRESENT,
  PF_RESERVED,
  PF_USER,
  PF_WRITE,
  type ProcessorHooks,
  RBP,
  RSP,
  STORE_DONE,
  VECTOR_GP,
  VECTOR_PF,
  VECTOR_SS,
} from '../cpu/processor.ts';
import { RECORD_BASE, RECORD_INDEX, RECORD_SEGMENT } from '../interpreter/record.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** In the low word of a read tag: the page is watched, and its accesses take the slow path; the entry stays valid. */
const WITHHELD = 2;
/** Not an exception: the access touches a watchpoint, and the instruction must run alone. */
export const VECTOR_WATCH = 0x100;

/** All that a snapshot needs of the memory management unit. */
export interface MmuState {
  readonly paging: PagingMode;
  readonly roots: readonly (Mfn | undefined)[];
  readonly view: 0 | 1;
  readonly user: boolean;
  /** What the TLB holds, by view and place; five numbers each: place, page address (low, high), frame, permissions. */
  readonly entries: readonly Int32Array[];
}

const SAVED_ENTRY = 5;

/** Page-table entry bits (SDM vol. 3, table 4-20). */
const PTE_P = 1 << 0;
const PTE_RW = 1 << 1;
const PTE_US = 1 << 2;
const PTE_A = 1 << 5;
const PTE_D = 1 << 6;
const PTE_PS = 1 << 7;

/**
 * Soft TLB and page walks. Fills happen only for guest accesses, so that what the TLB holds depends on the guest alone.
 * A tag that is withheld (code frame, page not yet dirty) sends the access to the slow methods here, which know from the
 * entry's permissions whether a new walk is needed.
 *
 * NOT IMPLEMENTED: protection keys, SMEP and SMAP (hidden by CPUID), 5-level paging.
 */
export class Mmu {
  paging: PagingMode = 'off';
  hooks: ProcessorHooks;
  readonly roots: [Mfn | undefined, Mfn | undefined] = [undefined, undefined];
  view: 0 | 1 = 0;
  /** Whether accesses count as user ones: privilege 3. */
  user = true;
  /** Watched ranges; looked at only while generated code runs (`watching`). */
  readonly watch = new WatchList();
  private checks: AccessChecks | undefined;
  watching = false;
  /** Stores that may stale decoded code: byte offset in linear memory and length. */
  onCodeStore: (offset: number, bytes: number) => void = () => {};

  private readonly i32: Int32Array;
  private readonly u16: Uint16Array;
  private readonly u8: Uint8Array;
  /** Entries filled since the last flush, per view: flushing touches no others. */
  private readonly filled: [Int32Array, Int32Array] = [new Int32Array(TLB_ENTRIES), new Int32Array(TLB_ENTRIES)];
  private readonly filledCount: [number, number] = [0, 0];
  private readonly filledMark: [Uint8Array, Uint8Array] = [new Uint8Array(TLB_ENTRIES), new Uint8Array(TLB_ENTRIES)];

  /** Result of the last walk. */
  private walkedMfn = 0;
  private walkedWritable = false;
  private walkedDirty = false;
  private walkedExecutable = false;
  private walkError = 0;

  constructor(
    private readonly ram: PhysicalMemory,
    hooks: ProcessorHooks,
  ) {
    this.hooks = hooks;
    this.i32 = new Int32Array(ram.memory.buffer);
    this.u16 = new Uint16Array(ram.memory.buffer);
    this.u8 = new Uint8Array(ram.memory.buffer);
    for (let entry = 0; entry < 3 * TLB_ENTRIES; entry++) this.empty(TLB_BASE + (entry << TLB_ENTRY_SHIFT));
    this.i32[STATE_TLB >> 2] = TLB_BASE;
  }

  setView(view: 0 | 1): void {
    this.view = view;
    this.i32[STATE_TLB >> 2] = this.checks === undefined ? TLB_BASE + view * TLB_VIEW_SIZE : TLB_EMPTY;
  }

  /** While set, no access goes straight to RAM, and each is put to the checks first. */
  setChecks(checks: AccessChecks | undefined): void {
    if (checks === this.checks) return;
    this.checks = checks;
    this.setView(this.view);
  }

  setRoot(view: 0 | 1, root: Mfn | undefined): void {
    this.roots[view] = root;
    this.flushView(view);
  }

  flush(): void {
    this.flushView(0);
    this.flushView(1);
  }

  invalidatePage(low: number): void {
    for (const view of [0, 1] as const) {
      const index = (low >>> 12) & (TLB_ENTRIES - 1);
      if (this.filledMark[view][index] !== 0) this.empty(this.entryAt(view, index));
    }
  }

  private flushView(view: 0 | 1): void {
    const list = this.filled[view];
    const mark = this.filledMark[view];
    for (let place = 0; place < this.filledCount[view]; place++) {
      const index = list[place] as number;
      mark[index] = 0;
      this.empty(this.entryAt(view, index));
    }
    this.filledCount[view] = 0;
  }

  private entryAt(view: number, index: number): number {
    return TLB_BASE + view * TLB_VIEW_SIZE + (index << TLB_ENTRY_SHIFT);
  }

  private entryFor(low: number): number {
    return this.entryAt(this.view, (low >>> 12) & (TLB_ENTRIES - 1));
  }

  /** 1 is no page address: never matches. */
  private empty(entry: number): void {
    const { i32 } = this;
    const word = entry >> 2;
    i32[word] = 1;
    i32[word + 1] = 0;
    i32[word + 2] = 1;
    i32[word + 3] = 0;
    i32[word + 4] = 1;
    i32[word + 5] = 0;
    i32[word + 7] = 0;
  }

  /** Withholds the write tags of every entry that maps this frame: it has become a code frame. */
  withholdWrites(frameOffset: number): void {
    const { i32 } = this;
    for (const view of [0, 1] as const) {
      const list = this.filled[view];
      for (let place = 0; place < this.filledCount[view]; place++) {
        const word = this.entryAt(view, list[place] as number) >> 2;
        const page = (i32[word] as number) & ~WITHHELD;
        if ((page & 1) === 0 && ((i32[word + (TLB_ADDEND >> 2)] as number) + page) >>> 0 === frameOffset)
          i32[word + 2] = 1;
      }
    }
  }

  /** Gives the write tags back: the frame holds no code any more. */
  restoreWrites(frameOffset: number): void {
    const { i32 } = this;
    for (const view of [0, 1] as const) {
      const list = this.filled[view];
      for (let place = 0; place < this.filledCount[view]; place++) {
        const word = this.entryAt(view, list[place] as number) >> 2;
        // A watched page's write tag stays withheld.
        const page = i32[word] as number;
        if ((page & (1 | WITHHELD)) !== 0 || ((i32[word + (TLB_ADDEND >> 2)] as number) + page) >>> 0 !== frameOffset)
          continue;
        if (((i32[word + (TLB_PERMISSIONS >> 2)] as number) & PERMIT_WRITE) === 0) continue;
        i32[word + 2] = page;
        i32[word + 3] = i32[word + 1] as number;
      }
    }
  }

  /** Replaces the watched ranges. What the TLB holds stays: only tags are withheld or given back. */
  setWatch(points: readonly Watchpoint[]): void {
    this.watch.replace(points);
    this.retag();
  }

  /** Read and write tags of all entries as watchpoints, code frames and permissions have them. */
  private retag(): void {
    const { i32, watch, ram } = this;
    for (const view of [0, 1] as const) {
      for (let place = 0; place < this.filledCount[view]; place++) {
        const word = this.entryAt(view, this.filled[view][place] as number) >> 2;
        const page = (i32[word] as number) & ~WITHHELD;
        if ((page & 1) !== 0) continue;
        const high = i32[word + 1] as number;
        const watched = watch.armed && watch.hasPage(page, high);
        const frame = (((i32[word + (TLB_ADDEND >> 2)] as number) + page) >>> 0) - ram.base;
        const writable = ((i32[word + (TLB_PERMISSIONS >> 2)] as number) & PERMIT_WRITE) !== 0;
        const direct = writable && !watched && ram.codeFrames[frame >>> 12] === 0;
        i32[word] = watched ? page | WITHHELD : page;
        i32[word + (TLB_WRITE >> 2)] = direct ? page : 1;
        i32[word + (TLB_WRITE >> 2) + 1] = direct ? high : 0;
      }
    }
  }

  /** Tags that are withheld for code, watchpoints or dirty bits are not state: they follow from the rest. */
  save(): MmuState {
    const { i32, ram } = this;
    const entries = ([0, 1] as const).map((view) => {
      const list: number[] = [];
      for (const index of this.filled[view].subarray(0, this.filledCount[view]).slice().sort()) {
        const word = this.entryAt(view, index) >> 2;
        const page = (i32[word] as number) & ~WITHHELD;
        if ((page & 1) !== 0) continue;
        const mfn = (((((i32[word + (TLB_ADDEND >> 2)] as number) + page) >>> 0) - ram.base) >>> 12) + ram.firstMfn;
        list.push(index, page, i32[word + 1] as number, mfn, i32[word + (TLB_PERMISSIONS >> 2)] as number);
      }
      return Int32Array.from(list);
    });
    return { paging: this.paging, roots: [...this.roots], view: this.view, user: this.user, entries };
  }

  /** No code is decoded any more when this is called. */
  restore(state: MmuState): void {
    this.flush();
    this.paging = state.paging;
    this.roots[0] = state.roots[0];
    this.roots[1] = state.roots[1];
    this.user = state.user;
    for (const view of [0, 1] as const) {
      const list = state.entries[view] as Int32Array;
      for (let at = 0; at < list.length; at += SAVED_ENTRY) {
        const [index, page, high, mfn, permissions] = list.subarray(at, at + SAVED_ENTRY) as unknown as number[];
        this.restoreEntry(view, index as number, page as number, high as number, mfn as Mfn, permissions as number);
      }
    }
    this.setView(state.view);
    this.retag();
  }

  private restoreEntry(view: 0 | 1, index: number, page: number, high: number, mfn: Mfn, permissions: number): void {
    const { i32 } = this;
    const word = this.entryAt(view, index) >> 2;
    const executable = (permissions & PERMIT_FETCH) !== 0;
    this.filledMark[view][index] = 1;
    this.filled[view][this.filledCount[view]++] = index;
    i32[word] = page;
    i32[word + 1] = high;
    i32[word + (TLB_FETCH >> 2)] = executable ? page : 1;
    i32[word + (TLB_FETCH >> 2) + 1] = executable ? high : 0;
    i32[word + (TLB_ADDEND >> 2)] = (this.ram.offset(mfn) - page) | 0;
    i32[word + (TLB_PERMISSIONS >> 2)] = permissions;
  }

  /** Whether generated code must stop before this access; the exception state then says so. */
  private refuseWatched(low: number, high: number, bytes: number, write: boolean): boolean {
    if (!this.watching || !this.watch.touches(low, high, bytes, write)) return false;
    this.i32[STATE_VECTOR >> 2] = VECTOR_WATCH;
    return true;
  }

  /** Byte offset in linear memory for one access within a page; -1 and a recorded exception when it faults. */
  access(low: number, high: number, access: Access): number {
    const entry = this.entryFor(low);
    const word = entry >> 2;
    const { i32 } = this;
    if (((i32[word] as number) & ~WITHHELD) === (low & -PAGE_SIZE) && i32[word + 1] === high) {
      const permissions = i32[word + (TLB_PERMISSIONS >> 2)] as number;
      if (access === ACCESS_READ || (access === ACCESS_WRITE ? permissions & PERMIT_WRITE : permissions & PERMIT_FETCH))
        return ((i32[word + (TLB_ADDEND >> 2)] as number) + low) >>> 0;
    }
    if (!this.walk(low, high, access, true)) return -1;
    return this.fill(word, low, high);
  }

  private fill(word: number, low: number, high: number): number {
    const { i32, ram } = this;
    const offset = ram.offset(this.walkedMfn as Mfn);
    const page = low & -PAGE_SIZE;
    const index = (low >>> 12) & (TLB_ENTRIES - 1);
    const view = this.view;
    if (this.filledMark[view][index] === 0) {
      this.filledMark[view][index] = 1;
      this.filled[view][this.filledCount[view]++] = index;
    }
    const mayWrite = this.walkedWritable && this.walkedDirty;
    const watched = this.watch.armed && this.watch.hasPage(low, high);
    const direct = mayWrite && !watched && ram.codeFrames[this.walkedMfn - ram.firstMfn] === 0;
    i32[word] = watched ? page | WITHHELD : page;
    i32[word + 1] = high;
    i32[word + (TLB_WRITE >> 2)] = direct ? page : 1;
    i32[word + (TLB_WRITE >> 2) + 1] = direct ? high : 0;
    i32[word + (TLB_FETCH >> 2)] = this.walkedExecutable ? page : 1;
    i32[word + (TLB_FETCH >> 2) + 1] = this.walkedExecutable ? high : 0;
    i32[word + (TLB_ADDEND >> 2)] = (offset - page) | 0;
    i32[word + (TLB_PERMISSIONS >> 2)] = (mayWrite ? PERMIT_WRITE : 0) | (this.walkedExecutable ? PERMIT_FETCH : 0);
    return offset + (low & (PAGE_SIZE - 1));
  }

  /** Records #PF or, for a non-canonical address, #GP(0); #SS(0) on the stack. */
  private fault(low: number, high: number): void {
    const { i32 } = this;
    if (this.walkError < 0) {
      i32[STATE_VECTOR >> 2] = this.isStackAccess(low, high) ? VECTOR_SS : VECTOR_GP;
      i32[STATE_ERROR_CODE >> 2] = 0;
      return;
    }
    i32[STATE_VECTOR >> 2] = VECTOR_PF;
    i32[STATE_ERROR_CODE >> 2] = this.walkError;
    i32[STATE_CR2 >> 2] = low;
    i32[(STATE_CR2 >> 2) + 1] = high;
  }

  /**
   * Whether the instruction that is running accesses memory through SS: rSP or rBP as base without an FS or GS prefix,
   * or no operand in memory and an address next to rSP.
   */
  private isStackAccess(low: number, high: number): boolean {
    const { i32, u16 } = this;
    const at = i32[STATE_RECORD >> 2] as number;
    if (at === 0) return false;
    const base = u16[(at + RECORD_BASE) >> 1] as number;
    if (base === STATE_REGISTERS + RSP * 8 || base === STATE_REGISTERS + RBP * 8) {
      return u16[(at + RECORD_SEGMENT) >> 1] === STATE_ZERO;
    }
    if (base !== STATE_ZERO || u16[(at + RECORD_INDEX) >> 1] !== STATE_ZERO) return false;
    const word = (STATE_REGISTERS >> 2) + RSP * 2;
    return Math.abs(signed64(low, high) - signed64(i32[word] as number, i32[word + 1] as number)) <= 16;
  }

  private refuse(low: number, high: number, mark: boolean, cause: number): false {
    this.walkError = cause;
    if (mark) this.fault(low, high);
    return false;
  }

  private frameOf(low: number, high: number): number {
    return (high & 0xfffff) * 0x100000 + (low >>> 12);
  }

  /**
   * Walks for a guest access, sets accessed and dirty bits, and leaves the frame and its permissions in `walked*`.
   * `mark` false: neither bits nor exception are recorded.
   */
  private walk(low: number, high: number, access: Access, mark: boolean): boolean {
    const error =
      (access === ACCESS_WRITE ? PF_WRITE : access === ACCESS_FETCH ? PF_FETCH : 0) | (this.user ? PF_USER : 0);
    if (this.paging === 'off') {
      this.walkedMfn = (low >>> 12) + this.ram.firstMfn;
      this.walkedWritable = true;
      this.walkedDirty = true;
      this.walkedExecutable = true;
      return this.ram.hasFrame(this.walkedMfn) ? true : this.refuse(low, high, mark, error);
    }
    const wide = this.paging === '4-level';
    if (wide && high >> 15 !== 0 && high >> 15 !== -1) return this.refuse(low, high, mark, -1);
    const root = this.roots[this.view];
    if (root === undefined) return this.refuse(low, high, mark, error);
    if (this.paging === '2-level') return this.walkShort(root, low, high, access, error, mark);
    const { i32, ram } = this;
    let table: number = root;
    let writable = true;
    let user = true;
    let executable = true;
    for (let level = wide ? 4 : 3; level >= 1; level--) {
      if (!ram.hasFrame(table)) return this.refuse(low, high, mark, error | PF_RESERVED | PF_PRESENT);
      const index =
        level === 4
          ? (high >>> 7) & 511
          : level === 3
            ? wide
              ? ((high & 0x7f) << 2) | (low >>> 30)
              : low >>> 30
            : (low >>> (level === 2 ? 21 : 12)) & 511;
      const at = (ram.offset(table as Mfn) >> 2) + index * 2;
      const entryLow = i32[at] as number;
      const entryHigh = i32[at + 1] as number;
      if ((entryLow & PTE_P) === 0) return this.refuse(low, high, mark, error);
      const short = !wide && level === 3;
      if (!short) {
        writable = writable && (entryLow & PTE_RW) !== 0;
        user = user && (entryLow & PTE_US) !== 0;
        executable = executable && entryHigh >= 0;
      }
      const large = level === 2 && (entryLow & PTE_PS) !== 0;
      if (level > 1 && !large) {
        if (mark && !short && (entryLow & PTE_A) === 0) i32[at] = entryLow | PTE_A;
        table = this.frameOf(entryLow, entryHigh);
        continue;
      }
      if ((this.user && !user) || (access === ACCESS_WRITE && !writable) || (access === ACCESS_FETCH && !executable))
        return this.refuse(low, high, mark, error | PF_PRESENT);
      const frame = this.frameOf(entryLow, entryHigh) + (large ? (low >>> 12) & 511 : 0);
      if (!ram.hasFrame(frame)) return this.refuse(low, high, mark, error | PF_RESERVED | PF_PRESENT);
      const bits = access === ACCESS_WRITE ? PTE_A | PTE_D : PTE_A;
      if (mark && (entryLow & bits) !== bits) i32[at] = entryLow | bits;
      this.walkedMfn = frame;
      this.walkedWritable = writable;
      this.walkedDirty = ((i32[at] as number) & PTE_D) !== 0;
      this.walkedExecutable = executable;
      return true;
    }
    return this.refuse(low, high, mark, error);
  }

  /** Two-level walk of a non-PAE guest. */
  private walkShort(root: Mfn, low: number, high: number, access: Access, error: number, mark: boolean): boolean {
    const { i32, ram } = this;
    const directory = (ram.offset(root) >> 2) + (low >>> 22);
    const upper = i32[directory] as number;
    if ((upper & PTE_P) === 0) return this.refuse(low, high, mark, error);
    const table = upper >>> 12;
    if (!ram.hasFrame(table)) return this.refuse(low, high, mark, error | PF_RESERVED | PF_PRESENT);
    const at = (ram.offset(table) >> 2) + ((low >>> 12) & 1023);
    const entry = i32[at] as number;
    if ((entry & PTE_P) === 0) return this.refuse(low, high, mark, error);
    const both = upper & entry;
    const writable = (both & PTE_RW) !== 0;
    if ((this.user && (both & PTE_US) === 0) || (access === ACCESS_WRITE && !writable))
      return this.refuse(low, high, mark, error | PF_PRESENT);
    const frame = entry >>> 12;
    if (!ram.hasFrame(frame)) return this.refuse(low, high, mark, error | PF_RESERVED | PF_PRESENT);
    const bits = access === ACCESS_WRITE ? PTE_A | PTE_D : PTE_A;
    if (mark) {
      i32[directory] = upper | PTE_A;
      i32[at] = entry | bits;
    }
    this.walkedMfn = frame;
    this.walkedWritable = writable;
    this.walkedDirty = ((i32[at] as number) & PTE_D) !== 0;
    this.walkedExecutable = true;
    return true;
  }

  // ---- Slow paths of generated code

  /** Byte offset of readable data, in RAM or (page-crossing) gathered in the scratch area; 0: fault. */
  slowRead(low: number, high: number, bytes: number): number {
    if (this.checks !== undefined && !this.checks.allows(low, bytes, false)) return 0;
    if (this.watch.armed && this.refuseWatched(low, high, bytes, false)) return 0;
    const room = PAGE_SIZE - (low & (PAGE_SIZE - 1));
    if (bytes <= room) {
      const at = this.access(low, high, ACCESS_READ);
      return at < 0 ? 0 : at;
    }
    const first = this.access(low, high, ACCESS_READ);
    if (first < 0) return 0;
    const second = this.access(nextLow(low, room), nextHigh(low, high, room), ACCESS_READ);
    if (second < 0) return 0;
    this.u8.copyWithin(STATE_SCRATCH, first, first + room);
    this.u8.copyWithin(STATE_SCRATCH + room, second, second + bytes - room);
    return STATE_SCRATCH;
  }

  /** Stores what is in the scratch area; 1, or 0 for a fault (nothing stored). */
  slowWrite(low: number, high: number, bytes: number): number {
    if (this.checks !== undefined && !this.checks.allows(low, bytes, true)) return 0;
    if (this.watch.armed && this.refuseWatched(low, high, bytes, true)) return 0;
    const room = PAGE_SIZE - (low & (PAGE_SIZE - 1));
    if (bytes <= room) {
      const at = this.access(low, high, ACCESS_WRITE);
      if (at < 0) return this.offerStore(low, high, bytes);
      this.put(at, STATE_SCRATCH, bytes);
      return 1;
    }
    const first = this.access(low, high, ACCESS_WRITE);
    if (first < 0) return 0;
    const second = this.access(nextLow(low, room), nextHigh(low, high, room), ACCESS_WRITE);
    if (second < 0) return 0;
    this.put(first, STATE_SCRATCH, room);
    this.put(second, STATE_SCRATCH + room, bytes - room);
    return 1;
  }

  /** Byte offset of data to be changed in place, or the scratch area with a copy to be given to slowWrite; 0: fault. */
  slowModify(low: number, high: number, bytes: number): number {
    if (this.checks !== undefined && !this.checks.allows(low, bytes, true)) return 0;
    if (this.watch.armed && this.refuseWatched(low, high, bytes, true)) return 0;
    const room = PAGE_SIZE - (low & (PAGE_SIZE - 1));
    if (bytes <= room) {
      const at = this.access(low, high, ACCESS_WRITE);
      if (at >= 0) {
        if (this.ram.codeFrames[(at - this.ram.base) >>> 12] === 0) return at;
        this.u8.copyWithin(STATE_SCRATCH, at, at + bytes);
        return STATE_SCRATCH;
      }
      // Present and read-only: the hypervisor may take the store over once its value is known.
      if (bytes > 8 || this.i32[STATE_VECTOR >> 2] !== VECTOR_PF || (this.walkError & PF_PRESENT) === 0) return 0;
      if (!this.walk(low, high, ACCESS_READ, false)) return 0;
      const from = this.ram.offset(this.walkedMfn as Mfn) + (low & (PAGE_SIZE - 1));
      this.u8.copyWithin(STATE_SCRATCH, from, from + bytes);
      return STATE_SCRATCH;
    }
    const first = this.access(low, high, ACCESS_WRITE);
    if (first < 0) return 0;
    const second = this.access(nextLow(low, room), nextHigh(low, high, room), ACCESS_WRITE);
    if (second < 0) return 0;
    this.u8.copyWithin(STATE_SCRATCH, first, first + room);
    this.u8.copyWithin(STATE_SCRATCH + room, second, second + bytes - room);
    return STATE_SCRATCH;
  }

  /** A store that faulted: offers it to the hypervisor when the page is there but read-only. */
  private offerStore(low: number, high: number, bytes: number): number {
    const { i32 } = this;
    if (bytes > 8 || i32[STATE_VECTOR >> 2] !== VECTOR_PF || (this.walkError & PF_PRESENT) === 0) return 0;
    const error = this.walkError;
    if (this.walk(low, high, ACCESS_READ, false)) {
      const machine = (this.walkedMfn * PAGE_SIZE + (low & (PAGE_SIZE - 1))) as MachineAddress;
      const word = STATE_SCRATCH >> 2;
      const valueLow = (i32[word] as number) & (bytes === 1 ? 0xff : bytes === 2 ? 0xffff : -1);
      const valueHigh = bytes === 8 ? (i32[word + 1] as number) : 0;
      const address = (this.paging === '4-level' ? signed64(low, high) : low >>> 0) as never;
      if (this.hooks.readOnlyStore(address, machine, bytes, valueLow, valueHigh) === STORE_DONE) return 1;
    }
    this.walkError = error;
    this.fault(low, high);
    return 0;
  }

  private put(to: number, from: number, bytes: number): void {
    this.u8.copyWithin(to, from, from + bytes);
    if (this.ram.codeFrames[(to - this.ram.base) >>> 12] !== 0) this.onCodeStore(to, bytes);
  }
}

function nextLow(low: number, room: number): number {
  return (low + room) | 0;
}

function nextHigh(low: number, high: number, room: number): number {
  return ((low + room) | 0) === 0 ? (high + 1) | 0 : high;
}
