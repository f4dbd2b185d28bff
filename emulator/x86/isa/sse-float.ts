import {
  ADD,
  DIRECTION,
  DIVIDE,
  MULTIPLY,
  SUBTRACT,
  VECTOR_DESTINATION,
  VECTOR_RESULT,
  VECTOR_SOURCE,
} from '../fpu/slots.ts';
import { type FloatOperation, floatBinary, floatSquareRoot } from '../wasm/float.ts';
import { Int } from '../wasm/int.ts';
import { Vec } from '../wasm/vec.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';
import { type Bits, begin, constant, element, finish, lane, RARE, zero } from './sse-float-operands.ts';
import { lowBits, setVector, vector } from './sse-operands.ts';

/**
 * Rounding to nearest, all exceptions masked, PRECISION already set: then an operation on normal numbers with a normal
 * result changes nothing but its destination.
 */
const quietMode = (e: Emitter): Int => e.mxcsr().and(0x7fa0).eq(0x1fa0);

/** The exponent is neither that of zeros and denormals nor, by `margin`, near them, nor that of infinities. */
function isNormal(bits: Int, margin: number): Int {
  const [fraction, top] = bits.width === 32 ? [23, 0xff] : [52, 0x7ff];
  return bits
    .shrU(fraction)
    .toI32()
    .and(top)
    .sub(margin)
    .ltU(top - margin);
}

/** One operation in all lanes, collecting exceptions; `result` yields a lane's bits. */
function eachLane(e: Emitter, bits: Bits, result: (a: Int, b: Int, lane: number) => Int): void {
  e.requireFpu();
  vector(e, 1).store(e.body, constant(VECTOR_SOURCE));
  vector(e, 0).store(e.body, constant(VECTOR_DESTINATION));
  begin(e);
  for (let at = 0; at < 16; at += bits / 8) {
    const a = e.body.load(bits, zero, VECTOR_DESTINATION + at);
    const b = e.body.load(bits, zero, VECTOR_SOURCE + at);
    e.body.store(bits, zero, result(a, b, (at * 8) / bits), VECTOR_RESULT + at);
  }
  finish(e);
  setVector(e, 0, Vec.load(zero, VECTOR_RESULT));
}

/** A lane of the vectors that `eachLane` has put aside. */
const sourceLane = (e: Emitter, bits: Bits, index: number): Int =>
  e.body.load(bits, zero, VECTOR_SOURCE + (index * bits) / 8);

const destinationLane = (e: Emitter, bits: Bits, index: number): Int =>
  e.body.load(bits, zero, VECTOR_DESTINATION + (index * bits) / 8);

export function arithmetic(e: Emitter, bits: Bits, operation: number, a: Int, b: Int): Int {
  return e.body.result(lane(e, 'arithmetic', bits), [constant(operation), a, b], bits);
}

/** The four variants of an opcode: packed and scalar, single and double. */
function variants(
  opcode: string,
  name: string,
  operands: string,
  packed: (bits: Bits) => Semantics,
  scalar: (bits: Bits) => Semantics,
  inline: boolean,
): Row[] {
  const scalarTraits = inline ? {} : RARE;
  return [
    row(`NP 0F ${opcode} /r`, `${name}ps`, `Vx Wx${operands}`, packed(32), RARE),
    row(`66 0F ${opcode} /r`, `${name}pd`, `Vx Wx${operands}`, packed(64), RARE),
    row(`F3 0F ${opcode} /r`, `${name}ss`, `Vx Wd${operands}`, scalar(32), scalarTraits),
    row(`F2 0F ${opcode} /r`, `${name}sd`, `Vx Wq${operands}`, scalar(64), scalarTraits),
  ];
}

