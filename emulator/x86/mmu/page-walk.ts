import { type Mfn, PAGE_SIZE } from '../../base/numbers.ts';
import {
  ACCESS_FETCH,
  ACCESS_WRITE,
  type Access,
  type PagingMode,
  PF_FETCH,
  PF_PRESENT,
  PF_RESERVED,
  PF_USER,
  PF_WRITE,
} from '../cpu/processor.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** Page-table entry bits (SDM vol. 3, table 4-20). */
const PTE_P = 1 << 0;
const PTE_RW = 1 << 1;
const PTE_US = 1 << 2;
const PTE_A = 1 << 5;
const PTE_D = 1 << 6;
const PTE_PS = 1 << 7;

/** `error` of a walk from a non-canonical address. */
export const NOT_CANONICAL = -1;

/** Where a walk starts, and who asks. */
export interface AddressSpace {
  readonly paging: PagingMode;
  readonly root: Mfn | undefined;
  /** The access counts as one of user mode: privilege 3. */
  readonly user: boolean;
}

/**
 * Page walks of guest accesses. One object, no allocation; after `walk` the fields say what came out.
 *
 * NOT IMPLEMENTED: protection keys, SMEP and SMAP (hidden by CPUID), 5-level paging.
 */
export class PageWalk {
  /** The frame and what its entries allow. */
  mfn = 0 as Mfn;
  writable = false;
  dirty = false;
  executable = false;
  /** Page-fault error code of a walk that was refused, or NOT_CANONICAL. */
  error = 0;

  private readonly i32: Int32Array;

  constructor(private readonly ram: PhysicalMemory) {
    this.i32 = new Int32Array(ram.memory.buffer);
  }

  /** False: refused, `error` says why. `mark`: accessed and dirty bits are set on the way. */
  walk(space: AddressSpace, low: number, high: number, access: Access, mark: boolean): boolean {
    this.error =
      (access === ACCESS_WRITE ? PF_WRITE : access === ACCESS_FETCH ? PF_FETCH : 0) | (space.user ? PF_USER : 0);
    const { root } = space;
    switch (space.paging) {
      case 'off':
        return this.direct(low);
      case '2-level':
        return root !== undefined && this.walkTwoLevels(root, low, access, space.user, mark);
      case 'pae':
        return root !== undefined && this.walkWide(root, 3, low, high, access, space.user, mark);
      case '4-level':
        if (high >> 15 !== 0 && high >> 15 !== -1) {
          this.error = NOT_CANONICAL;
          return false;
        }
        return root !== undefined && this.walkWide(root, 4, low, high, access, space.user, mark);
    }
  }

  private refuse(bits: number): false {
    this.error |= bits;
    return false;
  }

  /** Paging is off: pseudo-physical addresses from the start of RAM. */
  private direct(low: number): boolean {
    this.mfn = ((low >>> 12) + this.ram.firstMfn) as Mfn;
    this.writable = true;
    this.dirty = true;
    this.executable = true;
    return this.ram.hasFrame(this.mfn);
  }

  /** PAE and 4-level tables: entries of 64 bits. PAE's top level has no permissions and no accessed bit. */
  private walkWide(
    root: Mfn,
    top: 3 | 4,
    low: number,
    high: number,
    access: Access,
    asUser: boolean,
    mark: boolean,
  ): boolean {
    const { i32, ram } = this;
    let table: number = root;
    let writable = true;
    let user = true;
    let executable = true;
    for (let level: number = top; ; level--) {
      if (!ram.hasFrame(table)) return this.refuse(PF_RESERVED | PF_PRESENT);
      const at = (ram.offset(table) >> 2) + indexAt(low, high, level, top) * 2;
      const entryLow = i32[at] as number;
      const entryHigh = i32[at + 1] as number;
      if ((entryLow & PTE_P) === 0) return false;
      const pointer = top === 3 && level === 3;
      if (!pointer) {
        writable = writable && (entryLow & PTE_RW) !== 0;
        user = user && (entryLow & PTE_US) !== 0;
        executable = executable && entryHigh >= 0;
      }
      const large = level === 2 && (entryLow & PTE_PS) !== 0;
      if (level > 1 && !large) {
        if (mark && !pointer && (entryLow & PTE_A) === 0) i32[at] = entryLow | PTE_A;
        table = frameOf(entryLow, entryHigh);
        continue;
      }
      if ((asUser && !user) || (access === ACCESS_WRITE && !writable) || (access === ACCESS_FETCH && !executable))
        return this.refuse(PF_PRESENT);
      const frame = frameOf(entryLow, entryHigh) + (large ? (low >>> 12) & 511 : 0);
      if (!ram.hasFrame(frame)) return this.refuse(PF_RESERVED | PF_PRESENT);
      if (mark) this.mark(at, access);
      this.found(frame, writable, executable, at);
      return true;
    }
  }

  /** Tables of a non-PAE guest: entries of 32 bits. */
  private walkTwoLevels(root: Mfn, low: number, access: Access, asUser: boolean, mark: boolean): boolean {
    const { i32, ram } = this;
    const directory = (ram.offset(root) >> 2) + (low >>> 22);
    const upper = i32[directory] as number;
    if ((upper & PTE_P) === 0) return false;
    const table = upper >>> 12;
    if (!ram.hasFrame(table)) return this.refuse(PF_RESERVED | PF_PRESENT);
    const at = (ram.offset(table) >> 2) + ((low >>> 12) & 1023);
    const entry = i32[at] as number;
    if ((entry & PTE_P) === 0) return false;
    const both = upper & entry;
    const writable = (both & PTE_RW) !== 0;
    if ((asUser && (both & PTE_US) === 0) || (access === ACCESS_WRITE && !writable)) return this.refuse(PF_PRESENT);
    const frame = entry >>> 12;
    if (!ram.hasFrame(frame)) return this.refuse(PF_RESERVED | PF_PRESENT);
    if (mark) {
      i32[directory] = upper | PTE_A;
      this.mark(at, access);
    }
    this.found(frame, writable, true, at);
    return true;
  }

  private mark(at: number, access: Access): void {
    const bits = access === ACCESS_WRITE ? PTE_A | PTE_D : PTE_A;
    const entry = this.i32[at] as number;
    if ((entry & bits) !== bits) this.i32[at] = entry | bits;
  }

  private found(mfn: Mfn, writable: boolean, executable: boolean, at: number): void {
    this.mfn = mfn;
    this.writable = writable;
    this.dirty = ((this.i32[at] as number) & PTE_D) !== 0;
    this.executable = executable;
  }

  /** Byte offset in linear memory of an address in the frame that was found. */
  offset(low: number): number {
    return this.ram.offset(this.mfn) + (low & (PAGE_SIZE - 1));
  }
}

function indexAt(low: number, high: number, level: number, top: 3 | 4): number {
  if (level === 4) return (high >>> 7) & 511;
  if (level === 3) return top === 4 ? ((high & 0x7f) << 2) | (low >>> 30) : low >>> 30;
  return (low >>> (level === 2 ? 21 : 12)) & 511;
}

function frameOf(low: number, high: number): number {
  return (high & 0xfffff) * 0x100000 + (low >>> 12);
}
