import { highHalf, lowHalf, signed64, type VirtualAddress } from '../../base/numbers.ts';
import {
  STATE_CC_AUXILIARY,
  STATE_CC_RESULT,
  STATE_EFLAGS,
  STATE_REGISTERS,
  STATE_RIP,
  STATE_SEGMENT_BASES,
  STATE_SELECTORS,
} from './layout.ts';

const ARITHMETIC = 0x8d5;
const FIXED_ONE = 2;

/** Typed access to the register state in linear memory. */
export class RegisterFile {
  readonly i32: Int32Array;

  constructor(memory: WebAssembly.Memory) {
    this.i32 = new Int32Array(memory.buffer);
    this.rflags = FIXED_ONE;
  }

  low(register: number): number {
    return this.i32[(STATE_REGISTERS >> 2) + register * 2] as number;
  }

  high(register: number): number {
    return this.i32[(STATE_REGISTERS >> 2) + register * 2 + 1] as number;
  }

  set(register: number, low: number, high: number): void {
    this.i32[(STATE_REGISTERS >> 2) + register * 2] = low;
    this.i32[(STATE_REGISTERS >> 2) + register * 2 + 1] = high;
  }

  address(register: number): VirtualAddress {
    return signed64(this.low(register), this.high(register)) as VirtualAddress;
  }

  /** Outside 64-bit mode: the bases of DS, ES and SS, and all upper halves, are zero. */
  get isFlat32(): boolean {
    for (const segment of [0, 2, 3]) if (this.baseLow(segment) !== 0) return false;
    for (let register = 0; register < 8; register++) if (this.high(register) !== 0) return false;
    return true;
  }

  get ripLow(): number {
    return this.i32[STATE_RIP >> 2] as number;
  }

  get ripHigh(): number {
    return this.i32[(STATE_RIP >> 2) + 1] as number;
  }

  get rip(): VirtualAddress {
    return signed64(this.ripLow, this.ripHigh) as VirtualAddress;
  }

  set rip(value: VirtualAddress) {
    this.setRip(lowHalf(value), highHalf(value));
  }

  setRip(low: number, high: number): void {
    this.i32[STATE_RIP >> 2] = low;
    this.i32[(STATE_RIP >> 2) + 1] = high;
  }

  get rflags(): number {
    const low = this.i32[STATE_CC_RESULT >> 2] as number;
    const high = this.i32[(STATE_CC_RESULT >> 2) + 1] as number;
    const auxiliary = this.i32[STATE_CC_AUXILIARY >> 2] as number;
    let parity = (low ^ (auxiliary >>> 8)) & 0xff;
    parity ^= parity >> 4;
    parity ^= parity >> 2;
    parity ^= parity >> 1;
    const carry = auxiliary >>> 31;
    const overflow = ((auxiliary ^ (auxiliary << 1)) >>> 31) & 1;
    const sign = ((high >>> 31) ^ auxiliary) & 1;
    return (
      (this.i32[STATE_EFLAGS >> 2] as number) |
      FIXED_ONE |
      carry |
      ((parity & 1) === 0 ? 1 << 2 : 0) |
      (((auxiliary >>> 3) & 1) << 4) |
      ((low | high) === 0 ? 1 << 6 : 0) |
      (sign << 7) |
      (overflow << 11)
    );
  }

  set rflags(value: number) {
    const carry = value & 1;
    const overflow = (value >>> 11) & 1;
    const zero = (value >>> 6) & 1;
    this.i32[STATE_EFLAGS >> 2] = value & ~ARITHMETIC & ~FIXED_ONE;
    this.i32[STATE_CC_RESULT >> 2] = zero === 1 ? 0 : 256;
    this.i32[(STATE_CC_RESULT >> 2) + 1] = 0;
    this.i32[STATE_CC_AUXILIARY >> 2] =
      (carry << 31) |
      ((carry ^ overflow) << 30) |
      (((value >>> 4) & 1) << 3) |
      ((value >>> 7) & 1) |
      ((value & 4) === 0 ? 1 << 8 : 0);
  }

  selector(segment: number): number {
    return this.i32[(STATE_SELECTORS >> 2) + segment] as number;
  }

  setSelector(segment: number, value: number): void {
    this.i32[(STATE_SELECTORS >> 2) + segment] = value;
  }

  baseLow(segment: number): number {
    return this.i32[(STATE_SEGMENT_BASES >> 2) + segment * 2] as number;
  }

  baseHigh(segment: number): number {
    return this.i32[(STATE_SEGMENT_BASES >> 2) + segment * 2 + 1] as number;
  }

  setBase(segment: number, low: number, high: number): void {
    this.i32[(STATE_SEGMENT_BASES >> 2) + segment * 2] = low;
    this.i32[(STATE_SEGMENT_BASES >> 2) + segment * 2 + 1] = high;
  }
}
