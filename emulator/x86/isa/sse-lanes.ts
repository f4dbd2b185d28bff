import type { FunctionBody } from '../wasm/function-body.ts';
import { Int } from '../wasm/int.ts';
import { run, Vec, type VectorOperation } from '../wasm/vec.ts';
import type { Emitter } from './emitter.ts';
import type { Operation } from './sse-packed.ts';

const interleave = (bytes: number, high: boolean): number[] =>
  Array.from({ length: 16 }, (_, i) => {
    const element = Math.floor(i / (2 * bytes)) + (high ? 8 / bytes : 0);
    const other = Math.floor(i / bytes) % 2 === 1;
    return element * bytes + (i % bytes) + (other ? 16 : 0);
  });

export const unpackLow =
  (bytes: number): Operation =>
  (a, b) =>
    a.shuffle(b, interleave(bytes, false));

/** The high halves of 64-bit operands meet in the upper half of the low interleaving. */
export const unpackHigh =
  (bytes: number): Operation =>
  (a, b, _e, wide) => {
    if (wide) return a.shuffle(b, interleave(bytes, true));
    const low = a.shuffle(b, interleave(bytes, false));
    return low.shuffle(low, [...run(8, 8), ...run(8, 8)]);
  };

/** Both 64-bit operands in one vector, destination low. */
export const joined = (a: Vec, b: Vec): Vec => a.shuffle(b, [...run(0, 8), ...run(16, 8)]);

export const pack =
  (operation: VectorOperation): Operation =>
  (a, b, e, wide) => {
    if (wide) return a.binary(operation, b);
    const pair = joined(a, b).hold(e.body);
    return pair.binary(operation, pair);
  };

/** Even and odd elements of destination and source, side by side: for horizontal operations. */
function evenOdd(a: Vec, b: Vec, bytes: number, wide: boolean, odd: boolean): Vec {
  const perOperand = (wide ? 16 : 8) / (2 * bytes);
  const indices: number[] = [];
  for (const base of [0, 16]) {
    for (let i = 0; i < perOperand; i++) indices.push(...run(base + (2 * i + (odd ? 1 : 0)) * bytes, bytes));
  }
  while (indices.length < 16) indices.push(0);
  return a.shuffle(b, indices);
}

export const horizontal =
  (operation: VectorOperation, bytes: number): Operation =>
  (a, b, _e, wide) =>
    evenOdd(a, b, bytes, wide, false).binary(operation, evenOdd(a, b, bytes, wide, true));

/** Upper 16 bits of the 16 × 16 bit products. */
export const multiplyHigh =
  (signed: boolean): Operation =>
  (a, b) => {
    const kind = signed ? 'S' : 'U';
    const low = a.binary(`multiplyLow${kind}16`, b);
    const high = a.binary(`multiplyHigh${kind}16`, b);
    return low.shuffle(high, [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31]);
  };

/** PMULHRSW: ((a × b >> 14) + 1) >> 1, low 16 bits. */
export const multiplyRound: Operation = (a, b) => {
  const half = (which: 'multiplyLowS16' | 'multiplyHighS16'): Vec =>
    a
      .binary(which, b)
      .shift('shrS32', Int.constant(32, 14))
      .binary('add32', Vec.constant([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]))
      .shift('shrS32', Int.constant(32, 1));
  return half('multiplyLowS16').shuffle(
    half('multiplyHighS16'),
    [0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29],
  );
};

const EVEN_DWORDS = [...run(0, 4), ...run(8, 4), ...run(0, 4), ...run(8, 4)];

/** Products of the even double words. */
export const multiplyEven =
  (signed: boolean): Operation =>
  (a, b) =>
    a.shuffle(a, EVEN_DWORDS).binary(signed ? 'multiplyLowS32' : 'multiplyLowU32', b.shuffle(b, EVEN_DWORDS));

/** PMADDUBSW: unsigned destination bytes by signed source bytes, pairs added with saturation. */
export const multiplyAddBytes: Operation = (a, b) => {
  const even = a
    .binary('and', Vec.words(0xff))
    .binary('mul16', b.shift('shl16', Int.constant(32, 8)).shift('shrS16', Int.constant(32, 8)));
  const odd = a.shift('shrU16', Int.constant(32, 8)).binary('mul16', b.shift('shrS16', Int.constant(32, 8)));
  return even.binary('addSatS16', odd);
};

/** PSADBW: sums of absolute differences in the low word of each 64-bit half. */
export const sumOfDifferences: Operation = (a, b, e) => {
  const difference = a.binary('subSatU8', b).binary('or', b.binary('subSatU8', a));
  const dwords = difference.unary('pairsU8').unary('pairsU16').hold(e.body);
  return dwords
    .binary('add32', dwords.shift('shrU64', Int.constant(32, 32)))
    .binary('and', Vec.constant([255, 255, 0, 0, 0, 0, 0, 0, 255, 255]));
};

/** PSIGN: negated, zeroed or kept by the sign of the source. */
export const sign =
  (bits: 8 | 16 | 32): Operation =>
  (a, b) => {
    const zero = Vec.constant([]);
    const negative = zero.binary(`gtS${bits}`, b);
    const negated = a.unary(`neg${bits}`).select(negative, a);
    return negated.binary('andNot', b.binary(`eq${bits}`, zero));
  };

/** PSHUFB: index bit 7 clears; 64-bit forms use three index bits. */
export const shuffleBytes: Operation = (a, b, _e, wide) => {
  const mask = wide ? 0x8f : 0x87;
  return a.binary('swizzle', b.binary('and', Vec.constant(Array.from({ length: 16 }, () => mask))));
};

// ---- Shifts by a register

function shiftCount(b: Vec, e: Emitter): Int {
  return e.let(b.lane64(0));
}

/** Logical shifts by more than the lane width give zero. */
export const shiftLogical =
  (operation: VectorOperation, bits: number): Operation =>
  (a, b, e) =>
    shiftedLogical(a, shiftCount(b, e), operation, bits, e.body);

export function shiftedLogical(a: Vec, count: Int, operation: VectorOperation, bits: number, body: FunctionBody): Vec {
  const inRange = body.let(count.ltU(bits));
  const mask = Vec.splat(32, Int.constant(32, 0).sub(inRange));
  return a.shift(operation, count.toI32()).binary('and', mask);
}

export const shiftArithmetic =
  (operation: VectorOperation, bits: number): Operation =>
  (a, b, e) =>
    shiftedArithmetic(a, shiftCount(b, e), operation, bits);

export function shiftedArithmetic(a: Vec, count: Int, operation: VectorOperation, bits: number): Vec {
  return a.shift(operation, count.toI32().select(count.ltU(bits), bits - 1));
}

export function combine(low: Int, high: Int): Vec {
  return Vec.splat(64, low).shuffle(Vec.splat(64, high), [...run(0, 8), ...run(24, 8)]);
}
