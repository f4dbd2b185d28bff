import { lowHalf, PAGE_SIZE, signed64, type VirtualAddress } from '../../base/numbers.ts';

/** A range of virtual addresses whose accesses are of interest. */
export interface Watchpoint {
  readonly address: VirtualAddress;
  readonly length: number;
  readonly read: boolean;
  readonly write: boolean;
}

const DR6 = 6;
const DR7 = 7;
/** R/W field of DR7 (SDM vol. 3, 17.2.4). */
const BREAK_ON_EXECUTION = 0;
const BREAK_ON_WRITE = 1;
const BREAK_ON_ACCESS = 3;
/** LEN field: 1, 2, 8, 4 bytes. */
const LENGTHS = [1, 2, 8, 4] as const;

/**
 * DR0–DR7 and what they arm. NOT IMPLEMENTED: I/O breakpoints (a PV guest's I/O traps anyway) and general detect, which
 * guards MOV DR, always trapped here.
 */
export class DebugRegisters {
  private readonly words = new Int32Array(16);
  /** Instruction breakpoints, by address: bits of DR6. */
  execution: ReadonlyMap<number, number> = new Map();
  /** Data breakpoints, with their bits of DR6. */
  data: readonly (Watchpoint & { readonly bit: number })[] = [];

  low(index: number): number {
    return this.words[index * 2] as number;
  }

  /** True when breakpoints may have changed. */
  set(index: number, low: number, high: number): boolean {
    if (this.words[index * 2] === low && this.words[index * 2 + 1] === high) return false;
    this.words[index * 2] = low;
    this.words[index * 2 + 1] = high;
    if (index === DR6) return false;
    const before = this.execution.size + this.data.length;
    this.derive();
    return before + this.execution.size + this.data.length > 0;
  }

  /** Adds status bits to DR6. */
  report(bits: number): void {
    this.words[DR6 * 2] = this.low(DR6) | bits;
  }

  save(): Int32Array {
    return this.words.slice();
  }

  restore(words: Int32Array): void {
    this.words.set(words);
    this.derive();
  }

  private derive(): void {
    const control = this.low(DR7);
    const execution = new Map<number, number>();
    const data: (Watchpoint & { readonly bit: number })[] = [];
    for (let index = 0; index < 4; index++) {
      if (((control >> (index * 2)) & 3) === 0) continue;
      const address = signed64(this.words[index * 2] as number, this.words[index * 2 + 1] as number);
      const kind = (control >> (16 + index * 4)) & 3;
      const length = LENGTHS[(control >>> (18 + index * 4)) & 3] as number;
      const bit = 1 << index;
      if (kind === BREAK_ON_EXECUTION) execution.set(address, (execution.get(address) ?? 0) | bit);
      else if (kind === BREAK_ON_WRITE || kind === BREAK_ON_ACCESS) {
        // The low bits of the address that the length covers do not count.
        const aligned = (address - (((address % length) + length) % length)) as VirtualAddress;
        data.push({ address: aligned, length, read: kind === BREAK_ON_ACCESS, write: true, bit });
      }
    }
    this.execution = execution;
    this.data = data;
  }
}

/** Which watchpoints an access touches, and which pages must be kept off the fast path for them. */
export class WatchList {
  private points: readonly Watchpoint[] = [];
  private readonly pages = new Set<number>();
  /** Indexes of the points that the last refused access touched. */
  hits: readonly number[] = [];

  get armed(): boolean {
    return this.points.length > 0;
  }

  replace(points: readonly Watchpoint[]): void {
    this.points = points;
    this.pages.clear();
    for (const { address, length } of points) {
      for (let at = pageOf(address); at < address + length; at += PAGE_SIZE) this.pages.add(at);
    }
  }

  hasPage(low: number, high: number): boolean {
    return this.pages.has(signed64(low & -PAGE_SIZE, high));
  }

  touches(low: number, high: number, bytes: number, write: boolean): boolean {
    const start = signed64(low, high);
    const hits: number[] = [];
    for (const [index, { address, length, ...kind }] of this.points.entries()) {
      if ((write ? kind.write : kind.read) && start < address + length && address < start + bytes) hits.push(index);
    }
    if (hits.length === 0) return false;
    this.hits = hits;
    return true;
  }
}

function pageOf(address: number): number {
  return address - (lowHalf(address) & (PAGE_SIZE - 1));
}
