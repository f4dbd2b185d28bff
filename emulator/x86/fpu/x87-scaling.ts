import { STATE_X87_STATUS } from '../cpu/layout.ts';
import { Int } from '../wasm/int.ts';
import { type ModuleBuilder, TYPE_I32 } from '../wasm/module-builder.ts';
import { i32, ZERO64 } from './routine.ts';
import * as slot from './slots.ts';
import type { SoftFloat } from './soft-float.ts';
import { BEFORE, C0, C2, C3, HIGHEST, LOWEST, noteDenormals, Stack, simple } from './x87-stack.ts';

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

export function scale(builder: ModuleBuilder, soft: SoftFloat, nans: number): number {
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
export function extract(builder: ModuleBuilder, soft: SoftFloat): number {
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
export function remainder(builder: ModuleBuilder, soft: SoftFloat, nans: number): number {
  const r = new Stack(builder, [TYPE_I32], []);
  const nearest = r.parameter(0);
  const conditions = (bits: Int): void =>
    r.setWord(
      STATE_X87_STATUS,
      r
        .status()
        .and(~(C0 | C2 | C3))
        .or(bits),
    );
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
  conditions(i32(C2).select(partial, low.and(4).shl(6).or(low.and(2).shl(13))));
  r.if(
    rest.value.eqz(),
    () => {
      r.setWord(slot.SLOT_R + slot.CLASS, slot.ZERO);
      r.setWord(slot.SLOT_R + slot.SIGN, r.word(slot.SLOT_A + slot.SIGN));
    },
    () => {
      const shift = r.body.let(rest.value.clz());
      r.setLong(slot.SLOT_R + slot.MANTISSA, rest.value.shl(shift));
      r.setWord(slot.SLOT_R + slot.EXPONENT, exponent.value.sub(shift.toI32()));
      r.setWord(slot.SLOT_R + slot.SIGN, sign.value);
    },
  );
  r.round(soft, i32(64));
  r.store(soft, 0);
  r.setWord(slot.ROUNDED_UP, low.and(1).select(partial.eqz(), 0));
  return r.end();
}
