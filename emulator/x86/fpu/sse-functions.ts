import { STATE_MXCSR } from '../cpu/layout.ts';
import type { Int } from '../wasm/int.ts';
import { type ModuleBuilder, TYPE_I32, TYPE_I64 } from '../wasm/module-builder.ts';
import { i32, Routine } from './routine.ts';
import * as slot from './slots.ts';
import type { SoftFloat } from './soft-float.ts';

/**
 * Lane functions of the SSE floating-point instructions. They work on the bits of single- or double-precision numbers,
 * collect exceptions in the work area, and leave MXCSR to `finish`.
 */
export interface SseFunctions {
  /** Takes rounding, masks and modes from MXCSR; no exceptions so far. */
  readonly begin: number;
  /** Adds the exceptions to MXCSR; 1 when one of them is unmasked (#XM). */
  readonly finish: number;
  /** (operation, a, b) → rounded result */
  readonly arithmetic32: number;
  readonly arithmetic64: number;
  readonly squareRoot32: number;
  readonly squareRoot64: number;
  /** (a, b, quiet NaNs are invalid too) → 0 equal, 1 a < b, 2 a > b, 3 unordered */
  readonly relation32: number;
  readonly relation64: number;
  /** (a, b, maximum) → the lesser or greater; the second operand when there is no telling */
  readonly extreme32: number;
  readonly extreme64: number;
  readonly singleToDouble: number;
  readonly doubleToSingle: number;
  /** (i64) → single or double */
  readonly integerToSingle: number;
  readonly integerToDouble: number;
  /** (a, bits of the result, direction) → i64 */
  readonly singleToInteger: number;
  readonly doubleToInteger: number;
  /** (a, direction, suppress PRECISION) → integral number */
  readonly roundSingle: number;
  readonly roundDouble: number;
}

/** Precision and exponent range. */
const FORMAT = { 32: [24, -126, 127], 64: [53, -1022, 1023] } as const;
type Bits = 32 | 64;
const typeOf = (bits: Bits): 0x7f | 0x7e => (bits === 32 ? TYPE_I32 : TYPE_I64);

export function addSseFunctions(builder: ModuleBuilder, soft: SoftFloat): SseFunctions {
  return {
    begin: begin(builder),
    finish: finish(builder),
    arithmetic32: arithmetic(builder, soft, 32),
    arithmetic64: arithmetic(builder, soft, 64),
    squareRoot32: squareRoot(builder, soft, 32),
    squareRoot64: squareRoot(builder, soft, 64),
    relation32: relation(builder, soft, 32),
    relation64: relation(builder, soft, 64),
    extreme32: extreme(builder, soft, 32),
    extreme64: extreme(builder, soft, 64),
    singleToDouble: convert(builder, soft, 32, 64),
    doubleToSingle: convert(builder, soft, 64, 32),
    integerToSingle: integerToFloat(builder, soft, 32),
    integerToDouble: integerToFloat(builder, soft, 64),
    singleToInteger: floatToInteger(builder, soft, 32),
    doubleToInteger: floatToInteger(builder, soft, 64),
    roundSingle: roundToIntegral(builder, soft, 32),
    roundDouble: roundToIntegral(builder, soft, 64),
  };
}

function begin(builder: ModuleBuilder): number {
  const r = new Routine(builder, [], []);
  const mxcsr = r.body.let(r.word(STATE_MXCSR));
  r.setWord(slot.EXCEPTIONS, 0);
  r.setWord(slot.DIRECTION, mxcsr.shrU(13).and(3));
  r.setWord(slot.MASKS, mxcsr.shrU(7).and(0x3f));
  // Flushing works only while underflow is masked (SDM vol. 1, 10.2.3.3).
  r.setWord(slot.FLUSH, mxcsr.shrU(15).and(mxcsr.shrU(11)).and(1));
  r.setWord(slot.DENORMALS_ARE_ZERO, mxcsr.shrU(6).and(1));
  return r.end();
}

/** An unmasked exception found before computing hides those found after (SDM vol. 1, 11.5.2). */
function finish(builder: ModuleBuilder): number {
  const r = new Routine(builder, [], [TYPE_I32]);
  const before = slot.INVALID | slot.DENORMAL_OPERAND | slot.DIVIDE_BY_ZERO;
  const exceptions = r.variable32(r.word(slot.EXCEPTIONS));
  const unmasked = r.body.let(r.word(slot.MASKS).not());
  r.if(exceptions.value.and(before).and(unmasked), () => {
    exceptions.value = exceptions.value.and(before);
  });
  r.setWord(STATE_MXCSR, r.word(STATE_MXCSR).or(exceptions.value));
  r.return(exceptions.value.and(unmasked).ne(0));
  return r.end();
}

