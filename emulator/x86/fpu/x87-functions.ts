import {
  STATE_X87,
  STATE_X87_CONTROL,
  STATE_X87_STATUS,
  STATE_X87_TAGS,
} from '../cpu/layout.ts';
import { Int } from '../wasm/int.ts';
import { type ModuleBuilder, TYPE_I32, TYPE_I64 } from '../wasm/module-builder.ts';
import * as slot from './slots.ts';
import { i32, Routine, type SoftFloat, ZERO64 } from './soft-float.ts';

/** Condition codes and summary bits of the status word (SDM vol. 1, 8.1.3). */
export const C0 = 0x100;
export const C1 = 0x200;
export const C2 = 0x400;
export const C3 = 0x4000;
const SUMMARY = 0x8080;
const TOP_SHIFT = 11;
const LOWEST = -16382;
const HIGHEST = 16383;

/**
 * What the x87 rows are made of. An instruction is `begin`, its work, `settle`. Registers are given relative to the top
 * of the stack. Exceptions, masked and not, are dealt with here: the numbers that stand for them, and that nothing but
 * the status word changes when an unmasked one is found before computing.
 */
export interface X87Functions {
  /** Rounding, masks from the control word; no exceptions so far. */
  readonly begin: number;
  /** Exceptions and C1 into the status word. */
  readonly settle: number;
  /** () frees the top register and moves on. */
  readonly pop: number;
  /** (i) → 1 when ST(i) is empty. */
  readonly isEmpty: number;
  /** (i) → byte address of ST(i). */
  readonly address: number;
  /** (operation, destination, source or -1 for the other slot, reversed, pop) */
  readonly arithmetic: number;
  /** Pushes R unless the stack is full or an exception found so far is unmasked. */
  readonly push: number;
  /** (mantissa, sign and exponent) pushes 80 bits as they are. */
  readonly pushRaw: number;
  /** (precision, lowest, highest) ST(0), rounded for a store, in R → 1 when it is to be stored. */
  readonly prepareStore: number;
  /** (bits, direction) → 1 when VECTOR_RESULT holds the integer to be stored. */
  readonly prepareInteger: number;
  /** Like prepareInteger, with ten bytes of packed decimal in VECTOR_RESULT. */
  readonly prepareDecimal: number;
  /** (source or -1 for slot B, quiet NaNs allowed) → 0 equal, 1 less, 2 greater, 3 unordered */
  readonly compare: number;
  /** ST(0) = √ST(0), integral part, scaled by ST(1). */
  readonly squareRoot: number;
  readonly roundToIntegral: number;
  readonly scale: number;
  readonly extract: number;
  /** (1: IEEE remainder, FPREM1) */
  readonly remainder: number;
  /** 1 when an exception found so far is unmasked. */
  readonly hasUnmasked: number;
  /** Raises a stack underflow; 1 when it is masked. R is the indefinite NaN then. */
  readonly underflow: number;
  /** R to ST(i), which becomes valid. */
  readonly setRegister: number;
}