function arithmeticRows(opcode: string, name: string, operation: number, quick: FloatOperation): Row[] {
  const packed =
    (bits: Bits): Semantics =>
    (e) =>
      eachLane(e, bits, (a, b) => arithmetic(e, bits, operation, a, b));
  const scalar =
    (bits: Bits): Semantics =>
    (e) => {
      e.requireFpu();
      const b = element(e, 1, bits);
      const a = lowBits(e, 0, bits);
      const result = e.let(floatBinary(quick, a, b));
      const ordinary = isNormal(a, 1).and(isNormal(b, 1)).and(isNormal(result, 2)).and(quietMode(e));
      e.body.if(
        ordinary.eqz(),
        () => {
          begin(e);
          const exact = e.let(arithmetic(e, bits, operation, a, b));
          finish(e);
          e.body.store(bits, e.registerAddress(0), exact);
        },
        () => e.body.store(bits, e.registerAddress(0), result),
      );
    };
  return variants(opcode, name, '', packed, scalar, true);
}

function squareRootRows(): Row[] {
  const call = (e: Emitter, bits: Bits, a: Int): Int => e.body.result(lane(e, 'squareRoot', bits), [a], bits);
  const scalar =
    (bits: Bits): Semantics =>
    (e) => {
      e.requireFpu();
      const a = element(e, 1, bits);
      begin(e);
      const result = e.let(call(e, bits, a));
      finish(e);
      e.body.store(bits, e.registerAddress(0), result);
    };
  return variants('51', 'sqrt', '', (bits) => (e) => eachLane(e, bits, (_a, b) => call(e, bits, b)), scalar, false);
}

function extremeRows(opcode: string, name: string, maximum: 0 | 1): Row[] {
  const call = (e: Emitter, bits: Bits, a: Int, b: Int): Int =>
    e.body.result(lane(e, 'extreme', bits), [a, b, constant(maximum)], bits);
  const scalar =
    (bits: Bits): Semantics =>
    (e) => {
      e.requireFpu();
      const b = element(e, 1, bits);
      begin(e);
      const result = e.let(call(e, bits, lowBits(e, 0, bits), b));
      finish(e);
      e.body.store(bits, e.registerAddress(0), result);
    };
  return variants(opcode, name, '', (bits) => (e) => eachLane(e, bits, (a, b) => call(e, bits, a, b)), scalar, false);
}

/** CMPccPS and so on: all ones where the predicate in the immediate holds (SDM vol. 2, CMPPD, table 3-1). */
function comparisonRows(): Row[] {
  const mask = (e: Emitter, bits: Bits, a: Int, b: Int): Int => {
    const predicate = e.let(e.immediate(8).and(7));
    // 1, 2, 5, 6 (less, less or equal, and their negations) are invalid for quiet NaNs too.
    const signals = predicate.and(3).sub(1).ltU(2);
    const found = e.let(e.body.result(lane(e, 'relation', bits), [a, b, signals], 32));
    const equal = found.eqz();
    const less = found.eq(1);
    const unordered = found.eq(3);
    const kind = e.let(predicate.and(3));
    const holds = equal.select(kind.eqz(), less.select(kind.eq(1), less.or(equal).select(kind.eq(2), unordered)));
    const result = e.let(holds.xor(predicate.shrU(2)));
    return Int.constant(bits, 0).sub(result.toWidth(bits));
  };
  const scalar =
    (bits: Bits): Semantics =>
    (e) => {
      e.requireFpu();
      const b = element(e, 1, bits);
      begin(e);
      const result = e.let(mask(e, bits, lowBits(e, 0, bits), b));
      finish(e);
      e.body.store(bits, e.registerAddress(0), result);
    };
  return variants('C2', 'cmp', ' Ib', (bits) => (e) => eachLane(e, bits, (a, b) => mask(e, bits, a, b)), scalar, false);
}