function unpack(r: Routine, soft: SoftFloat, bits: Bits, value: Int, at: number): void {
  r.body.call(bits === 32 ? soft.unpack32 : soft.unpack64, [value, i32(at)]);
}

function pack(r: Routine, soft: SoftFloat, bits: Bits): Int {
  return r.body.result(bits === 32 ? soft.pack32 : soft.pack64, [], bits);
}

function roundResult(r: Routine, soft: SoftFloat, bits: Bits): void {
  const [precision, lowest, highest] = FORMAT[bits];
  r.body.call(soft.round, [i32(precision), i32(lowest), i32(highest), i32(0)]);
}

function copyToResult(r: Routine, from: number): void {
  for (let at = 0; at < 0x20; at += 8) r.setLong(slot.SLOT_R + at, r.long(from + at));
}

const isNan = (r: Routine, at: number): Int => r.word(at + slot.CLASS).geU(slot.QUIET);
const isSignalling = (r: Routine, at: number): Int => r.word(at + slot.CLASS).eq(slot.SIGNALLING);

/** The first operand that is a NaN, quieted (SDM vol. 1, table 4-7). */
function propagateNan(r: Routine, soft: SoftFloat, bits: Bits): void {
  r.if(isNan(r, slot.SLOT_A).or(isNan(r, slot.SLOT_B)), () => {
    r.if(isSignalling(r, slot.SLOT_A).or(isSignalling(r, slot.SLOT_B)), () => r.raise(slot.INVALID));
    r.if(
      isNan(r, slot.SLOT_A),
      () => copyToResult(r, slot.SLOT_A),
      () => copyToResult(r, slot.SLOT_B),
    );
    r.return(pack(r, soft, bits));
  });
}

function arithmetic(builder: ModuleBuilder, soft: SoftFloat, bits: Bits): number {
  const type = typeOf(bits);
  const r = new Routine(builder, [TYPE_I32, type, type], [type]);
  unpack(r, soft, bits, r.parameter(1), slot.SLOT_A);
  unpack(r, soft, bits, r.parameter(2), slot.SLOT_B);
  propagateNan(r, soft, bits);
  const others = r.body.let(r.word(slot.EXCEPTIONS));
  r.setWord(slot.EXCEPTIONS, 0);
  r.body.call(soft.compute, [r.parameter(0)]);
  const denormal = r.word(slot.SLOT_A + slot.DENORMAL).or(r.word(slot.SLOT_B + slot.DENORMAL));
  r.if(denormal.and(r.word(slot.EXCEPTIONS).eqz()), () => r.raise(slot.DENORMAL_OPERAND));
  r.raise(others);
  roundResult(r, soft, bits);
  r.return(pack(r, soft, bits));
  return r.end();
}

function squareRoot(builder: ModuleBuilder, soft: SoftFloat, bits: Bits): number {
  const type = typeOf(bits);
  const r = new Routine(builder, [type], [type]);
  unpack(r, soft, bits, r.parameter(0), slot.SLOT_A);
  r.if(isNan(r, slot.SLOT_A), () => {
    r.if(isSignalling(r, slot.SLOT_A), () => r.raise(slot.INVALID));
    copyToResult(r, slot.SLOT_A);
    r.return(pack(r, soft, bits));
  });
  const positive = r.word(slot.SLOT_A + slot.SIGN).eqz();
  r.if(r.word(slot.SLOT_A + slot.DENORMAL).and(positive), () => r.raise(slot.DENORMAL_OPERAND));
  r.body.call(soft.squareRoot, []);
  roundResult(r, soft, bits);
  r.return(pack(r, soft, bits));
  return r.end();
}

/** Raises DENORMAL_OPERAND for slots A and B. */
function noteDenormals(r: Routine): void {
  const denormal = r.word(slot.SLOT_A + slot.DENORMAL).or(r.word(slot.SLOT_B + slot.DENORMAL));
  r.if(denormal, () => r.raise(slot.DENORMAL_OPERAND));
}

