import { FunctionBody, type Label, type Local } from '../wasm/function-body.ts';
import { Int } from '../wasm/int.ts';
import { type ModuleBuilder, TYPE_I32, TYPE_I64, type ValueType } from '../wasm/module-builder.ts';
import * as slot from './slots.ts';

/** A function in the making: parameters and variables by name, slot fields as expressions. */
export class Routine {
  readonly body: FunctionBody;
  private readonly parameters: readonly Local[];

  constructor(
    private readonly builder: ModuleBuilder,
    private readonly parameterTypes: readonly ValueType[],
    private readonly resultTypes: readonly ValueType[],
  ) {
    this.body = new FunctionBody(parameterTypes);
    this.parameters = parameterTypes.map((_, i) => this.body.parameter(i));
  }

  parameter(index: number): Int {
    return this.body.get(this.parameters[index] as Local);
  }

  variable32(initial: Int | number): Variable {
    return new Variable(this.body, this.body.local(TYPE_I32), i32(initial));
  }

  variable64(initial: Int): Variable {
    return new Variable(this.body, this.body.local(TYPE_I64), initial);
  }

  /** A 32-bit word at a fixed place of the work area. */
  word(address: number): Int {
    return this.body.load(32, i32(0), address);
  }

  setWord(address: number, value: Int | number): void {
    this.body.store(32, i32(0), i32(value), address);
  }

  long(address: number): Int {
    return this.body.load(64, i32(0), address);
  }

  setLong(address: number, value: Int): void {
    this.body.store(64, i32(0), value, address);
  }

  raise(exceptions: Int | number): void {
    this.setWord(slot.EXCEPTIONS, this.word(slot.EXCEPTIONS).or(exceptions));
  }

  if(condition: Int, then: () => void, otherwise?: () => void): void {
    this.body.if(condition, then, otherwise);
  }

  /** Repeats `round` while it returns a true condition. */
  repeat(round: () => Int): void {
    const label: Label = this.body.loop();
    this.body.brIf(label, round());
    this.body.end();
  }

  return(value?: Int): void {
    this.body.return(value);
  }

  /** Ends the function and returns its index. */
  end(): number {
    if (this.resultTypes.length > 0) this.body.unreachable();
    return this.builder.addFunction(this.builder.type(this.parameterTypes, this.resultTypes), this.body);
  }
}

export class Variable {
  constructor(
    private readonly body: FunctionBody,
    private readonly local: Local,
    initial: Int,
  ) {
    body.set(local, initial);
  }

  get value(): Int {
    return this.body.get(this.local);
  }

  set value(value: Int) {
    this.body.set(this.local, value);
  }
}

export const i32 = (value: Int | number): Int => (typeof value === 'number' ? Int.constant(32, value) : value);
export const TOP = Int.constant64(0, 0x80000000 | 0);
export const ZERO64 = Int.constant(64, 0);
export const ONE64 = Int.constant(64, 1);

/** 1 when the i64 is not zero, as an i64. */
export const sticky = (value: Int): Int => value.ne(0).toI64U();

/** Indices of the shared functions. */
export interface SoftFloat {
  /** (bits) into a slot given by address. */
  readonly unpack32: number;
  readonly unpack64: number;
  /** (mantissa, sign and exponent, slot) */
  readonly unpack80: number;
  /** (operation): slots A and B, no NaN among them, to R; not rounded. */
  readonly compute: number;
  /** R = √A, not rounded; A is no NaN. */
  readonly squareRoot: number;
  /** (precision in bits, lowest exponent, highest exponent, x87): rounds R. */
  readonly round: number;
  /** Slot R, rounded, as bits. */
  readonly pack32: number;
  readonly pack64: number;
  /** Slot R as an 80-bit number to an address. */
  readonly pack80: number;
  /** (slot, bits, direction) → integer, rounded; INVALID and the indefinite integer when it does not fit. */
  readonly toInteger: number;
  /** (i64, slot) */
  readonly fromInteger: number;
  /** A < B, =, > → -1, 0, 1; no NaN among them. */
  readonly compare: number;
}

