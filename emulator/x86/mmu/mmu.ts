import { type MachineAddress, type Mfn, PAGE_SIZE, signed64, type VirtualAddress } from '../../base/numbers.ts';
import type { AccessChecks } from '../cpu/access-checks.ts';
import { WatchList, type Watchpoint } from '../cpu/debug-registers.ts';
import {
  STATE_CR2,
  STATE_ERROR_CODE,
  STATE_RECORD,
  STATE_REGISTERS,
  STATE_SCRATCH,
  STATE_VECTOR,
  STATE_ZERO,
} from '../cpu/layout.ts';
import {
  ACCESS_READ,
  ACCESS_WRITE,
  type Access,
  type PagingMode,
  PF_PRESENT,
  type ProcessorHooks,
  RBP,
  RSP,
  STORE_DONE,
  VECTOR_GP,
  VECTOR_PF,
  VECTOR_SS,
} from '../cpu/processor.ts';
import { RECORD_BASE, RECORD_INDEX, RECORD_SEGMENT } from '../interpreter/record.ts';
import { type AddressSpace, NOT_CANONICAL, PageWalk } from './page-walk.ts';
import type { PhysicalMemory } from './physical-memory.ts';
import { type SavedView, SoftTlb } from './soft-tlb.ts';

/** Not an exception: the access touches a watchpoint, and the instruction must run alone. */
export const VECTOR_WATCH = 0x100;
/** The widest store that is offered to the hypervisor: no page-table entry is wider. */
const OFFERED_BYTES = 8;
/** The farthest from rSP that an instruction without a memory operand accesses: PUSH, CALL, ENTER's frame pointer. */
const STACK_REACH = 16;

/** No address is out of reach. */
export const NO_CEILING = 2 ** 32;

/** All that a snapshot needs of the memory management unit. */
export interface MmuState {
  readonly paging: PagingMode;
  readonly ceiling: number;
  readonly roots: readonly (Mfn | undefined)[];
  readonly view: 0 | 1;
  readonly user: boolean;
  /** What the TLB holds, by view. */
  readonly entries: readonly SavedView[];
}

/** Guest memory accesses that generated code cannot make by itself: TLB misses, faults, withheld pages, page crossings. */
export class Mmu implements AddressSpace {
  paging: PagingMode = 'off';
  /**
   * Linear addresses from here on are behind the limits of all of a two-level guest's segments: an access is #GP(0) or
   * #SS(0) before any page is looked at, and nothing there is ever in the TLB. So a segment that ends exactly here
   * needs no check of its own.
   */
  ceiling = NO_CEILING;
  hooks: ProcessorHooks;
  readonly roots: [Mfn | undefined, Mfn | undefined] = [undefined, undefined];
  view: 0 | 1 = 0;
  /** Whether accesses count as user ones: privilege 3. */
  user = true;
  /** Watched ranges; looked at only while generated code runs (`watching`). */
  readonly watch = new WatchList();
  watching = false;
  /** Stores that may stale decoded code: byte offset in linear memory and length. */
  onCodeStore: (offset: number, bytes: number) => void = () => {};
  /** While set, asked about each frame (byte offset) before a store to it; true refuses the store, changing nothing. */
  storeGuard: ((offset: number) => boolean) | undefined;

  private checks: AccessChecks | undefined;
  private readonly tlb: SoftTlb;
  private readonly found: PageWalk;
  private readonly i32: Int32Array;
  private readonly u16: Uint16Array;
  private readonly u8: Uint8Array;

  constructor(
    private readonly ram: PhysicalMemory,
    hooks: ProcessorHooks,
  ) {
    this.hooks = hooks;
    this.i32 = new Int32Array(ram.memory.buffer);
    this.u16 = new Uint16Array(ram.memory.buffer);
    this.u8 = new Uint8Array(ram.memory.buffer);
    this.tlb = new SoftTlb(ram, this.watch);
    this.found = new PageWalk(ram);
  }

  get root(): Mfn | undefined {
    return this.roots[this.view];
  }

  setView(view: 0 | 1): void {
    this.view = view;
    this.tlb.show(view, this.checks === undefined);
  }

