import { DIRECTION, TRUNCATE, VECTOR_RESULT, VECTOR_SOURCE } from '../fpu/slots.ts';
import { doubleFromInteger } from '../wasm/float.ts';
import { Int } from '../wasm/int.ts';
import { Vec } from '../wasm/vec.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';
import { type Bits, begin, constant, element, finish, RARE, zero } from './sse-float-operands.ts';
import { enterMmx, requireX87, setMmx, setVector, vector } from './sse-operands.ts';

/** MXCSR's direction or truncation. */
const directionOf = (e: Emitter, truncate: boolean): Int =>
  truncate ? constant(TRUNCATE) : e.body.load(32, zero, DIRECTION);

function toInteger(e: Emitter, from: Bits, value: Int, bits: Bits, truncate: boolean): Int {
  const { singleToInteger, doubleToInteger } = e.imports.fpu.sse;
  const routine = from === 32 ? singleToInteger : doubleToInteger;
  return e.body.result(routine, [value, constant(bits), directionOf(e, truncate)], 64);
}

function fromInteger(e: Emitter, value: Int, to: Bits): Int {
  const { integerToSingle, integerToDouble } = e.imports.fpu.sse;
  return e.body.result(to === 32 ? integerToSingle : integerToDouble, [value], to);
}

function toGeneral(from: Bits, truncate: boolean): Semantics {
  return (e) => {
    e.requireFpu();
    const value = element(e, 1, from);
    const bits = e.size === 64 ? 64 : 32;
    begin(e);
    const result = e.let(toInteger(e, from, value, bits, truncate).toWidth(bits));
    finish(e);
    e.setRegisterOperand(0, bits, result);
  };
}

function fromGeneral(to: Bits): Semantics {
  return (e) => {
    e.requireFpu();
    const value = e.let(e.read(1));
    if (to === 64 && value.width === 32) {
      e.body.store(64, e.registerAddress(0), doubleFromInteger(value));
      return;
    }
    begin(e);
    const result = e.let(fromInteger(e, value.toI64S(), to));
    finish(e);
    e.body.store(to, e.registerAddress(0), result);
  };
}

function scalarConversion(from: Bits): Semantics {
  return (e) => {
    e.requireFpu();
    const value = element(e, 1, from);
    const to = from === 32 ? 64 : 32;
    const { singleToDouble, doubleToSingle } = e.imports.fpu.sse;
    begin(e);
    const result = e.let(e.body.result(from === 32 ? singleToDouble : doubleToSingle, [value], to));
    finish(e);
    e.body.store(to, e.registerAddress(0), result);
  };
}

/**
 * Vector conversions: `lanes` elements of `from` bits to `to` bits; what is above them is cleared. Memory operands are
 * as wide as the elements need.
 */
function vectorConversion(lanes: 2 | 4, from: Bits, to: Bits, convert: (e: Emitter, value: Int) => Int): Semantics {
  return (e) => {
    e.requireFpu();
    if (lanes * from === 64) e.body.store(64, zero, element(e, 1, 64), VECTOR_SOURCE);
    else vector(e, 1).store(e.body, constant(VECTOR_SOURCE));
    begin(e);
    e.body.store(64, zero, Int.constant(64, 0), VECTOR_RESULT + 8);
    for (let i = 0; i < lanes; i++) {
      const value = e.body.load(from, zero, VECTOR_SOURCE + (i * from) / 8);
      e.body.store(to, zero, convert(e, value), VECTOR_RESULT + (i * to) / 8);
    }
    finish(e);
    setVector(e, 0, Vec.load(zero, VECTOR_RESULT));
  };
}

const integers =
  (from: Bits, truncate: boolean) =>
  (e: Emitter, value: Int): Int =>
    toInteger(e, from, value, 32, truncate).toI32();

/** CVTPS2PI, CVTPD2PI and the truncating ones: two integers to an MMX register. */
function toMmx(from: Bits, truncate: boolean): Semantics {
  return (e) => {
    requireX87(e);
    if (from === 32) e.body.store(64, zero, element(e, 1, 64), VECTOR_SOURCE);
    else vector(e, 1).store(e.body, constant(VECTOR_SOURCE));
    begin(e);
    for (let i = 0; i < 2; i++) {
      const value = e.body.load(from, zero, VECTOR_SOURCE + (i * from) / 8);
      e.body.store(32, zero, integers(from, truncate)(e, value), VECTOR_RESULT + i * 4);
    }
    // The change to MMX state is made even when #XM follows.
    enterMmx(e);
    finish(e);
    setMmx(e, 0, e.body.load(64, zero, VECTOR_RESULT));
  };
}