export function addSoftFloat(builder: ModuleBuilder, highProduct: number, quotient128: number): SoftFloat {
  return {
    unpack32: unpackFormat(builder, 32),
    unpack64: unpackFormat(builder, 64),
    unpack80: unpack80(builder),
    compute: compute(builder, highProduct, quotient128),
    squareRoot: squareRoot(builder),
    round: round(builder),
    pack32: packFormat(builder, 32),
    pack64: packFormat(builder, 64),
    pack80: pack80(builder),
    toInteger: toInteger(builder),
    fromInteger: fromInteger(builder),
    compare: compare(builder),
  };
}

/** Single and double precision. Denormals come out normalised, with the DENORMAL field set; DAZ makes them zero. */
function unpackFormat(builder: ModuleBuilder, bits: 32 | 64): number {
  const type = bits === 32 ? TYPE_I32 : TYPE_I64;
  const r = new Routine(builder, [type, TYPE_I32], []);
  const value = r.parameter(0);
  const at = r.parameter(1);
  const fraction = bits === 32 ? 23 : 52;
  const bias = bits === 32 ? 127 : 1023;
  const store = (field: number, content: Int | number): void => r.body.store(32, at, i32(content), field);
  const exponent = r.body.let(value.shrU(fraction).toI32().and(2 * bias + 1));
  const mantissa = r.variable64(value.toI64U().shl(64 - fraction));
  store(slot.SIGN, value.shrU(bits - 1).toI32());
  store(slot.DENORMAL, 0);
  r.body.store(64, at, ZERO64, slot.LOW);
  r.if(exponent.eqz(), () => {
    r.if(mantissa.value.eqz().or(r.word(slot.DENORMALS_ARE_ZERO)), () => {
      store(slot.CLASS, slot.ZERO);
      r.return();
    });
    const shift = r.body.let(mantissa.value.clz());
    store(slot.CLASS, slot.FINITE);
    store(slot.DENORMAL, 1);
    store(slot.EXPONENT, i32(-bias).sub(shift.toI32()));
    r.body.store(64, at, mantissa.value.shl(shift), slot.MANTISSA);
    r.return();
  });
  r.if(exponent.eq(2 * bias + 1), () => {
    const quiet = mantissa.value.shrU(63).toI32();
    store(slot.CLASS, i32(slot.INFINITE).select(mantissa.value.eqz(), i32(slot.SIGNALLING).sub(quiet)));
    r.body.store(64, at, mantissa.value.shrU(1).or(TOP), slot.MANTISSA);
    r.return();
  });
  store(slot.CLASS, slot.FINITE);
  store(slot.EXPONENT, exponent.sub(bias));
  r.body.store(64, at, mantissa.value.shrU(1).or(TOP), slot.MANTISSA);
  return r.end();
}

/** 80-bit numbers. Pseudo-denormals (exponent 0 with integer bit) count as denormals of the smallest exponent. */
function unpack80(builder: ModuleBuilder): number {
  const r = new Routine(builder, [TYPE_I64, TYPE_I32, TYPE_I32], []);
  const mantissa = r.parameter(0);
  const at = r.parameter(2);
  const store = (field: number, content: Int | number): void => r.body.store(32, at, i32(content), field);
  const exponent = r.body.let(r.parameter(1).and(0x7fff));
  store(slot.SIGN, r.parameter(1).shrU(15).and(1));
  store(slot.DENORMAL, 0);
  r.body.store(64, at, mantissa, slot.MANTISSA);
  r.body.store(64, at, ZERO64, slot.LOW);
  r.if(exponent.eqz(), () => {
    r.if(mantissa.eqz(), () => {
      store(slot.CLASS, slot.ZERO);
      r.return();
    });
    const shift = r.body.let(mantissa.clz());
    store(slot.CLASS, slot.FINITE);
    store(slot.DENORMAL, 1);
    store(slot.EXPONENT, i32(-16382).sub(shift.toI32()));
    r.body.store(64, at, mantissa.shl(shift), slot.MANTISSA);
    r.return();
  });
  r.if(mantissa.ltS(ZERO64).eqz(), () => {
    store(slot.CLASS, slot.UNSUPPORTED);
    r.return();
  });
  r.if(exponent.eq(0x7fff), () => {
    const payload = mantissa.shl(1);
    const quiet = payload.shrU(63).toI32();
    store(slot.CLASS, i32(slot.INFINITE).select(payload.eqz(), i32(slot.SIGNALLING).sub(quiet)));
    r.return();
  });
  store(slot.CLASS, slot.FINITE);
  store(slot.EXPONENT, exponent.sub(16383));
  return r.end();
}