  /** While set, no access goes straight to RAM, and each is put to the checks first. */
  setChecks(checks: AccessChecks | undefined): void {
    if (checks === this.checks) return;
    this.checks = checks;
    this.setView(this.view);
  }

  setRoot(view: 0 | 1, root: Mfn | undefined): void {
    this.roots[view] = root;
    this.tlb.flush(view);
  }

  flush(): void {
    this.tlb.flush(0);
    this.tlb.flush(1);
  }

  invalidatePage(low: number): void {
    this.tlb.invalidatePage(low);
  }

  withholdWrites(frameOffset: number): void {
    this.tlb.withholdWrites(frameOffset);
  }

  restoreWrites(frameOffset: number): void {
    this.tlb.restoreWrites(frameOffset);
  }

  /** Replaces the watched ranges. What the TLB holds stays: only tags are withheld or given back. */
  setWatch(points: readonly Watchpoint[]): void {
    this.watch.replace(points);
    this.tlb.retag();
  }

  save(): MmuState {
    const entries = [this.tlb.save(0), this.tlb.save(1)];
    const { paging, ceiling, view, user } = this;
    return { paging, ceiling, roots: [...this.roots], view, user, entries };
  }

  /** No code is decoded any more when this is called. */
  restore(state: MmuState): void {
    this.flush();
    this.paging = state.paging;
    this.ceiling = state.ceiling;
    this.roots[0] = state.roots[0];
    this.roots[1] = state.roots[1];
    this.user = state.user;
    for (const view of [0, 1] as const) this.tlb.restore(view, state.entries[view] as SavedView);
    this.setView(state.view);
  }

  /** Byte offset in linear memory for one access within a page; -1 and a recorded exception when it faults. */
  access(low: number, high: number, access: Access): number {
    const at = this.tlb.find(this.view, low, high, access);
    if (at >= 0) return at;
    if (low >>> 0 >= this.ceiling) {
      this.found.error = NOT_CANONICAL;
      this.fault(low, high, NOT_CANONICAL);
      return -1;
    }
    if (!this.found.walk(this, low, high, access, true)) {
      this.fault(low, high, this.found.error);
      return -1;
    }
    this.tlb.fill(this.view, low, high, this.found);
    return this.found.offset(low);
  }

  /** Records #PF or, for a non-canonical address, #GP(0); #SS(0) on the stack. */
  private fault(low: number, high: number, error: number): void {
    const { i32 } = this;
    if (error === NOT_CANONICAL) {
      i32[STATE_VECTOR >> 2] = this.isStackAccess(low, high) ? VECTOR_SS : VECTOR_GP;
      i32[STATE_ERROR_CODE >> 2] = 0;
      return;
    }
    i32[STATE_VECTOR >> 2] = VECTOR_PF;
    i32[STATE_ERROR_CODE >> 2] = error;
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
    return Math.abs(signed64(low, high) - signed64(i32[word] as number, i32[word + 1] as number)) <= STACK_REACH;
  }

  /** Whether generated code must stop before this access; the exception state then says so. */
  private refuses(low: number, high: number, bytes: number, write: boolean): boolean {
    if (this.checks !== undefined && !this.checks.allows(low, bytes, write)) return true;
    if (!this.watch.armed || !this.watching || !this.watch.touches(low, high, bytes, write)) return false;
    this.i32[STATE_VECTOR >> 2] = VECTOR_WATCH;
    return true;
  }

  // ---- Slow paths of generated code

  /** Byte offset of readable data, in RAM or (page-crossing) gathered in the scratch area; 0: fault. */
  slowRead(low: number, high: number, bytes: number): number {
    if (this.refuses(low, high, bytes, false)) return 0;
    const room = roomInPage(low);
    if (bytes > room) return this.gather(low, high, bytes, ACCESS_READ);
    const at = this.access(low, high, ACCESS_READ);
    return at < 0 ? 0 : at;
  }

