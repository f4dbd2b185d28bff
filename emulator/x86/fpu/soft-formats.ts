import { Int } from '../wasm/int.ts';
import { type ModuleBuilder, TYPE_I32, TYPE_I64 } from '../wasm/module-builder.ts';
import { i32, Routine, TOP, ZERO64 } from './routine.ts';
import * as slot from './slots.ts';

/** Single and double precision. Denormals come out normalised, with the DENORMAL field set; DAZ makes them zero. */
export function unpackFormat(builder: ModuleBuilder, bits: 32 | 64): number {
  const type = bits === 32 ? TYPE_I32 : TYPE_I64;
  const r = new Routine(builder, [type, TYPE_I32], []);
  const value = r.parameter(0);
  const at = r.parameter(1);
  const fraction = bits === 32 ? 23 : 52;
  const bias = bits === 32 ? 127 : 1023;
  const store = (field: number, content: Int | number): void => r.body.store(32, at, i32(content), field);
  const exponent = r.body.let(
    value
      .shrU(fraction)
      .toI32()
      .and(2 * bias + 1),
  );
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
export function unpack80(builder: ModuleBuilder): number {
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

/** R as single or double precision; a mantissa without its top bit is a denormal. */
export function packFormat(builder: ModuleBuilder, bits: 32 | 64): number {
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
  result.value = result.value.or(
    r
      .word(slot.SLOT_R + slot.SIGN)
      .toI64U()
      .shl(bits - 1),
  );
  r.return(bits === 32 ? result.value.toI32() : result.value);
  return r.end();
}

export function pack80(builder: ModuleBuilder): number {
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

export function fromInteger(builder: ModuleBuilder): number {
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