/** Makes R the NaN that stands for an invalid operation, and raises INVALID. */
function indefinite(r: Routine): void {
  r.raise(slot.INVALID);
  r.setWord(slot.SLOT_R + slot.CLASS, slot.QUIET);
  r.setWord(slot.SLOT_R + slot.SIGN, 1);
  r.setLong(slot.SLOT_R + slot.MANTISSA, Int.constant64(0, 0xc0000000 | 0));
}

/** R = this class with this sign. */
function special(r: Routine, kind: number, sign: Int): void {
  r.setWord(slot.SLOT_R + slot.SIGN, sign);
  r.setWord(slot.SLOT_R + slot.CLASS, kind);
}

function finite(r: Routine, sign: Int, exponent: Int, mantissa: Int, low: Int): void {
  r.setWord(slot.SLOT_R + slot.SIGN, sign);
  r.setWord(slot.SLOT_R + slot.CLASS, slot.FINITE);
  r.setWord(slot.SLOT_R + slot.EXPONENT, exponent);
  r.setLong(slot.SLOT_R + slot.MANTISSA, mantissa);
  r.setLong(slot.SLOT_R + slot.LOW, low);
}

function compute(builder: ModuleBuilder, highProduct: number, quotient128: number): number {
  const sum = addition(builder);
  const r = new Routine(builder, [TYPE_I32], []);
  const operation = r.parameter(0);
  const classA = r.body.let(r.word(slot.SLOT_A + slot.CLASS));
  const classB = r.body.let(r.word(slot.SLOT_B + slot.CLASS));
  r.if(operation.leU(slot.SUBTRACT), () => {
    r.body.call(sum, [operation]);
    r.return();
  });
  const sign = r.body.let(r.word(slot.SLOT_A + slot.SIGN).xor(r.word(slot.SLOT_B + slot.SIGN)));
  const mantissaA = r.body.let(r.long(slot.SLOT_A + slot.MANTISSA));
  const mantissaB = r.body.let(r.long(slot.SLOT_B + slot.MANTISSA));
  const exponentA = r.word(slot.SLOT_A + slot.EXPONENT);
  const exponentB = r.word(slot.SLOT_B + slot.EXPONENT);
  r.if(operation.eq(slot.MULTIPLY), () => {
    r.if(classA.eq(slot.INFINITE).or(classB.eq(slot.INFINITE)), () => {
      r.if(
        classA.eqz().or(classB.eqz()),
        () => indefinite(r),
        () => special(r, slot.INFINITE, sign),
      );
      r.return();
    });
    r.if(classA.eqz().or(classB.eqz()), () => {
      special(r, slot.ZERO, sign);
      r.return();
    });
    const high = r.variable64(r.body.result(highProduct, [mantissaA, mantissaB], 64));
    const low = r.variable64(mantissaA.mul(mantissaB));
    const exponent = r.variable32(exponentA.add(exponentB).add(1));
    r.if(high.value.ltS(ZERO64).eqz(), () => {
      high.value = high.value.shl(1).or(low.value.shrU(63));
      low.value = low.value.shl(1);
      exponent.value = exponent.value.sub(1);
    });
    finite(r, sign, exponent.value, high.value, low.value);
    r.return();
  });
  // Division.
  r.if(classA.eq(slot.INFINITE), () => {
    r.if(
      classB.eq(slot.INFINITE),
      () => indefinite(r),
      () => special(r, slot.INFINITE, sign),
    );
    r.return();
  });
  r.if(classB.eqz(), () => {
    r.if(
      classA.eqz(),
      () => indefinite(r),
      () => {
        r.raise(slot.DIVIDE_BY_ZERO);
        special(r, slot.INFINITE, sign);
      },
    );
    r.return();
  });
  r.if(classA.eqz().or(classB.eq(slot.INFINITE)), () => {
    special(r, slot.ZERO, sign);
    r.return();
  });
  const larger = r.body.let(mantissaA.geU(mantissaB));
  const high = r.body.let(mantissaA.shrU(larger.toI64U()));
  const low = r.body.let(mantissaA.shl(63).select(larger, ZERO64));
  const quotient = r.body.let(r.body.result(quotient128, [high, low, mantissaB], 64));
  const remainder = r.body.let(low.sub(quotient.mul(mantissaB)));
  // The next bit of the quotient, and whether anything follows it.
  const rest = r.body.let(mantissaB.sub(remainder));
  const half = r.body.let(remainder.geU(rest));
  const tail = TOP.select(half, ZERO64).or(sticky(remainder.sub(rest).select(half, remainder)));
  finite(r, sign, exponentA.sub(exponentB).sub(1).add(larger), quotient, tail);
  return r.end();
}