/** Pieces that several functions are made of. */
class Stack extends Routine {
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

export function addX87Functions(builder: ModuleBuilder, soft: SoftFloat): X87Functions {
  const nans = pickNan(builder);
  return {
    begin: begin(builder),
    settle: settle(builder),
    pop: simple(builder, (r) => r.pop()),
    isEmpty: isEmpty(builder),
    address: address(builder),
    arithmetic: arithmetic(builder, soft, nans),
    push: push(builder, soft),
    pushRaw: pushRaw(builder, soft),
    prepareStore: prepareStore(builder, soft),
    prepareInteger: prepareInteger(builder, soft),
    prepareDecimal: prepareDecimal(builder, soft),
    compare: compare(builder, soft),
    squareRoot: squareRoot(builder, soft),
    roundToIntegral: roundToIntegral(builder, soft),
    scale: scale(builder, soft, nans),
    extract: extract(builder, soft),
    remainder: remainder(builder, soft, nans),
    hasUnmasked: hasUnmasked(builder),
    underflow: underflow(builder),
    setRegister: setRegister(builder, soft),
  };
}

function simple(builder: ModuleBuilder, emit: (r: Stack) => void): number {
  const r = new Stack(builder, [], []);
  emit(r);
  return r.end();
}

function begin(builder: ModuleBuilder): number {
  return simple(builder, (r) => {
    const control = r.body.let(r.word(STATE_X87_CONTROL));
    r.setWord(slot.EXCEPTIONS, 0);
    r.setWord(slot.ROUNDED_UP, 0);
    r.setWord(slot.DIRECTION, control.shrU(10).and(3));
    r.setWord(slot.MASKS, control.and(0x3f));
    r.setWord(slot.FLUSH, 0);
    r.setWord(slot.DENORMALS_ARE_ZERO, 0);
  });
}

function settle(builder: ModuleBuilder): number {
  return simple(builder, (r) => {
    const merged = r.status().and(~C1).or(r.word(slot.EXCEPTIONS)).or(r.word(slot.ROUNDED_UP).shl(9));
    const status = r.body.let(merged);
    const pending = status.and(0x3f).and(r.word(slot.MASKS).not());
    r.setWord(STATE_X87_STATUS, status.and(~SUMMARY).or(i32(SUMMARY).select(pending, 0)));
  });
}

function isEmpty(builder: ModuleBuilder): number {
  const r = new Stack(builder, [TYPE_I32], [TYPE_I32]);
  r.return(r.isEmpty(r.parameter(0)));
  return r.end();
}

function address(builder: ModuleBuilder): number {
  const r = new Stack(builder, [TYPE_I32], [TYPE_I32]);
  r.return(r.address(r.parameter(0)));
  return r.end();
}

function hasUnmasked(builder: ModuleBuilder): number {
  const r = new Stack(builder, [], [TYPE_I32]);
  r.return(r.unmasked(0x3f));
  return r.end();
}

function underflow(builder: ModuleBuilder): number {
  const r = new Stack(builder, [], [TYPE_I32]);
  r.raise(slot.INVALID | slot.STACK_FAULT);
  r.setWord(slot.ROUNDED_UP, 0);
  r.indefinite();
  r.return(r.unmasked(slot.INVALID).eqz());
  return r.end();
}

function setRegister(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [TYPE_I32], []);
  r.store(soft, r.parameter(0));
  return r.end();
}

/**
 * R for operands A and B of which one at least is a NaN or unsupported (SDM vol. 1, table 4-7): the quiet one of a
 * quiet and a signalling NaN, else the one with the larger significand, else the positive one.
 */
function pickNan(builder: ModuleBuilder): number {
  const r = new Stack(builder, [], []);
  const a = r.body.let(r.kind(slot.SLOT_A));
  const b = r.body.let(r.kind(slot.SLOT_B));
  r.if(a.eq(slot.UNSUPPORTED).or(b.eq(slot.UNSUPPORTED)), () => {
    r.raise(slot.INVALID);
    r.indefinite();
    r.return();
  });
  r.if(a.eq(slot.SIGNALLING).or(b.eq(slot.SIGNALLING)), () => r.raise(slot.INVALID));
  const choose = (from: number): void => {
    r.copy(from, slot.SLOT_R);
    r.quietOperand(slot.SLOT_R);
    r.return();
  };
  r.if(b.ltU(slot.QUIET), () => choose(slot.SLOT_A));
  r.if(a.ltU(slot.QUIET), () => choose(slot.SLOT_B));
  r.if(a.ltU(b), () => choose(slot.SLOT_A));
  r.if(b.ltU(a), () => choose(slot.SLOT_B));
  const mantissaA = r.long(slot.SLOT_A + slot.MANTISSA);
  const mantissaB = r.long(slot.SLOT_B + slot.MANTISSA);
  r.if(mantissaA.gtU(mantissaB), () => choose(slot.SLOT_A));
  r.if(mantissaA.ltU(mantissaB), () => choose(slot.SLOT_B));
  r.if(r.word(slot.SLOT_A + slot.SIGN), () => choose(slot.SLOT_B));
  choose(slot.SLOT_A);
  return r.end();
}

const BEFORE = slot.INVALID | slot.DENORMAL_OPERAND | slot.DIVIDE_BY_ZERO;

/** A, B are numbers: notes a denormal one unless a graver exception was found. */
function noteDenormals(r: Stack): void {
  const denormal = r.word(slot.SLOT_A + slot.DENORMAL).or(r.word(slot.SLOT_B + slot.DENORMAL));
  const graver = r.word(slot.EXCEPTIONS).and(slot.INVALID | slot.DIVIDE_BY_ZERO);
  r.if(denormal.and(graver.eqz()), () => r.raise(slot.DENORMAL_OPERAND));
}