function relation(builder: ModuleBuilder, soft: SoftFloat, bits: Bits): number {
  const type = typeOf(bits);
  const r = new Routine(builder, [type, type, TYPE_I32], [TYPE_I32]);
  unpack(r, soft, bits, r.parameter(0), slot.SLOT_A);
  unpack(r, soft, bits, r.parameter(1), slot.SLOT_B);
  r.if(isNan(r, slot.SLOT_A).or(isNan(r, slot.SLOT_B)), () => {
    const invalid = isSignalling(r, slot.SLOT_A).or(isSignalling(r, slot.SLOT_B)).or(r.parameter(2));
    r.if(invalid, () => r.raise(slot.INVALID));
    r.return(i32(3));
  });
  noteDenormals(r);
  const order = r.body.let(r.body.result(soft.compare, []));
  r.return(i32(1).select(order.ltS(0), order.shl(1)));
  return r.end();
}

function extreme(builder: ModuleBuilder, soft: SoftFloat, bits: Bits): number {
  const type = typeOf(bits);
  const r = new Routine(builder, [type, type, TYPE_I32], [type]);
  const a = r.parameter(0);
  const b = r.parameter(1);
  unpack(r, soft, bits, a, slot.SLOT_A);
  unpack(r, soft, bits, b, slot.SLOT_B);
  // With DAZ a denormal operand is a zero of its sign, in the result too.
  const flushed = (value: Int, at: number): Int => {
    const sign = value.shrU(bits - 1).shl(bits - 1);
    const zero = r.word(at + slot.CLASS).eqz();
    return r.body.let(sign.select(zero, value));
  };
  const second = flushed(b, slot.SLOT_B);
  r.if(isNan(r, slot.SLOT_A).or(isNan(r, slot.SLOT_B)), () => {
    r.raise(slot.INVALID);
    r.return(second);
  });
  noteDenormals(r);
  const order = r.body.let(r.body.result(soft.compare, []));
  const first = r.body.let(order.eq(i32(1).select(r.parameter(2), i32(-1))));
  r.return(flushed(a, slot.SLOT_A).select(first, second));
  return r.end();
}

function convert(builder: ModuleBuilder, soft: SoftFloat, from: Bits, to: Bits): number {
  const r = new Routine(builder, [typeOf(from)], [typeOf(to)]);
  unpack(r, soft, from, r.parameter(0), slot.SLOT_R);
  r.if(isSignalling(r, slot.SLOT_R), () => r.raise(slot.INVALID));
  r.if(r.word(slot.SLOT_R + slot.DENORMAL), () => r.raise(slot.DENORMAL_OPERAND));
  roundResult(r, soft, to);
  r.return(pack(r, soft, to));
  return r.end();
}

function integerToFloat(builder: ModuleBuilder, soft: SoftFloat, bits: Bits): number {
  const r = new Routine(builder, [TYPE_I64], [typeOf(bits)]);
  r.body.call(soft.fromInteger, [r.parameter(0), i32(slot.SLOT_R)]);
  roundResult(r, soft, bits);
  r.return(pack(r, soft, bits));
  return r.end();
}

function floatToInteger(builder: ModuleBuilder, soft: SoftFloat, bits: Bits): number {
  const r = new Routine(builder, [typeOf(bits), TYPE_I32, TYPE_I32], [TYPE_I64]);
  unpack(r, soft, bits, r.parameter(0), slot.SLOT_A);
  r.return(r.body.result(soft.toInteger, [i32(slot.SLOT_A), r.parameter(1), r.parameter(2)], 64));
  return r.end();
}

function roundToIntegral(builder: ModuleBuilder, soft: SoftFloat, bits: Bits): number {
  const r = new Routine(builder, [typeOf(bits), TYPE_I32, TYPE_I32], [typeOf(bits)]);
  const value = r.parameter(0);
  unpack(r, soft, bits, value, slot.SLOT_R);
  const kind = r.body.let(r.word(slot.SLOT_R + slot.CLASS));
  r.if(kind.eq(slot.SIGNALLING), () => r.raise(slot.INVALID));
  const integral = r.word(slot.SLOT_R + slot.EXPONENT).geS(FORMAT[bits][0] - 1);
  r.if(kind.ne(slot.FINITE).or(integral), () => r.return(pack(r, soft, bits)));
  const sign = r.body.let(r.word(slot.SLOT_R + slot.SIGN));
  const before = r.body.let(r.word(slot.EXCEPTIONS));
  const integer = r.body.let(r.body.result(soft.toInteger, [i32(slot.SLOT_R), i32(64), r.parameter(1)], 64));
  r.if(r.parameter(2), () => r.setWord(slot.EXCEPTIONS, before));
  r.body.call(soft.fromInteger, [integer, i32(slot.SLOT_R)]);
  // A zero keeps the sign.
  r.setWord(slot.SLOT_R + slot.SIGN, sign);
  r.return(pack(r, soft, bits));
  return r.end();
}