/** (0 add, 1 subtract) */
function addition(builder: ModuleBuilder): number {
  const r = new Routine(builder, [TYPE_I32], []);
  const classA = r.body.let(r.word(slot.SLOT_A + slot.CLASS));
  const classB = r.body.let(r.word(slot.SLOT_B + slot.CLASS));
  const signA = r.body.let(r.word(slot.SLOT_A + slot.SIGN));
  const signB = r.body.let(r.word(slot.SLOT_B + slot.SIGN).xor(r.parameter(0)));
  const zeroSign = r.word(slot.DIRECTION).eq(slot.DOWN);
  r.if(classA.eq(slot.INFINITE), () => {
    r.if(
      classB.eq(slot.INFINITE).and(signA.ne(signB)),
      () => indefinite(r),
      () => special(r, slot.INFINITE, signA),
    );
    r.return();
  });
  r.if(classB.eq(slot.INFINITE), () => {
    special(r, slot.INFINITE, signB);
    r.return();
  });
  r.if(classA.eqz().and(classB.eqz()), () => {
    special(r, slot.ZERO, signA.select(signA.eq(signB), zeroSign));
    r.return();
  });
  const copy = (from: number, sign: Int): void => {
    finite(r, sign, r.word(from + slot.EXPONENT), r.long(from + slot.MANTISSA), ZERO64);
    r.return();
  };
  r.if(classA.eqz(), () => copy(slot.SLOT_B, signB));
  r.if(classB.eqz(), () => copy(slot.SLOT_A, signA));
  const sign = r.variable32(signA);
  const exponent = r.variable32(r.word(slot.SLOT_A + slot.EXPONENT));
  const other = r.variable32(r.word(slot.SLOT_B + slot.EXPONENT));
  const large = r.variable64(r.long(slot.SLOT_A + slot.MANTISSA));
  const small = r.variable64(r.long(slot.SLOT_B + slot.MANTISSA));
  const swap = exponent.value
    .ltS(other.value)
    .or(exponent.value.eq(other.value).and(large.value.ltU(small.value)));
  r.if(swap, () => {
    sign.value = signB;
    const e = r.body.let(exponent.value);
    exponent.value = other.value;
    other.value = e;
    const m = r.body.let(large.value);
    large.value = small.value;
    small.value = m;
  });
  const distance = r.body.let(exponent.value.sub(other.value));
  const low = r.variable64(ZERO64);
  r.if(distance.ne(0), () => {
    const wide = distance.toI64U();
    r.if(
      distance.ltU(64),
      () => {
        low.value = small.value.shl(i32(64).sub(distance).toI64U());
        small.value = small.value.shrU(wide);
      },
      () => {
        r.if(
          distance.gtU(127),
          () => {
            low.value = ONE64;
          },
          () => {
            const cut = small.value.shl(wide.negate());
            const nothing = distance.eq(64);
            low.value = small.value
              .shrU(wide)
              .or(ZERO64.select(nothing, sticky(cut)));
          },
        );
        small.value = ZERO64;
      },
    );
  });
  r.if(signA.eq(signB), () => {
    const total = r.variable64(large.value.add(small.value));
    r.if(total.value.ltU(large.value), () => {
      low.value = low.value.shrU(1).or(low.value.and(1)).or(total.value.shl(63));
      total.value = total.value.shrU(1).or(TOP);
      exponent.value = exponent.value.add(1);
    });
    finite(r, sign.value, exponent.value, total.value, low.value);
    r.return();
  });
  const high = r.variable64(large.value.sub(small.value).sub(sticky(low.value)));
  low.value = low.value.negate();
  r.if(high.value.or(low.value).eqz(), () => {
    special(r, slot.ZERO, zeroSign);
    r.return();
  });
  r.if(high.value.eqz(), () => {
    high.value = low.value;
    low.value = ZERO64;
    exponent.value = exponent.value.sub(64);
  });
  const shift = r.body.let(high.value.clz());
  r.if(shift.ne(0), () => {
    high.value = high.value.shl(shift).or(low.value.shrU(shift.negate()));
    low.value = low.value.shl(shift);
    exponent.value = exponent.value.sub(shift.toI32());
  });
  finite(r, sign.value, exponent.value, high.value, low.value);
  return r.end();
}