function arithmetic(builder: ModuleBuilder, soft: SoftFloat, nans: number): number {
  const r = new Stack(builder, [TYPE_I32, TYPE_I32, TYPE_I32, TYPE_I32, TYPE_I32], []);
  const [operation, destination, source, reversed, pop] = [0, 1, 2, 3, 4].map((i) => r.parameter(i)) as [
    Int,
    Int,
    Int,
    Int,
    Int,
  ];
  const finish = (): void => {
    r.store(soft, destination);
    r.if(pop, () => r.pop());
  };
  const fromStack = source.geS(0);
  r.if(r.isEmpty(destination).or(fromStack.and(r.isEmpty(source))), () => r.underflow(finish));
  r.unpack(soft, destination, i32(slot.SLOT_B).select(reversed, slot.SLOT_A));
  r.if(fromStack, () => r.unpack(soft, source, i32(slot.SLOT_A).select(reversed, slot.SLOT_B)));
  r.if(r.kind(slot.SLOT_A).geU(slot.QUIET).or(r.kind(slot.SLOT_B).geU(slot.QUIET)), () => {
    r.body.call(nans, []);
    r.if(r.unmasked(slot.INVALID).eqz(), finish);
    r.return();
  });
  r.body.call(soft.compute, [operation]);
  noteDenormals(r);
  r.if(r.unmasked(BEFORE), () => r.return());
  r.round(soft, r.precision());
  finish();
  return r.end();
}

/** Room for one more: else the masked answer is the indefinite NaN, with C1 set. */
function makeRoom(r: Stack, soft: SoftFloat): void {
  r.if(r.isEmpty(-1).eqz(), () => {
    r.raise(slot.INVALID | slot.STACK_FAULT);
    r.setWord(slot.ROUNDED_UP, 1);
    r.if(r.unmasked(slot.INVALID).eqz(), () => {
      r.indefinite();
      r.moveTop(-1);
      r.store(soft, 0);
    });
    r.return();
  });
}

function push(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [], []);
  makeRoom(r, soft);
  r.if(r.kind(slot.SLOT_R).geU(slot.QUIET), () => r.quietOperand(slot.SLOT_R));
  r.if(r.word(slot.SLOT_R + slot.DENORMAL), () => r.raise(slot.DENORMAL_OPERAND));
  r.if(r.unmasked(BEFORE), () => r.return());
  r.moveTop(-1);
  r.store(soft, 0);
  return r.end();
}

function pushRaw(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [TYPE_I64, TYPE_I32], []);
  makeRoom(r, soft);
  r.moveTop(-1);
  const to = r.body.let(r.address(0));
  r.body.store(64, to, r.parameter(0));
  r.body.store(16, to, r.parameter(1), 8);
  r.setTag(0, 1);
  return r.end();
}

function prepareStore(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [TYPE_I32, TYPE_I32, TYPE_I32], [TYPE_I32]);
  r.if(r.isEmpty(0), () => {
    r.raise(slot.INVALID | slot.STACK_FAULT);
    r.indefinite();
    r.return(r.unmasked(slot.INVALID).eqz());
  });
  r.unpack(soft, 0, slot.SLOT_R);
  r.if(r.kind(slot.SLOT_R).geU(slot.QUIET), () => {
    r.quietOperand(slot.SLOT_R);
    r.return(r.unmasked(slot.INVALID).eqz());
  });
  r.body.call(soft.round, [r.parameter(0), r.parameter(1), r.parameter(2), i32(0)]);
  // Nothing is stored for an unmasked overflow or underflow.
  r.if(r.unmasked(slot.OVERFLOW | slot.UNDERFLOW), () => {
    r.setWord(slot.ROUNDED_UP, 0);
    r.setWord(slot.EXCEPTIONS, r.word(slot.EXCEPTIONS).and(~slot.PRECISION));
    r.return(i32(0));
  });
  r.return(i32(1));
  return r.end();
}

