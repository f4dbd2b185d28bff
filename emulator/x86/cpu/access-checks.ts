import { RECORD_BASE, RECORD_INDEX, RECORD_SEGMENT } from '../interpreter/record.ts';
import {
  STATE_ERROR_CODE,
  STATE_RECORD,
  STATE_REGISTERS,
  STATE_SEGMENT_BASES,
  STATE_VECTOR,
  STATE_ZERO,
} from './layout.ts';
import { CS, DS, ES, RDI, RSP, SS, VECTOR_AC, VECTOR_GP, VECTOR_SS } from './processor.ts';
import type { RegisterFile } from './registers.ts';
import { descriptorLimit, type Segments } from './segments.ts';

const TYPE_CODE = 1 << 11;
const TYPE_EXPAND_DOWN = 1 << 10;
const TYPE_READ_WRITE = 1 << 9;
const PRESENT = 1 << 15;
const BIG = 1 << 22;
const WHOLE = 0xffffffff;

/**
 * Checks that most guests never need: alignment (EFLAGS.AC in ring 3; CR0.AM is set, as Xen has it) and, outside 64-bit
 * mode, limits and types of segments that are not flat. While either is wanted, generated code works with an empty TLB,
 * so that every access comes to the slow paths, which ask here; guests that want neither pay nothing.
 * A null FS or GS, which is common, is the decoder's matter: it puts a check before each use outside 64-bit mode.
 */
export class AccessChecks {
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private alignment = false;
  private limits = false;
  /** Highest offset of a segment that needs no check: all of memory, or what the MMU itself lets through. */
  highest = WHOLE;

  constructor(
    memory: WebAssembly.Memory,
    private readonly registers: RegisterFile,
    private readonly segments: Segments,
  ) {
    this.u16 = new Uint16Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
  }

  /** Looks at flags and segments anew; true when accesses must be checked. */
  renew(alignment: boolean, long: boolean): boolean {
    this.alignment = alignment;
    this.limits = !long && !this.flat();
    return this.alignment || this.limits;
  }

  /** DS, ES and SS reach all of memory and are writable; FS and GS do, or are null. */
  private flat(): boolean {
    for (let segment = 0; segment < 6; segment++) {
      if (segment === CS) continue;
      const optional = segment !== DS && segment !== ES && segment !== SS;
      if (optional && (this.registers.selector(segment) & 0xfffc) === 0) continue;
      const high = this.segments.high[segment] as number;
      const kind = high & (PRESENT | TYPE_CODE | TYPE_EXPAND_DOWN | TYPE_READ_WRITE);
      if (kind !== (PRESENT | TYPE_READ_WRITE) || !this.reachesAll(segment)) return false;
    }
    return true;
  }

  /** Base 0 and no limit below what the MMU looks after (Mmu.ceiling); without such a ceiling, bases need no check. */
  private reachesAll(segment: number): boolean {
    const limit = descriptorLimit(this.segments.low[segment] as number, this.segments.high[segment] as number);
    if (this.highest === WHOLE) return limit === WHOLE;
    return limit >= this.highest && this.registers.baseLow(segment) === 0;
  }

  /** CS has a limit of its own, or does not start at 0. */
  get codeLimited(): boolean {
    return this.registers.baseLow(CS) !== 0 || this.codeLimit < this.highest;
  }

  /** False: the access is refused and the exception recorded. */
  allows(low: number, bytes: number, write: boolean): boolean {
    if (this.limits && !this.withinSegment(low, bytes, write)) return false;
    // Only operands of up to eight bytes: 16-byte ones have rules of their own (SDM vol. 3, table 6-7).
    if (this.alignment && bytes <= 8 && (low & (bytes - 1)) !== 0) return this.refuse(VECTOR_AC);
    return true;
  }

  /** Offset of a fetch against the limit of CS outside 64-bit mode. */
  fetchAllowed(offset: number): boolean {
    if (offset >>> 0 <= this.codeLimit) return true;
    return this.refuse(VECTOR_GP);
  }

  /** Limit of CS in bytes. */
  get codeLimit(): number {
    return descriptorLimit(this.segments.low[CS] as number, this.segments.high[CS] as number);
  }

  private refuse(vector: number): false {
    this.i32[STATE_VECTOR >> 2] = vector;
    this.i32[STATE_ERROR_CODE >> 2] = 0;
    return false;
  }

  private withinSegment(low: number, bytes: number, write: boolean): boolean {
    const segment = this.segmentOf(low);
    const fault = segment === SS ? VECTOR_SS : VECTOR_GP;
    const high = this.segments.high[segment] as number;
    if ((high & PRESENT) === 0) return this.refuse(fault);
    const code = (high & TYPE_CODE) !== 0;
    if (write ? code || (high & TYPE_READ_WRITE) === 0 : code && (high & TYPE_READ_WRITE) === 0)
      return this.refuse(fault);
    const first = (low - this.registers.baseLow(segment)) >>> 0;
    const last = first + bytes - 1;
    const limit = descriptorLimit(this.segments.low[segment] as number, high);
    const expandsDown = !code && (high & TYPE_EXPAND_DOWN) !== 0;
    const inside = expandsDown ? first > limit && last <= ((high & BIG) !== 0 ? WHOLE : 0xffff) : last <= limit;
    return inside ? true : this.refuse(fault);
  }

  /** Segment of the access that the running instruction makes: its operand's, the stack's, or ES of a string. */
  private segmentOf(low: number): number {
    const at = this.i32[STATE_RECORD >> 2] as number;
    const named = ((this.u16[(at + RECORD_SEGMENT) >> 1] as number) - STATE_SEGMENT_BASES) / 8;
    const memory =
      this.u16[(at + RECORD_BASE) >> 1] !== STATE_ZERO || this.u16[(at + RECORD_INDEX) >> 1] !== STATE_ZERO;
    if (memory) return named;
    const offset = (segment: number, register: number): boolean => {
      const start = this.registers.baseLow(segment) + (this.i32[(STATE_REGISTERS >> 2) + register * 2] as number);
      return Math.abs((low - start) | 0) <= 32;
    };
    if (low === ((this.registers.baseLow(ES) + this.registers.low(RDI)) | 0)) return ES;
    return offset(SS, RSP) ? SS : named;
  }
}