/** Digit by digit: 64 bits of the root, then whether the rest is more than a half. */
function squareRoot(builder: ModuleBuilder): number {
  const r = new Routine(builder, [], []);
  const kind = r.body.let(r.word(slot.SLOT_A + slot.CLASS));
  const sign = r.body.let(r.word(slot.SLOT_A + slot.SIGN));
  r.if(kind.eqz(), () => {
    special(r, slot.ZERO, sign);
    r.return();
  });
  r.if(sign, () => {
    indefinite(r);
    r.return();
  });
  r.if(kind.eq(slot.INFINITE), () => {
    special(r, slot.INFINITE, i32(0));
    r.return();
  });
  const exponent = r.body.let(r.word(slot.SLOT_A + slot.EXPONENT));
  const odd = r.body.let(exponent.and(1));
  const mantissa = r.long(slot.SLOT_A + slot.MANTISSA);
  // The radicand has 128 bits: the mantissa in the upper half, one place lower for an even exponent.
  const high = r.variable64(mantissa.shrU(odd.xor(1).toI64U()));
  const low = r.variable64(mantissa.shl(63).select(odd.eqz(), ZERO64));
  const root = r.variable64(ZERO64);
  const restHigh = r.variable64(ZERO64);
  const restLow = r.variable64(ZERO64);
  const count = r.variable32(64);
  r.repeat(() => {
    restHigh.value = restHigh.value.shl(2).or(restLow.value.shrU(62));
    restLow.value = restLow.value.shl(2).or(high.value.shrU(62));
    high.value = high.value.shl(2).or(low.value.shrU(62));
    low.value = low.value.shl(2);
    const trialHigh = r.body.let(root.value.shrU(62));
    const trialLow = r.body.let(root.value.shl(2).or(1));
    root.value = root.value.shl(1);
    const fits = restHigh.value
      .gtU(trialHigh)
      .or(restHigh.value.eq(trialHigh).and(restLow.value.geU(trialLow)));
    r.if(fits, () => {
      restHigh.value = restHigh.value.sub(trialHigh).sub(restLow.value.ltU(trialLow).toI64U());
      restLow.value = restLow.value.sub(trialLow);
      root.value = root.value.or(1);
    });
    count.value = count.value.sub(1);
    return count.value;
  });
  const more = restHigh.value.ne(0).or(restLow.value.gtU(root.value));
  const tail = TOP.select(more, ZERO64).or(sticky(restHigh.value.or(restLow.value)));
  finite(r, i32(0), exponent.sub(odd).shrS(1), root.value, tail);
  return r.end();
}

/** Whether a number with this last kept bit and these cut-off bits is rounded away from zero. */
function roundsUp(direction: Int, sign: Int, lastBit: Int, cut: Int): Int {
  const nearest = cut.gtU(TOP).or(cut.eq(TOP).and(lastBit));
  const away = direction.eq(slot.UP).select(sign.eqz(), direction.eq(slot.DOWN));
  return nearest.select(direction.eqz(), away.and(cut.ne(0)));
}

/**
 * Rounds R to a format. Tininess is detected after rounding (SDM vol. 1, 4.9.1.5). With overflow or underflow
 * unmasked, results (which only the x87 uses then) keep their digits and have the exponent moved by 24576 (SDM vol. 1, 8.5.4 and 8.5.5).
 */