/** CVTPI2PS keeps the upper half. From memory, the x87 state is left alone. */
function fromMmx(to: Bits): Semantics {
  return (e) => {
    const memory = e.isMemory(1);
    if (memory) e.requireFpu();
    else requireX87(e);
    e.body.store(64, zero, element(e, 1, 64), VECTOR_SOURCE);
    begin(e);
    for (let i = 0; i < 2; i++) {
      const value = e.body.load32S64(zero, VECTOR_SOURCE + i * 4);
      e.body.store(to, zero, fromInteger(e, value, to), VECTOR_RESULT + (i * to) / 8);
    }
    if (!memory) enterMmx(e);
    finish(e);
    if (to === 64) setVector(e, 0, Vec.load(zero, VECTOR_RESULT));
    else e.body.store(64, e.registerAddress(0), e.body.load(64, zero, VECTOR_RESULT));
  };
}

export function conversionRows(): readonly Row[] {
  const single = (e: Emitter, value: Int): Int => fromInteger(e, value.toI64S(), 32);
  const double = (e: Emitter, value: Int): Int => fromInteger(e, value.toI64S(), 64);
  const widen = (e: Emitter, value: Int): Int => e.body.result(e.imports.fpu.sse.singleToDouble, [value], 64);
  const narrow = (e: Emitter, value: Int): Int => e.body.result(e.imports.fpu.sse.doubleToSingle, [value], 32);
  return [
    row('NP 0F 5A /r', 'cvtps2pd', 'Vx Wq', vectorConversion(2, 32, 64, widen), RARE),
    row('66 0F 5A /r', 'cvtpd2ps', 'Vx Wx', vectorConversion(2, 64, 32, narrow), RARE),
    row('F3 0F 5A /r', 'cvtss2sd', 'Vx Wd', scalarConversion(32), RARE),
    row('F2 0F 5A /r', 'cvtsd2ss', 'Vx Wq', scalarConversion(64), RARE),
    row('NP 0F 5B /r', 'cvtdq2ps', 'Vx Wx', vectorConversion(4, 32, 32, single), RARE),
    row('66 0F 5B /r', 'cvtps2dq', 'Vx Wx', vectorConversion(4, 32, 32, integers(32, false)), RARE),
    row('F3 0F 5B /r', 'cvttps2dq', 'Vx Wx', vectorConversion(4, 32, 32, integers(32, true)), RARE),
    row('66 0F E6 /r', 'cvttpd2dq', 'Vx Wx', vectorConversion(2, 64, 32, integers(64, true)), RARE),
    row('F3 0F E6 /r', 'cvtdq2pd', 'Vx Wq', vectorConversion(2, 32, 64, double), RARE),
    row('F2 0F E6 /r', 'cvtpd2dq', 'Vx Wx', vectorConversion(2, 64, 32, integers(64, false)), RARE),
    row('NP 0F 2A /r', 'cvtpi2ps', 'Vx Qq', fromMmx(32), RARE),
    row('66 0F 2A /r', 'cvtpi2pd', 'Vx Qq', fromMmx(64), RARE),
    row('F3 0F 2A /r', 'cvtsi2ss', 'Vx Ey', fromGeneral(32), RARE),
    row('F2 0F 2A /r', 'cvtsi2sd', 'Vx Ey', fromGeneral(64)),
    row('NP 0F 2C /r', 'cvttps2pi', 'Pq Wq', toMmx(32, true), RARE),
    row('66 0F 2C /r', 'cvttpd2pi', 'Pq Wx', toMmx(64, true), RARE),
    row('F3 0F 2C /r', 'cvttss2si', 'Gy Wd', toGeneral(32, true), RARE),
    row('F2 0F 2C /r', 'cvttsd2si', 'Gy Wq', toGeneral(64, true), RARE),
    row('NP 0F 2D /r', 'cvtps2pi', 'Pq Wq', toMmx(32, false), RARE),
    row('66 0F 2D /r', 'cvtpd2pi', 'Pq Wx', toMmx(64, false), RARE),
    row('F3 0F 2D /r', 'cvtss2si', 'Gy Wd', toGeneral(32, false), RARE),
    row('F2 0F 2D /r', 'cvtsd2si', 'Gy Wq', toGeneral(64, false), RARE),
  ];
}