/** COMISS, UCOMISD …: ZF PF CF tell; OF SF AF are cleared. */
function flagComparison(bits: Bits, quietIsInvalid: 0 | 1): Semantics {
  return (e) => {
    e.requireFpu();
    const b = element(e, 1, bits);
    begin(e);
    const found = e.let(
      e.body.result(lane(e, 'relation', bits), [lowBits(e, 0, bits), b, constant(quietIsInvalid)], 32),
    );
    finish(e);
    // 0 equal: ZF; 1 less: CF; 2 greater: none; 3 unordered: ZF PF CF.
    e.flags.fromWord(constant(0x45).select(found.eq(3), constant(0x40).select(found.eqz(), found.and(1))), zero);
  };
}

function horizontalRows(): Row[] {
  /** Lane pairs of the destination, then of the source. */
  const horizontal =
    (bits: Bits, operation: number): Semantics =>
    (e) => {
      const lanes = 128 / bits;
      eachLane(e, bits, (_a, _b, index) => {
        const first = (2 * index) % lanes;
        const from = index < lanes / 2 ? destinationLane : sourceLane;
        return arithmetic(e, bits, operation, from(e, bits, first), from(e, bits, first + 1));
      });
    };
  const alternating =
    (bits: Bits): Semantics =>
    (e) =>
      eachLane(e, bits, (a, b, index) => arithmetic(e, bits, index % 2 === 0 ? SUBTRACT : ADD, a, b));
  return [
    row('66 0F 7C /r', 'haddpd', 'Vx Wx', horizontal(64, ADD), RARE),
    row('F2 0F 7C /r', 'haddps', 'Vx Wx', horizontal(32, ADD), RARE),
    row('66 0F 7D /r', 'hsubpd', 'Vx Wx', horizontal(64, SUBTRACT), RARE),
    row('F2 0F 7D /r', 'hsubps', 'Vx Wx', horizontal(32, SUBTRACT), RARE),
    row('66 0F D0 /r', 'addsubpd', 'Vx Wx', alternating(64), RARE),
    row('F2 0F D0 /r', 'addsubps', 'Vx Wx', alternating(32), RARE),
  ];
}

/** DPPS, DPPD: chosen products, summed pairwise, to chosen lanes. */
function dotProduct(bits: Bits): Semantics {
  return (e) => {
    const lanes = 128 / bits;
    const control = e.let(e.immediate(8));
    let sum: Int | undefined;
    eachLane(e, bits, (_a, _b, index) => {
      if (sum === undefined) {
        const products = Array.from({ length: lanes }, (_, i) => {
          const chosen = control.shrU(4 + i).and(1);
          return e.body.choose(
            chosen,
            () => arithmetic(e, bits, MULTIPLY, destinationLane(e, bits, i), sourceLane(e, bits, i)),
            () => Int.constant(bits, 0),
          );
        }) as [Int, Int, Int, Int];
        // Each step stops at its own unmasked exceptions.
        finish(e);
        const low = e.let(arithmetic(e, bits, ADD, products[0], products[1]));
        if (lanes === 2) sum = low;
        else {
          const high = e.let(arithmetic(e, bits, ADD, products[2], products[3]));
          finish(e);
          sum = e.let(arithmetic(e, bits, ADD, low, high));
        }
      }
      return sum.select(control.shrU(index).and(1), Int.constant(bits, 0));
    });
  };
}

/** ROUNDPS and so on: direction from the immediate or MXCSR; immediate bit 3 keeps PRECISION quiet. */
function roundRows(): Row[] {
  const rounded = (e: Emitter, bits: Bits, value: Int): Int => {
    const control = e.immediate(8);
    const direction = e.body.load(32, zero, DIRECTION).select(control.and(4), control.and(3));
    const { roundSingle, roundDouble } = e.imports.fpu.sse;
    return e.body.result(bits === 32 ? roundSingle : roundDouble, [value, direction, control.and(8)], bits);
  };
  const scalar =
    (bits: Bits): Semantics =>
    (e) => {
      e.requireFpu();
      const value = element(e, 1, bits);
      begin(e);
      const result = e.let(rounded(e, bits, value));
      finish(e);
      e.body.store(bits, e.registerAddress(0), result);
    };
  const packed =
    (bits: Bits): Semantics =>
    (e) =>
      eachLane(e, bits, (_a, b) => rounded(e, bits, b));
  return [
    row('66 0F 3A 08 /r', 'roundps', 'Vx Wx Ib', packed(32), RARE),
    row('66 0F 3A 09 /r', 'roundpd', 'Vx Wx Ib', packed(64), RARE),
    row('66 0F 3A 0A /r', 'roundss', 'Vx Wd Ib', scalar(32), RARE),
    row('66 0F 3A 0B /r', 'roundsd', 'Vx Wq Ib', scalar(64), RARE),
  ];
}