function round(builder: ModuleBuilder): number {
  const r = new Routine(builder, [TYPE_I32, TYPE_I32, TYPE_I32, TYPE_I32], []);
  const precision = r.parameter(0);
  const lowest = r.parameter(1);
  const highest = r.parameter(2);
  const x87 = r.parameter(3);
  r.setWord(slot.ROUNDED_UP, 0);
  r.if(r.word(slot.SLOT_R + slot.CLASS).ne(slot.FINITE), () => r.return());
  const direction = r.body.let(r.word(slot.DIRECTION));
  const sign = r.body.let(r.word(slot.SLOT_R + slot.SIGN));
  const exponent = r.variable32(r.word(slot.SLOT_R + slot.EXPONENT));
  const high = r.variable64(r.long(slot.SLOT_R + slot.MANTISSA));
  const low = r.variable64(r.long(slot.SLOT_R + slot.LOW));
  const drop = r.body.let(i32(64).sub(precision).toI64U());
  const unit = r.body.let(ONE64.shl(drop));
  const cutBits = (): Int =>
    r.body.let(
      low.value.select(drop.eqz(), high.value.shl(precision.toI64U()).or(sticky(low.value))),
    );
  const kept = (): Int => high.value.and(unit.negate());
  const masks = r.word(slot.MASKS);
  const tiny = r.variable32(0);
  const moved = r.variable32(0);
  r.if(exponent.value.ltS(lowest), () => {
    const cut = cutBits();
    const up = r.body.let(roundsUp(direction, sign, kept().shrU(drop).toI32().and(1), cut));
    const carries = up.and(kept().add(unit).eqz());
    tiny.value = exponent.value.eq(lowest.sub(1)).and(carries).xor(1);
    r.if(tiny.value.and(masks.and(slot.UNDERFLOW).eqz()), () => {
      r.raise(slot.UNDERFLOW);
      moved.value = i32(1);
      exponent.value = exponent.value.add(24576);
      tiny.value = i32(0);
    });
  });
  r.if(exponent.value.ltS(lowest), () => {
    const distance = r.body.let(lowest.sub(exponent.value));
    r.if(
      distance.gtU(63),
      () => {
        low.value = r.body
          .let(high.value)
          .select(distance.eq(64), ONE64)
          .or(sticky(low.value));
        high.value = ZERO64;
      },
      () => {
        const wide = r.body.let(distance.toI64U());
        low.value = low.value.shrU(wide).or(high.value.shl(wide.negate())).or(sticky(low.value.shl(wide.negate())));
        high.value = high.value.shrU(wide);
      },
    );
    exponent.value = lowest;
  });
  const cut = cutBits();
  const inexact = r.body.let(cut.ne(0));
  r.if(roundsUp(direction, sign, kept().shrU(drop).toI32().and(1), cut), () => {
    r.setWord(slot.ROUNDED_UP, 1);
    high.value = kept().add(unit);
    r.if(high.value.eqz(), () => {
      high.value = TOP;
      exponent.value = exponent.value.add(1);
    });
  });
  r.if(inexact, () => r.raise(slot.PRECISION));
  const unmaskedUnderflow = masks.and(slot.UNDERFLOW).eqz();
  r.if(tiny.value.and(inexact.or(unmaskedUnderflow)), () => r.raise(slot.UNDERFLOW));
  r.if(tiny.value.and(r.word(slot.FLUSH)), () => {
    r.raise(slot.UNDERFLOW | slot.PRECISION);
    high.value = ZERO64;
  });
  r.if(exponent.value.gtS(highest).and(moved.value.eqz()), () => {
    r.raise(slot.OVERFLOW);
    r.if(
      x87.and(masks.and(slot.OVERFLOW).eqz()),
      () => {
        exponent.value = exponent.value.sub(24576);
      },
      () => {
        r.if(masks.and(slot.OVERFLOW), () => r.raise(slot.PRECISION));
        const toInfinity = direction
          .eqz()
          .or(direction.eq(slot.UP).and(sign.eqz()))
          .or(direction.eq(slot.DOWN).and(sign));
        r.setWord(slot.ROUNDED_UP, toInfinity);
        r.if(r.word(slot.ROUNDED_UP), () => {
          r.setWord(slot.SLOT_R + slot.CLASS, slot.INFINITE);
          r.return();
        });
        exponent.value = highest;
        high.value = unit.negate();
      },
    );
  });
  r.setWord(slot.SLOT_R + slot.EXPONENT, exponent.value);
  r.setLong(slot.SLOT_R + slot.MANTISSA, kept());
  r.if(kept().eqz(), () => r.setWord(slot.SLOT_R + slot.CLASS, slot.ZERO));
  return r.end();
}