function prepareInteger(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [TYPE_I32, TYPE_I32], [TYPE_I32]);
  r.if(
    r.isEmpty(0),
    () => {
      r.raise(slot.INVALID | slot.STACK_FAULT);
      r.setLong(slot.VECTOR_RESULT, Int.constant(64, -1).shl(r.parameter(0).sub(1).toI64U()));
    },
    () => {
      r.unpack(soft, 0, slot.SLOT_A);
      const integer = r.body.result(soft.toInteger, [i32(slot.SLOT_A), r.parameter(0), r.parameter(1)], 64);
      r.setLong(slot.VECTOR_RESULT, r.body.let(integer));
    },
  );
  r.return(r.unmasked(slot.INVALID).eqz());
  return r.end();
}

/** Ten bytes: eighteen digits, two a byte, then the sign. The indefinite is FFFF C000 0000 0000 0000. */
function prepareDecimal(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [], [TYPE_I32]);
  const fail = (): void => {
    r.setLong(slot.VECTOR_RESULT, Int.constant64(0, 0xc0000000 | 0));
    r.body.store(16, i32(0), i32(0xffff), slot.VECTOR_RESULT + 8);
    r.return(r.unmasked(slot.INVALID).eqz());
  };
  r.if(r.isEmpty(0), () => {
    r.raise(slot.INVALID | slot.STACK_FAULT);
    fail();
  });
  r.unpack(soft, 0, slot.SLOT_A);
  const before = r.body.let(r.word(slot.EXCEPTIONS));
  const integer = r.variable64(
    r.body.result(soft.toInteger, [i32(slot.SLOT_A), i32(64), r.word(slot.DIRECTION)], 64),
  );
  r.if(integer.value.ltS(ZERO64), () => {
    integer.value = integer.value.negate();
  });
  // Beyond 999,999,999,999,999,999 (0x0de0b6b3a763ffff).
  r.if(integer.value.gtU(Int.constant64(0xa763ffff | 0, 0x0de0b6b3)), () => {
    r.setWord(slot.EXCEPTIONS, before.or(slot.INVALID));
    r.setWord(slot.ROUNDED_UP, 0);
  });
  r.if(r.word(slot.EXCEPTIONS).and(slot.INVALID), fail);
  for (let i = 0; i < 9; i++) {
    const pair = r.body.let(integer.value.remU(100).toI32());
    r.body.store(8, i32(0), pair.divU(10).shl(4).or(pair.remU(10)), slot.VECTOR_RESULT + i);
    integer.value = integer.value.divU(100);
  }
  r.body.store(8, i32(0), r.word(slot.SLOT_A + slot.SIGN).shl(7), slot.VECTOR_RESULT + 9);
  r.return(i32(1));
  return r.end();
}

function compare(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [TYPE_I32, TYPE_I32], [TYPE_I32]);
  const source = r.parameter(0);
  const fromStack = source.geS(0);
  r.if(r.isEmpty(0).or(fromStack.and(r.isEmpty(source))), () => {
    r.raise(slot.INVALID | slot.STACK_FAULT);
    r.setWord(slot.ROUNDED_UP, 0);
    r.return(i32(3));
  });
  r.unpack(soft, 0, slot.SLOT_A);
  r.if(fromStack, () => r.unpack(soft, source, slot.SLOT_B));
  const a = r.body.let(r.kind(slot.SLOT_A));
  const b = r.body.let(r.kind(slot.SLOT_B));
  r.if(a.geU(slot.QUIET).or(b.geU(slot.QUIET)), () => {
    const invalid = r.parameter(1).eqz().or(a.gtU(slot.QUIET)).or(b.gtU(slot.QUIET));
    r.if(invalid, () => r.raise(slot.INVALID));
    r.return(i32(3));
  });
  noteDenormals(r);
  const order = r.body.let(r.body.result(soft.compare, []));
  r.return(i32(1).select(order.ltS(0), order.shl(1)));
  return r.end();
}

/** Common start of the instructions that work on ST(0) alone, with its number in slot A. */
function oneOperand(r: Stack, soft: SoftFloat): void {
  r.if(r.isEmpty(0), () => r.underflow(() => r.store(soft, 0)));
  r.unpack(soft, 0, slot.SLOT_A);
  r.if(r.kind(slot.SLOT_A).geU(slot.QUIET), () => {
    r.quietOperand(slot.SLOT_A);
    r.if(r.unmasked(slot.INVALID).eqz(), () => r.store(soft, 0));
    r.return();
  });
}

