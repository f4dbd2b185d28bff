import { STATE_X87, STATE_X87_CONTROL, STATE_X87_STATUS, STATE_X87_TAGS } from '../cpu/layout.ts';
import { Int } from '../wasm/int.ts';
import type { ModuleBuilder } from '../wasm/module-builder.ts';
import { i32, Routine } from './routine.ts';
import * as slot from './slots.ts';
import type { SoftFloat } from './soft-float.ts';

/** Condition codes and summary bits of the status word (SDM vol. 1, 8.1.3). */
export const C0 = 0x100;
export const C1 = 0x200;
export const C2 = 0x400;
export const C3 = 0x4000;
export const SUMMARY = 0x8080;
const TOP_SHIFT = 11;

export const LOWEST = -16382;

export const HIGHEST = 16383;

/** Pieces that several functions are made of. */
export class Stack extends Routine {
  status(): Int {
    return this.word(STATE_X87_STATUS);
  }

  private physical(index: Int | number): Int {
    return this.status().shrU(TOP_SHIFT).add(i32(index)).and(7);
  }

  address(index: Int | number): Int {
    return this.physical(index).shl(4).add(STATE_X87);
  }

  isEmpty(index: Int | number): Int {
    return this.body.load(8, this.physical(index), STATE_X87_TAGS).eqz();
  }

  setTag(index: Int | number, valid: 0 | 1): void {
    this.body.store(8, this.physical(index), i32(valid), STATE_X87_TAGS);
  }

  moveTop(by: number): void {
    const moved = this.status()
      .add(by << TOP_SHIFT)
      .and(0x3800);
    this.setWord(STATE_X87_STATUS, this.status().and(~0x3800).or(moved));
  }

  pop(): void {
    this.setTag(0, 0);
    this.moveTop(1);
  }

  unpack(soft: SoftFloat, index: Int | number, at: Int | number): void {
    const address = this.body.let(this.address(index));
    this.body.call(soft.unpack80, [this.body.load(64, address), this.body.load(16, address, 8), i32(at)]);
  }

  /** R to ST(index). */
  store(soft: SoftFloat, index: Int | number): void {
    const address = this.body.let(this.address(index));
    this.body.call(soft.pack80, [address]);
    this.setTag(index, 1);
  }

  /** Exceptions of these kinds that were found and are not masked. */
  unmasked(kinds: number): Int {
    return this.word(slot.EXCEPTIONS).and(this.word(slot.MASKS).not()).and(kinds);
  }

  indefinite(): void {
    this.setWord(slot.SLOT_R + slot.CLASS, slot.QUIET);
    this.setWord(slot.SLOT_R + slot.SIGN, 1);
    this.setWord(slot.SLOT_R + slot.DENORMAL, 0);
    this.setLong(slot.SLOT_R + slot.MANTISSA, Int.constant64(0, 0xc0000000 | 0));
  }

  /** The precision that the control word asks for. */
  precision(): Int {
    const control = this.body.let(this.word(STATE_X87_CONTROL).shrU(8).and(3));
    return i32(24).select(control.eqz(), i32(53).select(control.eq(2), 64));
  }

  round(soft: SoftFloat, precision: Int): void {
    this.body.call(soft.round, [precision, i32(LOWEST), i32(HIGHEST), i32(1)]);
  }

  copy(from: number, to: number): void {
    for (let at = 0; at < 0x20; at += 8) this.setLong(to + at, this.long(from + at));
  }

  kind(at: number): Int {
    return this.word(at + slot.CLASS);
  }

  /** Stack underflow with a masked response: `answer`, else nothing; then the function is over. */
  underflow(answer: () => void): void {
    this.raise(slot.INVALID | slot.STACK_FAULT);
    this.if(this.unmasked(slot.INVALID).eqz(), () => {
      this.indefinite();
      answer();
    });
    this.return();
  }

  /** A NaN or an unsupported pattern in slot A: R is what the instruction yields for it. */
  quietOperand(at: number): void {
    this.if(
      this.kind(at).eq(slot.UNSUPPORTED),
      () => {
        this.raise(slot.INVALID);
        this.indefinite();
      },
      () => {
        this.if(this.kind(at).eq(slot.SIGNALLING), () => this.raise(slot.INVALID));
        if (at !== slot.SLOT_R) this.copy(at, slot.SLOT_R);
        this.setWord(slot.SLOT_R + slot.CLASS, slot.QUIET);
        this.setLong(
          slot.SLOT_R + slot.MANTISSA,
          this.long(slot.SLOT_R + slot.MANTISSA).or(Int.constant64(0, 0x40000000)),
        );
      },
    );
  }
}

export function simple(builder: ModuleBuilder, emit: (r: Stack) => void): number {
  const r = new Stack(builder, [], []);
  emit(r);
  return r.end();
}

export const BEFORE = slot.INVALID | slot.DENORMAL_OPERAND | slot.DIVIDE_BY_ZERO;

/** A, B are numbers: notes a denormal one unless a graver exception was found. */
export function noteDenormals(r: Stack): void {
  const denormal = r.word(slot.SLOT_A + slot.DENORMAL).or(r.word(slot.SLOT_B + slot.DENORMAL));
  const graver = r.word(slot.EXCEPTIONS).and(slot.INVALID | slot.DIVIDE_BY_ZERO);
  r.if(denormal.and(graver.eqz()), () => r.raise(slot.DENORMAL_OPERAND));
}
