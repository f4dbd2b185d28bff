import { type Mfn, PAGE_SIZE } from '../../base/numbers.ts';
import type { WatchList } from '../cpu/debug-registers.ts';
import {
  PERMIT_FETCH,
  PERMIT_WRITE,
  STATE_FETCH_TLB,
  STATE_TLB,
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
import { ACCESS_READ, ACCESS_WRITE, type Access } from '../cpu/processor.ts';
import type { PageWalk } from './page-walk.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** In the low word of a read tag: the page is watched, and its accesses take the slow path; the entry stays valid. */
const WITHHELD = 2;
/** No page address: never matches. */
const EMPTY = 1;

const WRITE = TLB_WRITE >> 2;
const FETCH = TLB_FETCH >> 2;
const ADDEND = TLB_ADDEND >> 2;
const PERMISSIONS = TLB_PERMISSIONS >> 2;

/** What a view holds: five numbers an entry — place, page address (low, high), frame, permissions. */
export type SavedView = Int32Array;
const SAVED_ENTRY = 5;

/**
 * The TLB in linear memory that generated code probes: direct-mapped, a view for the guest's kernel and one for its user
 * mode. What it holds depends on guest accesses alone. A tag is withheld where generated code must not go straight to
 * RAM (code frame, page not yet dirty, watched page): the entry stays, and its permissions say what needs no new walk.
 */
export class SoftTlb {
  private readonly i32: Int32Array;
  /** Entries filled since the last flush, per view: flushing touches no others. */
  private readonly filled: [Int32Array, Int32Array] = [new Int32Array(TLB_ENTRIES), new Int32Array(TLB_ENTRIES)];
  private readonly filledCount: [number, number] = [0, 0];
  private readonly filledMark: [Uint8Array, Uint8Array] = [new Uint8Array(TLB_ENTRIES), new Uint8Array(TLB_ENTRIES)];

  constructor(
    private readonly ram: PhysicalMemory,
    private readonly watch: WatchList,
  ) {
    this.i32 = new Int32Array(ram.memory.buffer);
    for (let entry = 0; entry < 3 * TLB_ENTRIES; entry++) this.empty((TLB_BASE + (entry << TLB_ENTRY_SHIFT)) >> 2);
    this.show(0, true);
  }

  /** Which view generated code probes; not `direct`: for data, one that never matches. */
  show(view: 0 | 1, direct: boolean): void {
    this.i32[STATE_TLB >> 2] = direct ? TLB_BASE + view * TLB_VIEW_SIZE : TLB_EMPTY;
    this.i32[STATE_FETCH_TLB >> 2] = TLB_BASE + view * TLB_VIEW_SIZE;
  }

  /** Byte offset in linear memory, if the entry of the address permits the access; else -1. */
  find(view: 0 | 1, low: number, high: number, access: Access): number {
    const { i32 } = this;
    const word = this.wordAt(view, indexOf(low));
    if (((i32[word] as number) & ~WITHHELD) !== (low & -PAGE_SIZE) || i32[word + 1] !== high) return -1;
    const permissions = i32[word + PERMISSIONS] as number;
    const permitted =
      access === ACCESS_READ || (permissions & (access === ACCESS_WRITE ? PERMIT_WRITE : PERMIT_FETCH)) !== 0;
    return permitted ? ((i32[word + ADDEND] as number) + low) >>> 0 : -1;
  }

  /** Takes what a walk found in. A page that is not dirty yet may not be written without another walk. */
  fill(view: 0 | 1, low: number, high: number, found: PageWalk): void {
    const permissions = (found.writable && found.dirty ? PERMIT_WRITE : 0) | (found.executable ? PERMIT_FETCH : 0);
    this.set(view, indexOf(low), low & -PAGE_SIZE, high, found.mfn, permissions);
  }

  flush(view: 0 | 1): void {
    const list = this.filled[view];
    const mark = this.filledMark[view];
    for (let place = 0; place < this.filledCount[view]; place++) {
      const index = list[place] as number;
      mark[index] = 0;
      this.empty(this.wordAt(view, index));
    }
    this.filledCount[view] = 0;
  }

  invalidatePage(low: number): void {
    const index = indexOf(low);
    for (const view of [0, 1] as const) {
      if (this.filledMark[view][index] !== 0) this.empty(this.wordAt(view, index));
    }
  }

  /** Withholds the write tags of every entry that maps this frame: it has become a code frame. */
  withholdWrites(frameOffset: number): void {
    for (const view of [0, 1] as const) {
      for (let place = 0; place < this.filledCount[view]; place++) {
        const word = this.wordAt(view, this.filled[view][place] as number);
        if (this.isFilled(word) && this.frameOffset(word) === frameOffset) this.i32[word + WRITE] = EMPTY;
      }
    }
  }

  /** Gives the write tags back: the frame holds no code any more. */
  restoreWrites(frameOffset: number): void {
    for (const view of [0, 1] as const) {
      for (let place = 0; place < this.filledCount[view]; place++) {
        const word = this.wordAt(view, this.filled[view][place] as number);
        if (this.isFilled(word) && this.frameOffset(word) === frameOffset) this.retagEntry(word);
      }
    }
  }

  /** Read and write tags of all entries as watchpoints, code frames and permissions have them. */
  retag(): void {
    for (const view of [0, 1] as const) {
      for (let place = 0; place < this.filledCount[view]; place++) {
        const word = this.wordAt(view, this.filled[view][place] as number);
        if (this.isFilled(word)) this.retagEntry(word);
      }
    }
  }

  /** Withheld tags are not state: they follow from the rest. */
  save(view: 0 | 1): SavedView {
    const { i32, ram } = this;
    const list: number[] = [];
    for (const index of this.filled[view].slice(0, this.filledCount[view]).sort()) {
      const word = this.wordAt(view, index);
      if (!this.isFilled(word)) continue;
      const mfn = ((this.frameOffset(word) - ram.base) >>> 12) + ram.firstMfn;
      list.push(index, this.pageOf(word), i32[word + 1] as number, mfn, i32[word + PERMISSIONS] as number);
    }
    return Int32Array.from(list);
  }

  /** Into an empty view. */
  restore(view: 0 | 1, saved: SavedView): void {
    for (let at = 0; at < saved.length; at += SAVED_ENTRY) {
      const [index, page, high, mfn, permissions] = saved.subarray(at, at + SAVED_ENTRY) as unknown as number[];
      this.set(view, index as number, page as number, high as number, mfn as Mfn, permissions as number);
    }
  }

  private set(view: 0 | 1, index: number, page: number, high: number, mfn: Mfn, permissions: number): void {
    const { i32 } = this;
    if (this.filledMark[view][index] === 0) {
      this.filledMark[view][index] = 1;
      this.filled[view][this.filledCount[view]++] = index;
    }
    const word = this.wordAt(view, index);
    const executable = (permissions & PERMIT_FETCH) !== 0;
    i32[word] = page;
    i32[word + 1] = high;
    i32[word + FETCH] = executable ? page : EMPTY;
    i32[word + FETCH + 1] = executable ? high : 0;
    i32[word + ADDEND] = (this.ram.offset(mfn) - page) | 0;
    i32[word + PERMISSIONS] = permissions;
    this.retagEntry(word);
  }

  private retagEntry(word: number): void {
    const { i32, watch, ram } = this;
    const page = this.pageOf(word);
    const high = i32[word + 1] as number;
    const watched = watch.armed && watch.hasPage(page, high);
    const writable = ((i32[word + PERMISSIONS] as number) & PERMIT_WRITE) !== 0;
    const direct = writable && !watched && ram.codeFrames[(this.frameOffset(word) - ram.base) >>> 12] === 0;
    i32[word] = watched ? page | WITHHELD : page;
    i32[word + WRITE] = direct ? page : EMPTY;
    i32[word + WRITE + 1] = direct ? high : 0;
  }

  private empty(word: number): void {
    const { i32 } = this;
    i32[word] = EMPTY;
    i32[word + 1] = 0;
    i32[word + WRITE] = EMPTY;
    i32[word + WRITE + 1] = 0;
    i32[word + FETCH] = EMPTY;
    i32[word + FETCH + 1] = 0;
    i32[word + PERMISSIONS] = 0;
  }

  private isFilled(word: number): boolean {
    return ((this.i32[word] as number) & EMPTY) === 0;
  }

  private pageOf(word: number): number {
    return (this.i32[word] as number) & ~WITHHELD;
  }

  /** Byte offset in linear memory of the frame that an entry maps to. */
  private frameOffset(word: number): number {
    return ((this.i32[word + ADDEND] as number) + this.pageOf(word)) >>> 0;
  }

  private wordAt(view: 0 | 1, index: number): number {
    return (TLB_BASE + view * TLB_VIEW_SIZE + (index << TLB_ENTRY_SHIFT)) >> 2;
  }
}

function indexOf(low: number): number {
  return (low >>> 12) & (TLB_ENTRIES - 1);
}
