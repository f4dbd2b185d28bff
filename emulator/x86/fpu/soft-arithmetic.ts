import { Int } from '../wasm/int.ts';
import { type ModuleBuilder, TYPE_I32 } from '../wasm/module-builder.ts';
import { i32, ONE64, Routine, sticky, TOP, ZERO64 } from './routine.ts';
import * as slot from './slots.ts';

/** Makes R the NaN that stands for an invalid operation, and raises INVALID. */
export function indefinite(r: Routine): void {
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

export function compute(builder: ModuleBuilder, highProduct: number, quotient128: number): number {
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
  const swap = exponent.value.ltS(other.value).or(exponent.value.eq(other.value).and(large.value.ltU(small.value)));
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
            low.value = small.value.shrU(wide).or(ZERO64.select(nothing, sticky(cut)));
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
export function squareRoot(builder: ModuleBuilder): number {
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
    const fits = restHigh.value.gtU(trialHigh).or(restHigh.value.eq(trialHigh).and(restLow.value.geU(trialLow)));
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
