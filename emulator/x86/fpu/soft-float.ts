import type { Int } from '../wasm/int.ts';
import { type ModuleBuilder, TYPE_I32 } from '../wasm/module-builder.ts';
import { i32, Routine } from './routine.ts';
import * as slot from './slots.ts';
import { compute, squareRoot } from './soft-arithmetic.ts';
import { fromInteger, pack80, packFormat, unpack80, unpackFormat } from './soft-formats.ts';
import { round, toInteger } from './soft-rounding.ts';

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
  r.if(
    b(slot.CLASS)
      .eqz()
      .or(a(slot.SIGN).ne(b(slot.SIGN))),
    () => r.return(i32(-1).select(signOfA, i32(1))),
  );
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
