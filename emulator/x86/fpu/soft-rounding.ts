import type { Int } from '../wasm/int.ts';
import { type ModuleBuilder, TYPE_I32, TYPE_I64 } from '../wasm/module-builder.ts';
import { i32, ONE64, Routine, sticky, TOP, ZERO64 } from './routine.ts';
import * as slot from './slots.ts';

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
export function round(builder: ModuleBuilder): number {
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
    r.body.let(low.value.select(drop.eqz(), high.value.shl(precision.toI64U()).or(sticky(low.value))));
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
        low.value = r.body.let(high.value).select(distance.eq(64), ONE64).or(sticky(low.value));
        high.value = ZERO64;
      },
      () => {
        const wide = r.body.let(distance.toI64U());
        low.value = low.value
          .shrU(wide)
          .or(high.value.shl(wide.negate()))
          .or(sticky(low.value.shl(wide.negate())));
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

/** The indefinite integer of each width is the most negative one, sign-extended. */
export function toInteger(builder: ModuleBuilder): number {
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