/** R as single or double precision; a mantissa without its top bit is a denormal. */
function packFormat(builder: ModuleBuilder, bits: 32 | 64): number {
  const r = new Routine(builder, [], [bits === 32 ? TYPE_I32 : TYPE_I64]);
  const fraction = bits === 32 ? 23 : 52;
  const bias = bits === 32 ? 127 : 1023;
  const kind = r.body.let(r.word(slot.SLOT_R + slot.CLASS));
  const mantissa = r.body.let(r.long(slot.SLOT_R + slot.MANTISSA));
  const result = r.variable64(ZERO64);
  const infinity = Int.constant(64, (2 * bias + 1) * 2 ** fraction);
  const digits = mantissa.shl(1).shrU(64 - fraction);
  r.if(kind.eq(slot.FINITE), () => {
    const exponent = r.word(slot.SLOT_R + slot.EXPONENT).add(bias);
    const normal = mantissa.shrU(63).toI32();
    result.value = exponent.select(normal, 0).toI64U().shl(fraction).or(digits);
  });
  r.if(kind.eq(slot.INFINITE), () => {
    result.value = infinity;
  });
  r.if(kind.geU(slot.QUIET), () => {
    result.value = infinity.or(digits).or(Int.constant(64, 2 ** (fraction - 1)));
  });
  result.value = result.value.or(r.word(slot.SLOT_R + slot.SIGN).toI64U().shl(bits - 1));
  r.return(bits === 32 ? result.value.toI32() : result.value);
  return r.end();
}

function pack80(builder: ModuleBuilder): number {
  const r = new Routine(builder, [TYPE_I32], []);
  const at = r.parameter(0);
  const kind = r.body.let(r.word(slot.SLOT_R + slot.CLASS));
  const mantissa = r.variable64(r.long(slot.SLOT_R + slot.MANTISSA));
  const exponent = r.variable32(0x7fff);
  r.if(kind.eqz(), () => {
    mantissa.value = ZERO64;
    exponent.value = i32(0);
  });
  r.if(kind.eq(slot.INFINITE), () => {
    mantissa.value = TOP;
  });
  r.if(kind.eq(slot.FINITE), () => {
    const normal = mantissa.value.shrU(63).toI32();
    exponent.value = r
      .word(slot.SLOT_R + slot.EXPONENT)
      .add(16383)
      .and(0x7fff)
      .select(normal, 0);
  });
  r.if(kind.eq(slot.SIGNALLING), () => {
    mantissa.value = mantissa.value.or(Int.constant64(0, 0x40000000));
  });
  r.body.store(64, at, mantissa.value);
  r.body.store(16, at, exponent.value.or(r.word(slot.SLOT_R + slot.SIGN).shl(15)), 8);
  return r.end();
}