function squareRoot(builder: ModuleBuilder, soft: SoftFloat): number {
  return simple(builder, (r) => {
    oneOperand(r, soft);
    r.body.call(soft.squareRoot, []);
    r.setWord(slot.SLOT_B + slot.DENORMAL, 0);
    noteDenormals(r);
    r.if(r.unmasked(BEFORE), () => r.return());
    r.round(soft, r.precision());
    r.store(soft, 0);
  });
}

function roundToIntegral(builder: ModuleBuilder, soft: SoftFloat): number {
  return simple(builder, (r) => {
    oneOperand(r, soft);
    r.if(r.word(slot.SLOT_A + slot.DENORMAL), () => r.raise(slot.DENORMAL_OPERAND));
    r.if(r.unmasked(BEFORE), () => r.return());
    const integral = r.word(slot.SLOT_A + slot.EXPONENT).geS(63);
    r.if(r.kind(slot.SLOT_A).ne(slot.FINITE).or(integral), () => r.return());
    // Above one, rounding to an integer is rounding to as many bits as stand before the point.
    const exponent = r.word(slot.SLOT_A + slot.EXPONENT);
    r.if(exponent.geS(0), () => {
      r.copy(slot.SLOT_A, slot.SLOT_R);
      r.round(soft, exponent.add(1));
      r.store(soft, 0);
      r.return();
    });
    const sign = r.body.let(r.word(slot.SLOT_A + slot.SIGN));
    const wide = [i32(slot.SLOT_A), i32(64), r.word(slot.DIRECTION)];
    const integer = r.body.let(r.body.result(soft.toInteger, wide, 64));
    r.body.call(soft.fromInteger, [integer, i32(slot.SLOT_R)]);
    r.setWord(slot.SLOT_R + slot.SIGN, sign);
    r.store(soft, 0);
  });
}

/** ST(0) and ST(1) in slots A and B; NaNs are answered here. */
function twoOperands(r: Stack, soft: SoftFloat, nans: number): void {
  r.if(r.isEmpty(0).or(r.isEmpty(1)), () => r.underflow(() => r.store(soft, 0)));
  r.unpack(soft, 0, slot.SLOT_A);
  r.unpack(soft, 1, slot.SLOT_B);
  r.if(r.kind(slot.SLOT_A).geU(slot.QUIET).or(r.kind(slot.SLOT_B).geU(slot.QUIET)), () => {
    r.body.call(nans, []);
    r.if(r.unmasked(slot.INVALID).eqz(), () => r.store(soft, 0));
    r.return();
  });
}

function invalidResult(r: Stack, soft: SoftFloat): void {
  r.raise(slot.INVALID);
  r.if(r.unmasked(slot.INVALID).eqz(), () => {
    r.indefinite();
    r.store(soft, 0);
  });
  r.return();
}

