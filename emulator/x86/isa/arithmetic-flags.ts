import { Int } from '../wasm/int.ts';
import type { Emitter, Size } from './emitter.ts';

const CARRY = -0x80000000;
const CARRY_AND_PARTIAL = -0x40000000;
const ADJUST = 8;

/**
 * The six arithmetic flags, kept lazily as a result and an auxiliary word (layout.ts, STATE_CC_*). Additions and
 * subtractions yield a vector of carries out of each bit; its two top bits are carry and (by xor) overflow, bit 3 is
 * the adjust flag. No reader needs to know which operation came before.
 */
export class ArithmeticFlags {
  constructor(protected readonly e: Emitter) {}

  /** Sign-extended to 64 bits: zero, sign and parity follow from it. */
  private setResult(size: Size, result: Int): void {
    this.e.setCcResult(size === 64 ? result : this.e.signExtend(result, size).toI64S());
  }

  /** Moves the two top carries to bits 31:30 and keeps the one out of bit 3. */
  private fromCarries(size: Size, carries: Int): Int {
    const vector = this.e.let(carries);
    if (size === 64) {
      return vector.shrU(32).toI32().and(CARRY_AND_PARTIAL).or(vector.toI32().and(ADJUST));
    }
    return vector
      .shl(32 - size)
      .and(CARRY_AND_PARTIAL)
      .or(vector.and(ADJUST));
  }

  private additionCarries(a: Int, b: Int, result: Int): Int {
    return a.and(b).or(a.or(b).and(result.not()));
  }

  private subtractionBorrows(a: Int, b: Int, result: Int): Int {
    return a.not().and(b).or(a.xor(b).not().and(result));
  }

  /** After result = a + b (+ carry). Operands must be cheap to repeat. */
  add(size: Size, a: Int, b: Int, result: Int): void {
    this.e.setCcAuxiliary(this.fromCarries(size, this.additionCarries(a, b, result)));
    this.setResult(size, result);
  }

  /** After result = a - b. */
  subtract(size: Size, a: Int, b: Int, result: Int): void {
    this.subtractWithBorrow(size, a, b, result);
  }

  /** After result = a - b - borrow: comparing a with b does not tell the flags. */
  subtractWithBorrow(size: Size, a: Int, b: Int, result: Int): void {
    this.e.setCcAuxiliary(this.fromCarries(size, this.subtractionBorrows(a, b, result)));
    this.setResult(size, result);
  }

  logic(size: Size, result: Int): void {
    this.e.setCcAuxiliary(Int.constant(32, 0));
    this.setResult(size, result);
  }

  /** Keeps CF: after result = a + 1 or a - 1. */
  private keepCarry(size: Size, fresh: Int, result: Int): void {
    const old = this.e.let(this.e.ccAuxiliary());
    const next = this.e.let(fresh);
    const partial = next.xor(next.shl(1)).xor(old).shrU(1).and(0x40000000);
    this.e.setCcAuxiliary(old.and(CARRY).or(partial).or(next.and(ADJUST)));
    this.setResult(size, result);
  }

  increment(size: Size, a: Int, result: Int): void {
    const one = this.e.constant(1, size);
    this.keepCarry(size, this.fromCarries(size, this.additionCarries(a, one, result)), result);
  }

  decrement(size: Size, a: Int, result: Int): void {
    const one = this.e.constant(1, size);
    this.keepCarry(size, this.fromCarries(size, this.subtractionBorrows(a, one, result)), result);
  }

  /** Result gives ZF, SF, PF; carry and overflow are i32 of 0 or 1; AF is cleared. */
  explicit(size: Size, result: Int, carry: Int, overflow: Int): void {
    const held = this.e.let(carry);
    this.e.setCcAuxiliary(held.shl(31).or(held.xor(overflow).shl(30)));
    this.setResult(size, result);
  }

  /** Only CF changes (BT, STC, CLC, CMC). */
  setCarry(carry: Int): void {
    const held = this.e.let(carry);
    const old = this.e.let(this.e.ccAuxiliary());
    const overflow = old.xor(old.shl(1)).shrU(31);
    this.e.setCcAuxiliary(old.and(0x3fffffff).or(held.shl(31)).or(overflow.xor(held).shl(30)));
  }

  /** Only CF and OF change (rotates). */
  setCarryAndOverflow(carry: Int, overflow: Int): void {
    const held = this.e.let(carry);
    this.e.setCcAuxiliary(this.e.ccAuxiliary().and(0x3fffffff).or(held.shl(31)).or(held.xor(overflow).shl(30)));
  }

  carry(): Int {
    return this.e.ccAuxiliary().shrU(31);
  }

  overflow(): Int {
    const auxiliary = this.e.let(this.e.ccAuxiliary());
    return auxiliary.xor(auxiliary.shl(1)).shrU(31);
  }

  zero(): Int {
    return this.e.ccResult().eqz();
  }

  private signBit(): Int {
    return this.e.ccResult().shrU(32).toI32().xor(this.e.ccAuxiliary().shl(31));
  }

  sign(): Int {
    return this.signBit().shrU(31);
  }

  parity(): Int {
    const byte = this.e.ccResult().toI32().xor(this.e.ccAuxiliary().shrU(8)).and(0xff);
    return byte.popcnt().and(1).xor(1);
  }

  adjust(): Int {
    return this.e.ccAuxiliary().shrU(3).and(1);
  }

  /** Value 0 or 1 of a condition in encoding order. */
  condition(code: number): Int {
    const positive = this.positiveCondition(code >> 1);
    return (code & 1) === 0 ? positive : positive.eqz();
  }

  private positiveCondition(kind: number): Int {
    switch (kind) {
      case 0:
        return this.overflow();
      case 1:
        return this.carry();
      case 2:
        return this.zero();
      case 3:
        return this.carry().or(this.zero());
      case 4:
        return this.sign();
      case 5:
        return this.parity();
      case 6:
        return this.less();
      default:
        return this.less().or(this.zero());
    }
  }

  /** SF ≠ OF. */
  private less(): Int {
    const auxiliary = this.e.let(this.e.ccAuxiliary());
    return this.signBit().xor(auxiliary).xor(auxiliary.shl(1)).shrU(31);
  }

  /** SF ZF AF PF CF in their EFLAGS places, as LAHF stores them. */
  lowByte(): Int {
    return this.sign()
      .shl(7)
      .or(this.zero().shl(6))
      .or(this.adjust().shl(4))
      .or(this.parity().shl(2))
      .or(this.carry())
      .or(2);
  }

  /** Sets all six from a word with EFLAGS places; `overflow` 0 or 1. */
  fromWord(word: Int, overflow: Int): void {
    const flags = this.e.let(word);
    const carry = this.e.let(flags.and(1));
    const bits = carry
      .shl(31)
      .or(carry.xor(overflow).shl(30))
      .or(flags.shrU(4).and(1).shl(3))
      .or(flags.shrU(7).and(1))
      .or(flags.shrU(2).and(1).xor(1).shl(8));
    this.e.setCcAuxiliary(bits);
    this.e.setCcResult(Int.constant(64, 256).select(flags.and(0x40).eqz(), Int.constant(64, 0)));
  }
}