/** The indefinite integer of each width is the most negative one, sign-extended. */
function toInteger(builder: ModuleBuilder): number {
  const r = new Routine(builder, [TYPE_I32, TYPE_I32, TYPE_I32], [TYPE_I64]);
  const at = r.parameter(0);
  const bits = r.parameter(1);
  const direction = r.parameter(2);
  const kind = r.body.let(r.body.load(32, at, slot.CLASS));
  const limit = r.body.let(ONE64.shl(bits.sub(1).toI64U()));
  const fail = (): void => {
    r.raise(slot.INVALID);
    r.return(limit.negate());
  };
  r.setWord(slot.ROUNDED_UP, 0);
  r.if(kind.eqz(), () => r.return(ZERO64));
  r.if(kind.ne(slot.FINITE), fail);
  const sign = r.body.let(r.body.load(32, at, slot.SIGN));
  const mantissa = r.body.let(r.body.load(64, at, slot.MANTISSA));
  const exponent = r.body.let(r.body.load(32, at, slot.EXPONENT));
  r.if(exponent.gtS(63), fail);
  const value = r.variable64(ZERO64);
  const cut = r.variable64(ONE64);
  r.if(
    exponent.geS(0),
    () => {
      const places = r.body.let(i32(63).sub(exponent).toI64U());
      value.value = mantissa.shrU(places);
      cut.value = ZERO64.select(places.eqz(), mantissa.shl(places.negate()));
    },
    () => {
      r.if(exponent.eq(-1), () => {
        cut.value = mantissa;
      });
    },
  );
  const up = r.body.let(roundsUp(direction, sign, value.value.toI32().and(1), cut.value));
  const rounded = r.body.let(value.value.add(up.toI64U()));
  r.if(up.and(rounded.eqz()), fail);
  // One more on the negative side.
  r.if(rounded.gtU(limit.sub(ONE64).add(sign.toI64U())), fail);
  r.if(cut.value.ne(0), () => {
    r.raise(slot.PRECISION);
    r.setWord(slot.ROUNDED_UP, up);
  });
  r.return(rounded.negate().select(sign, rounded));
  return r.end();
}

function fromInteger(builder: ModuleBuilder): number {
  const r = new Routine(builder, [TYPE_I64, TYPE_I32], []);
  const value = r.parameter(0);
  const at = r.parameter(1);
  const store = (field: number, content: Int | number): void => r.body.store(32, at, i32(content), field);
  store(slot.DENORMAL, 0);
  r.body.store(64, at, ZERO64, slot.LOW);
  store(slot.SIGN, value.shrU(63).toI32());
  r.if(value.eqz(), () => {
    store(slot.CLASS, slot.ZERO);
    r.return();
  });
  const magnitude = r.body.let(value.negate().select(value.ltS(ZERO64), value));
  const shift = r.body.let(magnitude.clz());
  store(slot.CLASS, slot.FINITE);
  store(slot.EXPONENT, i32(63).sub(shift.toI32()));
  r.body.store(64, at, magnitude.shl(shift), slot.MANTISSA);
  return r.end();
}

function compare(builder: ModuleBuilder): number {
  const r = new Routine(builder, [], [TYPE_I32]);
  const a = (field: number): Int => r.word(slot.SLOT_A + field);
  const b = (field: number): Int => r.word(slot.SLOT_B + field);
  r.if(a(slot.CLASS).or(b(slot.CLASS)).eqz(), () => r.return(i32(0)));
  const signOfA = r.body.let(a(slot.SIGN));
  // Magnitude order as A against B, then turned by the sign.
  const order = r.variable32(0);
  const decide = (less: Int, greater: Int): void => {
    r.if(less, () => {
      order.value = i32(-1);
    });
    r.if(greater, () => {
      order.value = i32(1);
    });
  };
  const signed = (): Int => i32(0).sub(order.value).select(signOfA, order.value);
  r.if(a(slot.CLASS).eqz(), () => r.return(i32(1).select(b(slot.SIGN), i32(-1))));
  r.if(b(slot.CLASS).eqz().or(a(slot.SIGN).ne(b(slot.SIGN))), () => r.return(i32(-1).select(signOfA, i32(1))));
  decide(a(slot.CLASS).ltU(b(slot.CLASS)), a(slot.CLASS).gtU(b(slot.CLASS)));
  r.if(order.value.eqz().and(a(slot.CLASS).eq(slot.FINITE)), () => {
    decide(a(slot.EXPONENT).ltS(b(slot.EXPONENT)), a(slot.EXPONENT).gtS(b(slot.EXPONENT)));
    r.if(order.value.eqz(), () => {
      const ma = r.long(slot.SLOT_A + slot.MANTISSA);
      const mb = r.long(slot.SLOT_B + slot.MANTISSA);
      decide(ma.ltU(mb), ma.gtU(mb));
    });
  });
  r.return(signed());
  return r.end();
}