function scale(builder: ModuleBuilder, soft: SoftFloat, nans: number): number {
  return simple(builder, (r) => {
    twoOperands(r, soft, nans);
    const a = r.body.let(r.kind(slot.SLOT_A));
    const b = r.body.let(r.kind(slot.SLOT_B));
    const down = r.body.let(r.word(slot.SLOT_B + slot.SIGN));
    r.if(b.eq(slot.INFINITE), () => {
      // 0 × 2^∞ and ∞ × 2^-∞ are invalid.
      r.if(a.eq(i32(slot.INFINITE).select(down, slot.ZERO)), () => invalidResult(r, soft));
      noteDenormals(r);
      r.if(r.unmasked(BEFORE), () => r.return());
      r.copy(slot.SLOT_A, slot.SLOT_R);
      r.setWord(slot.SLOT_R + slot.CLASS, i32(slot.ZERO).select(down, slot.INFINITE));
      r.store(soft, 0);
      r.return();
    });
    noteDenormals(r);
    r.if(r.unmasked(BEFORE), () => r.return());
    r.copy(slot.SLOT_A, slot.SLOT_R);
    r.if(a.eq(slot.FINITE).and(b.eq(slot.FINITE)), () => {
      const before = r.body.let(r.word(slot.EXCEPTIONS));
      const shift = r.variable64(ZERO64);
      // Beyond 16 bits the result is out of range anyway.
      r.if(
        r.word(slot.SLOT_B + slot.EXPONENT).geS(16),
        () => {
          shift.value = Int.constant(64, -0x10000).select(down, Int.constant(64, 0x10000));
        },
        () => {
          shift.value = r.body.result(soft.toInteger, [i32(slot.SLOT_B), i32(64), i32(slot.TRUNCATE)], 64);
        },
      );
      r.setWord(slot.EXCEPTIONS, before);
      r.setWord(slot.SLOT_R + slot.EXPONENT, r.word(slot.SLOT_R + slot.EXPONENT).add(shift.value.toI32()));
    });
    r.setLong(slot.SLOT_R + slot.LOW, ZERO64);
    // Out of range even with the exponent that an unmasked overflow or underflow would get.
    const exponent = r.body.let(r.word(slot.SLOT_R + slot.EXPONENT));
    const beyond = (exception: number, far: Int, answer: number): void =>
      r.if(a.eq(slot.FINITE).and(far).and(r.word(slot.MASKS).and(exception).eqz()), () => {
        r.raise(exception | slot.PRECISION);
        r.setWord(slot.SLOT_R + slot.CLASS, answer);
        r.setWord(slot.ROUNDED_UP, answer === slot.INFINITE ? 1 : 0);
        r.store(soft, 0);
        r.return();
      });
    beyond(slot.OVERFLOW, exponent.gtS(HIGHEST + 24576), slot.INFINITE);
    beyond(slot.UNDERFLOW, exponent.ltS(LOWEST - 24576), slot.ZERO);
    r.round(soft, i32(64));
    r.store(soft, 0);
  });
}

/** FXTRACT: the exponent takes ST(0)'s place, the significand is pushed. */
function extract(builder: ModuleBuilder, soft: SoftFloat): number {
  return simple(builder, (r) => {
    const both = (): void => {
      r.store(soft, 0);
      r.moveTop(-1);
      r.store(soft, 0);
    };
    r.if(r.isEmpty(0), () => r.underflow(both));
    r.if(r.isEmpty(-1).eqz(), () => {
      r.raise(slot.INVALID | slot.STACK_FAULT);
      r.setWord(slot.ROUNDED_UP, 1);
      r.if(r.unmasked(slot.INVALID).eqz(), () => {
        r.indefinite();
        both();
      });
      r.return();
    });
    r.unpack(soft, 0, slot.SLOT_A);
    const kind = r.body.let(r.kind(slot.SLOT_A));
    r.if(kind.geU(slot.QUIET), () => {
      r.quietOperand(slot.SLOT_A);
      r.if(r.unmasked(slot.INVALID).eqz(), both);
      r.return();
    });
    r.if(kind.eqz(), () => r.raise(slot.DIVIDE_BY_ZERO));
    r.if(r.word(slot.SLOT_A + slot.DENORMAL), () => r.raise(slot.DENORMAL_OPERAND));
    r.if(r.unmasked(BEFORE), () => r.return());
    r.if(
      kind.eq(slot.FINITE),
      () => r.body.call(soft.fromInteger, [r.word(slot.SLOT_A + slot.EXPONENT).toI64S(), i32(slot.SLOT_R)]),
      () => {
        r.setWord(slot.SLOT_R + slot.CLASS, slot.INFINITE);
        r.setWord(slot.SLOT_R + slot.SIGN, kind.eqz());
      },
    );
    r.store(soft, 0);
    r.moveTop(-1);
    r.copy(slot.SLOT_A, slot.SLOT_R);
    r.setWord(slot.SLOT_R + slot.EXPONENT, 0);
    r.store(soft, 0);
  });
}

/**
 * FPREM and FPREM1. Up to 63 quotient bits are worked off at once; with more, C2 says that the reduction is not done.
 * Then the three low quotient bits are in C0, C3, C1.
 */