/** RCPPS, RSQRTPS: exactly rounded here, which is within their tolerance; denormals count as zeros, no exceptions. */
function approximations(): Row[] {
  const one = constant(0x3f800000);
  const infinity = constant(0x7f800000);
  const approximate = (e: Emitter, value: Int, root: boolean): Int => {
    const x = e.let(value);
    const sign = e.let(x.and(-0x80000000));
    const magnitude = e.let(x.and(0x7fffffff));
    const quotient = e.let(floatBinary('divide', one, root ? floatSquareRoot(x) : x));
    // Results below the normal range are zeros of their sign.
    const flushed = sign.select(quotient.and(0x7f800000).eqz(), quotient);
    const ordinary = root ? constant(-0x400000).select(sign, flushed) : flushed;
    const special = sign.or(infinity).select(magnitude.ltU(0x00800000), ordinary);
    return x.or(0x00400000).select(magnitude.gtU(0x7f800000), special);
  };
  const packed =
    (root: boolean): Semantics =>
    (e) => {
      e.requireFpu();
      vector(e, 1).store(e.body, constant(VECTOR_SOURCE));
      for (let at = 0; at < 16; at += 4) {
        const value = e.body.load(32, zero, VECTOR_SOURCE + at);
        e.body.store(32, e.registerAddress(0), e.let(approximate(e, value, root)), at);
      }
    };
  const scalar =
    (root: boolean): Semantics =>
    (e) => {
      e.requireFpu();
      const value = element(e, 1, 32);
      e.body.store(32, e.registerAddress(0), e.let(approximate(e, value, root)));
    };
  return [
    row('NP 0F 52 /r', 'rsqrtps', 'Vx Wx', packed(true), RARE),
    row('F3 0F 52 /r', 'rsqrtss', 'Vx Wd', scalar(true), RARE),
    row('NP 0F 53 /r', 'rcpps', 'Vx Wx', packed(false), RARE),
    row('F3 0F 53 /r', 'rcpss', 'Vx Wd', scalar(false), RARE),
  ];
}

export const SSE_FLOAT: readonly Row[] = [
  ...squareRootRows(),
  ...approximations(),
  ...arithmeticRows('58', 'add', ADD, 'add'),
  ...arithmeticRows('59', 'mul', MULTIPLY, 'multiply'),
  ...arithmeticRows('5C', 'sub', SUBTRACT, 'subtract'),
  ...extremeRows('5D', 'min', 0),
  ...arithmeticRows('5E', 'div', DIVIDE, 'divide'),
  ...extremeRows('5F', 'max', 1),
  ...comparisonRows(),
  row('NP 0F 2E /r', 'ucomiss', 'Vx Wd', flagComparison(32, 0), RARE),
  row('66 0F 2E /r', 'ucomisd', 'Vx Wq', flagComparison(64, 0)),
  row('NP 0F 2F /r', 'comiss', 'Vx Wd', flagComparison(32, 1), RARE),
  row('66 0F 2F /r', 'comisd', 'Vx Wq', flagComparison(64, 1)),
  ...horizontalRows(),
  ...roundRows(),
  row('66 0F 3A 40 /r', 'dpps', 'Vx Wx Ib', dotProduct(32), RARE),
  row('66 0F 3A 41 /r', 'dppd', 'Vx Wx Ib', dotProduct(64), RARE),
];