  /** Stores what is in the scratch area; 1, or 0 for a fault (nothing stored). */
  slowWrite(low: number, high: number, bytes: number): number {
    if (this.refuses(low, high, bytes, true)) return 0;
    const room = roomInPage(low);
    const first = this.access(low, high, ACCESS_WRITE);
    if (bytes <= room) {
      if (first < 0) return this.offerStore(low, high, bytes);
      if (this.storeGuard?.(first) === true) return 0;
      this.put(first, STATE_SCRATCH, bytes);
      return 1;
    }
    if (first < 0) return 0;
    const second = this.access(nextLow(low, room), nextHigh(low, high, room), ACCESS_WRITE);
    if (second < 0) return 0;
    if (this.storeGuard?.(first) === true || this.storeGuard?.(second) === true) return 0;
    this.put(first, STATE_SCRATCH, room);
    this.put(second, STATE_SCRATCH + room, bytes - room);
    return 1;
  }

  /** Byte offset of data to be changed in place, or the scratch area with a copy to be given to slowWrite; 0: fault. */
  slowModify(low: number, high: number, bytes: number): number {
    if (this.refuses(low, high, bytes, true)) return 0;
    if (bytes > roomInPage(low)) return this.gather(low, high, bytes, ACCESS_WRITE);
    const at = this.access(low, high, ACCESS_WRITE);
    if (at >= 0 && this.ram.codeFrames[(at - this.ram.base) >>> 12] === 0) return at;
    // Present and read-only: the hypervisor may take the store over once its value is known.
    if (at < 0 && !this.isOffered(low, high, bytes)) return 0;
    const from = at < 0 ? this.found.offset(low) : at;
    this.u8.copyWithin(STATE_SCRATCH, from, from + bytes);
    return STATE_SCRATCH;
  }

  /** Data of two pages, side by side in the scratch area; 0: fault. */
  private gather(low: number, high: number, bytes: number, access: Access): number {
    const room = roomInPage(low);
    const first = this.access(low, high, access);
    if (first < 0) return 0;
    const second = this.access(nextLow(low, room), nextHigh(low, high, room), access);
    if (second < 0) return 0;
    this.u8.copyWithin(STATE_SCRATCH, first, first + room);
    this.u8.copyWithin(STATE_SCRATCH + room, second, second + bytes - room);
    return STATE_SCRATCH;
  }

  /** After a store that faulted: whether its page is there but read-only. Leaves the page in `found`. */
  private isOffered(low: number, high: number, bytes: number): boolean {
    if (bytes > OFFERED_BYTES || this.i32[STATE_VECTOR >> 2] !== VECTOR_PF) return false;
    return (this.found.error & PF_PRESENT) !== 0 && this.found.walk(this, low, high, ACCESS_READ, false);
  }

  /** Offers a store that faulted to the hypervisor: 1 if it has carried it out. */
  private offerStore(low: number, high: number, bytes: number): number {
    const { i32 } = this;
    const { error } = this.found;
    if (!this.isOffered(low, high, bytes)) return 0;
    if (this.storeGuard?.(this.found.offset(low)) === true) return 0;
    const machine = (this.found.mfn * PAGE_SIZE + (low & (PAGE_SIZE - 1))) as MachineAddress;
    const word = STATE_SCRATCH >> 2;
    const valueLow = (i32[word] as number) & (bytes === 1 ? 0xff : bytes === 2 ? 0xffff : -1);
    const valueHigh = bytes === OFFERED_BYTES ? (i32[word + 1] as number) : 0;
    const address = (this.paging === '4-level' ? signed64(low, high) : low >>> 0) as VirtualAddress;
    if (this.hooks.readOnlyStore(address, machine, bytes, valueLow, valueHigh) === STORE_DONE) return 1;
    this.fault(low, high, error);
    return 0;
  }

  private put(to: number, from: number, bytes: number): void {
    this.u8.copyWithin(to, from, from + bytes);
    if (this.ram.codeFrames[(to - this.ram.base) >>> 12] !== 0) this.onCodeStore(to, bytes);
  }
}

/** Bytes from an address to the end of its page. */
function roomInPage(low: number): number {
  return PAGE_SIZE - (low & (PAGE_SIZE - 1));
}

function nextLow(low: number, room: number): number {
  return (low + room) | 0;
}

function nextHigh(low: number, high: number, room: number): number {
  return ((low + room) | 0) === 0 ? (high + 1) | 0 : high;
}