function remainder(builder: ModuleBuilder, soft: SoftFloat, nans: number): number {
  const r = new Stack(builder, [TYPE_I32], []);
  const nearest = r.parameter(0);
  const conditions = (bits: Int): void =>
    r.setWord(STATE_X87_STATUS, r.status().and(~(C0 | C2 | C3)).or(bits));
  r.setWord(STATE_X87_STATUS, r.status().and(~C2));
  twoOperands(r, soft, nans);
  const a = r.body.let(r.kind(slot.SLOT_A));
  const b = r.body.let(r.kind(slot.SLOT_B));
  r.if(a.eq(slot.INFINITE).or(b.eqz()), () => invalidResult(r, soft));
  noteDenormals(r);
  r.if(r.unmasked(BEFORE), () => r.return());
  r.copy(slot.SLOT_A, slot.SLOT_R);
  r.setLong(slot.SLOT_R + slot.LOW, ZERO64);
  r.if(a.eqz().or(b.eq(slot.INFINITE)), () => {
    conditions(i32(0));
    r.round(soft, i32(64));
    r.store(soft, 0);
    r.return();
  });
  const exponentB = r.body.let(r.word(slot.SLOT_B + slot.EXPONENT));
  const distance = r.variable32(r.word(slot.SLOT_A + slot.EXPONENT).sub(exponentB));
  const divisor = r.body.let(r.long(slot.SLOT_B + slot.MANTISSA));
  const rest = r.variable64(r.long(slot.SLOT_A + slot.MANTISSA));
  const quotient = r.variable64(ZERO64);
  const sign = r.variable32(r.word(slot.SLOT_A + slot.SIGN));
  const partial = r.body.let(distance.value.geS(64));
  const rounds = r.variable32(distance.value);
  const exponent = r.variable32(exponentB);
  r.if(partial, () => {
    // A multiple of 32 is left to do, between 32 and 63 bits are done.
    rounds.value = i32(32).or(distance.value.and(31));
    exponent.value = exponentB.add(distance.value).sub(rounds.value);
  });
  r.if(
    distance.value.ltS(-1),
    () => {
      exponent.value = r.word(slot.SLOT_A + slot.EXPONENT);
    },
    () => {
      // One step per quotient bit: rest stays below twice the divisor.
      const top = r.variable32(0);
      const count = r.variable32(rounds.value);
      r.if(
        count.value.geS(0),
        () =>
          r.repeat(() => {
            r.if(top.value.or(rest.value.geU(divisor)), () => {
              rest.value = rest.value.sub(divisor);
              quotient.value = quotient.value.or(1);
            });
            r.if(count.value.gtS(0), () => {
              top.value = rest.value.shrU(63).toI32();
              rest.value = rest.value.shl(1);
              quotient.value = quotient.value.shl(1);
            });
            count.value = count.value.sub(1);
            return count.value.geS(0);
          }),
        () => {
          exponent.value = exponentB.sub(1);
        },
      );
      // Rest × 2^exponent; FPREM1 goes on to the nearest quotient, even ones among equals.
      r.if(nearest.and(partial.eqz()), () => {
        const half = r.variable32(0);
        r.if(
          distance.value.ltS(0),
          () => {
            // The quotient is 0 or, beyond a half, 1: rest stands one place lower than the divisor.
            half.value = rest.value.gtU(divisor);
            r.if(half.value, () => {
              rest.value = divisor.sub(rest.value.sub(divisor));
            });
          },
          () => {
            const left = r.body.let(divisor.sub(rest.value));
            half.value = rest.value.gtU(left).or(rest.value.eq(left).and(quotient.value.toI32().and(1)));
            r.if(half.value, () => {
              rest.value = left;
            });
          },
        );
        r.if(half.value, () => {
          quotient.value = quotient.value.add(1);
          sign.value = sign.value.xor(1);
        });
      });
    },
  );
  const low = r.body.let(quotient.value.toI32());
  conditions(
    i32(C2).select(
      partial,
      low
        .and(4)
        .shl(6)
        .or(low.and(2).shl(13)),
    ),
  );
  r.if(rest.value.eqz(), () => {
    r.setWord(slot.SLOT_R + slot.CLASS, slot.ZERO);
    r.setWord(slot.SLOT_R + slot.SIGN, r.word(slot.SLOT_A + slot.SIGN));
  }, () => {
    const shift = r.body.let(rest.value.clz());
    r.setLong(slot.SLOT_R + slot.MANTISSA, rest.value.shl(shift));
    r.setWord(slot.SLOT_R + slot.EXPONENT, exponent.value.sub(shift.toI32()));
    r.setWord(slot.SLOT_R + slot.SIGN, sign.value);
  });
  r.round(soft, i32(64));
  r.store(soft, 0);
  r.setWord(slot.ROUNDED_UP, low.and(1).select(partial.eqz(), 0));
  return r.end();
}

