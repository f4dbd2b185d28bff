import { STATE_XMM } from '../cpu/layout.ts';
import type { FunctionBody } from '../wasm/function-body.ts';
import { Int } from '../wasm/int.ts';
import { run, Vec, type VectorOperation } from '../wasm/vec.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';
import { enterMmx, lowBits, lowVector, requireX87, setMmx, setVector, vector } from './sse-operands.ts';

/** Value of the destination from its old value and the source. `wide`: 128-bit registers, else the low 64 bits count. */
type Operation = (a: Vec, b: Vec, e: Emitter, wide: boolean) => Vec;

const lanes =
  (operation: VectorOperation): Operation =>
  (a, b) =>
    a.binary(operation, b);

/** For operations whose 64-bit form is the low half of the 128-bit form. */
function xmmSemantics(operation: Operation): Semantics {
  return (e) => {
    e.requireFpu();
    const source = vector(e, 1);
    const destination = vector(e, 0);
    setVector(e, 0, operation(destination, source, e, true));
  };
}

function mmxSemantics(operation: Operation, bits: 32 | 64 = 64): Semantics {
  return (e) => {
    requireX87(e);
    const source = lowVector(e, 1, bits);
    const destination = lowVector(e, 0, 64);
    const result = e.let(operation(destination, source, e, false).lane64(0));
    enterMmx(e);
    setMmx(e, 0, result);
  };
}

/** The inline ones are those that compilers and the C library use all the time. */
const INLINE = new Set(['pxor', 'por', 'pand', 'pcmpeqb', 'paddd', 'paddq', 'punpcklqdq', 'pminub']);

function both(opcode: string, name: string, operation: Operation, mmxBits: 32 | 64 = 64): Row[] {
  return [
    row(`NP 0F ${opcode} /r`, name, mmxBits === 32 ? 'Pq Qd' : 'Pq Qq', mmxSemantics(operation, mmxBits), {
      routine: true,
    }),
    xmm(opcode, name, operation),
  ];
}

function xmm(opcode: string, name: string, operation: Operation): Row {
  return row(`66 0F ${opcode} /r`, name, 'Vx Wx', xmmSemantics(operation), INLINE.has(name) ? {} : { routine: true });
}

// ---- Lane plumbing

const interleave = (bytes: number, high: boolean): number[] =>
  Array.from({ length: 16 }, (_, i) => {
    const element = Math.floor(i / (2 * bytes)) + (high ? 8 / bytes : 0);
    const other = Math.floor(i / bytes) % 2 === 1;
    return element * bytes + (i % bytes) + (other ? 16 : 0);
  });

const unpackLow =
  (bytes: number): Operation =>
  (a, b) =>
    a.shuffle(b, interleave(bytes, false));

/** The high halves of 64-bit operands meet in the upper half of the low interleaving. */
const unpackHigh =
  (bytes: number): Operation =>
  (a, b, _e, wide) => {
    if (wide) return a.shuffle(b, interleave(bytes, true));
    const low = a.shuffle(b, interleave(bytes, false));
    return low.shuffle(low, [...run(8, 8), ...run(8, 8)]);
  };

/** Both 64-bit operands in one vector, destination low. */
const joined = (a: Vec, b: Vec): Vec => a.shuffle(b, [...run(0, 8), ...run(16, 8)]);

const pack =
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

const horizontal =
  (operation: VectorOperation, bytes: number): Operation =>
  (a, b, _e, wide) =>
    evenOdd(a, b, bytes, wide, false).binary(operation, evenOdd(a, b, bytes, wide, true));

// ---- Multiplication

/** Upper 16 bits of the 16 × 16 bit products. */
const multiplyHigh =
  (signed: boolean): Operation =>
  (a, b) => {
    const kind = signed ? 'S' : 'U';
    const low = a.binary(`multiplyLow${kind}16`, b);
    const high = a.binary(`multiplyHigh${kind}16`, b);
    return low.shuffle(high, [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31]);
  };

/** PMULHRSW: ((a × b >> 14) + 1) >> 1, low 16 bits. */
const multiplyRound: Operation = (a, b) => {
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
const multiplyEven =
  (signed: boolean): Operation =>
  (a, b) =>
    a.shuffle(a, EVEN_DWORDS).binary(signed ? 'multiplyLowS32' : 'multiplyLowU32', b.shuffle(b, EVEN_DWORDS));

/** PMADDUBSW: unsigned destination bytes by signed source bytes, pairs added with saturation. */
const multiplyAddBytes: Operation = (a, b) => {
  const even = a
    .binary('and', Vec.words(0xff))
    .binary('mul16', b.shift('shl16', Int.constant(32, 8)).shift('shrS16', Int.constant(32, 8)));
  const odd = a.shift('shrU16', Int.constant(32, 8)).binary('mul16', b.shift('shrS16', Int.constant(32, 8)));
  return even.binary('addSatS16', odd);
};

/** PSADBW: sums of absolute differences in the low word of each 64-bit half. */
const sumOfDifferences: Operation = (a, b, e) => {
  const difference = a.binary('subSatU8', b).binary('or', b.binary('subSatU8', a));
  const dwords = difference.unary('pairsU8').unary('pairsU16').hold(e.body);
  return dwords
    .binary('add32', dwords.shift('shrU64', Int.constant(32, 32)))
    .binary('and', Vec.constant([255, 255, 0, 0, 0, 0, 0, 0, 255, 255]));
};

/** PSIGN: negated, zeroed or kept by the sign of the source. */
const sign =
  (bits: 8 | 16 | 32): Operation =>
  (a, b) => {
    const zero = Vec.constant([]);
    const negative = zero.binary(`gtS${bits}`, b);
    const negated = a.unary(`neg${bits}`).select(negative, a);
    return negated.binary('andNot', b.binary(`eq${bits}`, zero));
  };

/** PSHUFB: index bit 7 clears; 64-bit forms use three index bits. */
const shuffleBytes: Operation = (a, b, _e, wide) => {
  const mask = wide ? 0x8f : 0x87;
  return a.binary('swizzle', b.binary('and', Vec.constant(Array.from({ length: 16 }, () => mask))));
};

// ---- Shifts by a register

function shiftCount(b: Vec, e: Emitter): Int {
  return e.let(b.lane64(0));
}

/** Logical shifts by more than the lane width give zero. */
const shiftLogical =
  (operation: VectorOperation, bits: number): Operation =>
  (a, b, e) =>
    shiftedLogical(a, shiftCount(b, e), operation, bits, e.body);

function shiftedLogical(a: Vec, count: Int, operation: VectorOperation, bits: number, body: FunctionBody): Vec {
  const inRange = body.let(count.ltU(bits));
  const mask = Vec.splat(32, Int.constant(32, 0).sub(inRange));
  return a.shift(operation, count.toI32()).binary('and', mask);
}

const shiftArithmetic =
  (operation: VectorOperation, bits: number): Operation =>
  (a, b, e) =>
    shiftedArithmetic(a, shiftCount(b, e), operation, bits);

function shiftedArithmetic(a: Vec, count: Int, operation: VectorOperation, bits: number): Vec {
  return a.shift(operation, count.toI32().select(count.ltU(bits), bits - 1));
}

/** 71, 72, 73 groups: count in the immediate. */
function shiftGroup(
  opcode: string,
  name: string,
  operation: VectorOperation,
  bits: number,
  arithmetic: boolean,
): Row[] {
  const shifted = (a: Vec, e: Emitter): Vec => {
    const count = e.let(e.immediate(8));
    return arithmetic
      ? shiftedArithmetic(a, count, operation, bits)
      : shiftedLogical(a, count, operation, bits, e.body);
  };
  return [
    row(
      `NP 0F ${opcode}`,
      name,
      'Nq Ib',
      (e) => {
        requireX87(e);
        const result = e.let(shifted(lowVector(e, 0, 64), e).lane64(0));
        enterMmx(e);
        setMmx(e, 0, result);
      },
      { routine: true },
    ),
    row(
      `66 0F ${opcode}`,
      name,
      'Ux Ib',
      (e) => {
        e.requireFpu();
        setVector(e, 0, shifted(vector(e, 0), e));
      },
      { routine: true },
    ),
  ];
}

/** PSLLDQ, PSRLDQ: whole bytes, by an index vector. */
function byteShift(encoding: string, name: string, left: boolean): Row {
  return row(
    encoding,
    name,
    'Ux Ib',
    (e) => {
      e.requireFpu();
      const value = e.let(e.immediate(8));
      const count = e.let(value.select(value.ltU(16), 16));
      const shift = Vec.splat(8, count);
      const identity = Vec.constant(run(0, 16));
      // Indices of 16 and more read zero; a left shift's negative ones wrap to more than 16.
      const indices = left ? identity.binary('sub8', shift) : identity.binary('add8', shift);
      setVector(e, 0, vector(e, 0).binary('swizzle', indices));
    },
    { routine: true },
  );
}

/** PALIGNR: destination above source, shifted right by bytes. */
function align(wide: boolean): Semantics {
  return (e) => {
    if (wide) e.requireFpu();
    else requireX87(e);
    const value = e.let(e.immediate(8));
    const limit = wide ? 32 : 16;
    const count = e.let(value.select(value.ltU(limit), limit));
    const identity = Vec.constant(run(0, 16));
    const source = wide ? vector(e, 1) : lowVector(e, 1, 64);
    const destination = wide ? vector(e, 0) : lowVector(e, 0, 64);
    const indices = identity.binary('add8', Vec.splat(8, count)).hold(e.body);
    if (wide) {
      // Below 16 the index falls into the source, from 16 on into the destination; others read zero.
      const upper = indices.binary('sub8', Vec.splat(8, Int.constant(32, 16)));
      const result = source.binary('swizzle', indices).binary('or', destination.binary('swizzle', upper));
      setVector(e, 0, result);
      return;
    }
    const result = e.let(joined(source, destination).binary('swizzle', indices).lane64(0));
    enterMmx(e);
    setMmx(e, 0, result);
  };
}

/** PSHUFD and relatives: two immediate bits choose each element; the rest of the vector is copied. */
function shuffleElements(bytes: 2 | 4, first: number): Semantics {
  return (e) => {
    e.requireFpu();
    const source = vector(e, 1);
    setVector(e, 0, source.binary('swizzle', selectorIndices(e, bytes, first)));
  };
}

/** Byte indices for four elements from `first` on, chosen by the immediate. */
function selectorIndices(e: Emitter, bytes: 2 | 4, first: number): Vec {
  const immediate = e.let(e.immediate(8));
  const identity = run(0, 16);
  const size = 4 * bytes;
  const fixed = identity.map((at) => (at >= first && at < first + size ? first + (at % bytes) : at));
  // Element number times its size, in every byte of the element it goes to.
  const chosen = [0, 1, 2, 3].map((element) =>
    e.let(
      immediate
        .shrU(2 * element)
        .and(3)
        .mul(bytes === 4 ? 0x04040404 : 0x0202),
    ),
  ) as [Int, Int, Int, Int];
  const low = (index: number): Int => (chosen[index] as Int).toI64U();
  if (bytes === 4) {
    const lower = low(0).or(low(1).shl(32));
    const upper = low(2).or(low(3).shl(32));
    return combine(lower, upper).binary('add8', Vec.constant(fixed));
  }
  const four = low(0).or(low(1).shl(16)).or(low(2).shl(32)).or(low(3).shl(48));
  const zero = Int.constant(64, 0);
  const added = first === 0 ? combine(four, zero) : combine(zero, four);
  return added.binary('add8', Vec.constant(fixed));
}

function combine(low: Int, high: Int): Vec {
  return Vec.splat(64, low).shuffle(Vec.splat(64, high), [...run(0, 8), ...run(24, 8)]);
}

/** SHUFPS, SHUFPD: low elements from the destination, high ones from the source. */
const shuffleFloats =
  (bits: 32 | 64): Semantics =>
  (e) => {
    e.requireFpu();
    const source = vector(e, 1);
    const destination = vector(e, 0);
    if (bits === 32) {
      const indices = selectorIndices(e, 4, 0).hold(e.body);
      const low = destination.binary('swizzle', indices);
      const high = source.binary('swizzle', indices);
      setVector(e, 0, low.shuffle(high, [...run(0, 8), ...run(24, 8)]));
      return;
    }
    const immediate = e.let(e.immediate(8));
    const pick = (from: Vec, bit: number): Int =>
      e.let(from.lane64(1).select(immediate.shrU(bit).and(1), from.lane64(0)));
    setVector(e, 0, combine(pick(destination, 0), pick(source, 1)));
  };

/** PMOVSX, PMOVZX: a chain of extensions of the low lanes. */
function extend(opcode: string, name: string, memory: 'q' | 'd' | 'w', steps: readonly VectorOperation[]): Row {
  return row(
    `66 0F 38 ${opcode} /r`,
    name,
    `Vx W${memory}`,
    (e) => {
      e.requireFpu();
      let value: Vec;
      if (memory === 'w') value = Vec.splat(16, e.let(e.isMemory(1) ? e.read(1, 16) : lowBits(e, 1, 16)));
      else value = lowVector(e, 1, memory === 'q' ? 64 : 32);
      for (const step of steps) value = value.unary(step);
      setVector(e, 0, value);
    },
    { routine: true },
  );
}

/** PBLENDVB, BLENDVPS, BLENDVPD: sign bits of XMM0 choose the source. */
function blendVariable(opcode: string, name: string, bits: 8 | 32 | 64): Row {
  return xmm(opcode, name, (a, b, e) => {
    const mask = Vec.load(Int.constant(32, 0), STATE_XMM);
    const zero = Vec.constant([]);
    return b.select(zero.binary(`gtS${bits}`, mask).hold(e.body), a);
  });
}

/** BLENDPS, BLENDPD, PBLENDW: immediate bits choose the source. */
function blendImmediate(opcode: string, name: string, bits: 16 | 32 | 64): Row {
  return row(
    `66 0F 3A ${opcode} /r`,
    name,
    'Vx Wx Ib',
    (e) => {
      e.requireFpu();
      const source = vector(e, 1);
      const bytes = bits / 8;
      const weights = Array.from({ length: 16 }, (_, i) => (i % bytes === 0 ? 1 << Math.floor(i / bytes) : 0));
      const selected = Vec.splat(bits === 16 ? 16 : bits, e.immediate(8).toWidth(bits === 64 ? 64 : 32));
      const weight = Vec.constant(weights);
      const mask = selected.binary('and', weight).binary(`eq${bits}`, weight).hold(e.body);
      setVector(e, 0, source.select(mask, vector(e, 0)));
    },
    { routine: true },
  );
}

/** PTEST: ZF when the AND is zero, CF when source AND NOT destination is. */
const test: Semantics = (e) => {
  e.requireFpu();
  const source = vector(e, 1);
  const destination = vector(e, 0);
  const zero = source.binary('and', destination).bits('anyTrue').eqz();
  const carry = source.binary('andNot', destination).bits('anyTrue').eqz();
  e.flags.fromWord(carry.or(zero.shl(6)), Int.constant(32, 0));
};

/** PHMINPOSUW: smallest word and its index. */
const minimumPosition: Semantics = (e) => {
  e.requireFpu();
  const source = vector(e, 1);
  const low = e.let(source.lane64(0));
  const high = e.let(source.lane64(1));
  // Word in bits 31:16, index below: the smallest of these is the answer, the first among equals.
  let best: Int | undefined;
  for (let index = 0; index < 8; index++) {
    const half = index < 4 ? low : high;
    const word = half
      .shrU(16 * (index % 4))
      .toI32()
      .and(0xffff);
    const candidate = e.let(word.shl(3).or(Int.constant(32, index)));
    best = best === undefined ? candidate : e.let(best.select(best.leU(candidate), candidate));
  }
  const answer = best as Int;
  setVector(e, 0, combine(answer.shrU(3).or(answer.and(7).shl(16)).toI64U(), Int.constant(64, 0)));
};

/** MPSADBW: eight sums of four absolute differences; the immediate chooses the offsets. */
const multipleSums: Semantics = (e) => {
  e.requireFpu();
  const source = vector(e, 1);
  const destination = vector(e, 0);
  const immediate = e.let(e.immediate(8));
  const block = source
    .binary('swizzle', Vec.constant(run(0, 16).map((i) => i % 4)).binary('add8', Vec.splat(8, immediate.and(3).shl(2))))
    .hold(e.body);
  const offset = Vec.splat(8, immediate.and(4));
  const sums = [0, 1].map((part) => {
    // Four windows of four bytes each: windows 4·part … 4·part + 3.
    const indices = Vec.constant(run(0, 16).map((i) => 4 * part + Math.floor(i / 4) + (i % 4))).binary('add8', offset);
    const windows = destination.binary('swizzle', indices).hold(e.body);
    const difference = windows.binary('subSatU8', block).binary('or', block.binary('subSatU8', windows));
    return difference.unary('pairsU8').unary('pairsU16').hold(e.body);
  }) as [Vec, Vec];
  setVector(e, 0, sums[0].binary('narrow32U', sums[1]));
};

export const SSE_INTEGER: readonly Row[] = [
  ...both('60', 'punpcklbw', unpackLow(1), 32),
  ...both('61', 'punpcklwd', unpackLow(2), 32),
  ...both('62', 'punpckldq', unpackLow(4), 32),
  ...both('63', 'packsswb', pack('narrow16S')),
  ...both('64', 'pcmpgtb', lanes('gtS8')),
  ...both('65', 'pcmpgtw', lanes('gtS16')),
  ...both('66', 'pcmpgtd', lanes('gtS32')),
  ...both('67', 'packuswb', pack('narrow16U')),
  ...both('68', 'punpckhbw', unpackHigh(1)),
  ...both('69', 'punpckhwd', unpackHigh(2)),
  ...both('6A', 'punpckhdq', unpackHigh(4)),
  ...both('6B', 'packssdw', pack('narrow32S')),
  xmm('6C', 'punpcklqdq', (a, b) => a.shuffle(b, [...run(0, 8), ...run(16, 8)])),
  xmm('6D', 'punpckhqdq', (a, b) => a.shuffle(b, [...run(8, 8), ...run(24, 8)])),
  row('66 0F 70 /r', 'pshufd', 'Vx Wx Ib', shuffleElements(4, 0), { routine: true }),
  row('F3 0F 70 /r', 'pshufhw', 'Vx Wx Ib', shuffleElements(2, 8), { routine: true }),
  row('F2 0F 70 /r', 'pshuflw', 'Vx Wx Ib', shuffleElements(2, 0), { routine: true }),
  row(
    'NP 0F 70 /r',
    'pshufw',
    'Pq Qq Ib',
    (e) => {
      requireX87(e);
      const source = lowVector(e, 1, 64);
      const result = e.let(source.binary('swizzle', selectorIndices(e, 2, 0)).lane64(0));
      enterMmx(e);
      setMmx(e, 0, result);
    },
    { routine: true },
  ),
  row('NP 0F C6 /r', 'shufps', 'Vx Wx Ib', shuffleFloats(32), { routine: true }),
  row('66 0F C6 /r', 'shufpd', 'Vx Wx Ib', shuffleFloats(64), { routine: true }),
  ...shiftGroup('71 /2', 'psrlw', 'shrU16', 16, false),
  ...shiftGroup('71 /4', 'psraw', 'shrS16', 16, true),
  ...shiftGroup('71 /6', 'psllw', 'shl16', 16, false),
  ...shiftGroup('72 /2', 'psrld', 'shrU32', 32, false),
  ...shiftGroup('72 /4', 'psrad', 'shrS32', 32, true),
  ...shiftGroup('72 /6', 'pslld', 'shl32', 32, false),
  ...shiftGroup('73 /2', 'psrlq', 'shrU64', 64, false),
  ...shiftGroup('73 /6', 'psllq', 'shl64', 64, false),
  byteShift('66 0F 73 /3', 'psrldq', false),
  byteShift('66 0F 73 /7', 'pslldq', true),
  ...both('74', 'pcmpeqb', lanes('eq8')),
  ...both('75', 'pcmpeqw', lanes('eq16')),
  ...both('76', 'pcmpeqd', lanes('eq32')),
  ...both('D1', 'psrlw', shiftLogical('shrU16', 16)),
  ...both('D2', 'psrld', shiftLogical('shrU32', 32)),
  ...both('D3', 'psrlq', shiftLogical('shrU64', 64)),
  ...both('D4', 'paddq', lanes('add64')),
  ...both('D5', 'pmullw', lanes('mul16')),
  ...both('D8', 'psubusb', lanes('subSatU8')),
  ...both('D9', 'psubusw', lanes('subSatU16')),
  ...both('DA', 'pminub', lanes('minU8')),
  ...both('DB', 'pand', lanes('and')),
  ...both('DC', 'paddusb', lanes('addSatU8')),
  ...both('DD', 'paddusw', lanes('addSatU16')),
  ...both('DE', 'pmaxub', lanes('maxU8')),
  ...both('DF', 'pandn', (a, b) => b.binary('andNot', a)),
  ...both('E0', 'pavgb', lanes('average8')),
  ...both('E1', 'psraw', shiftArithmetic('shrS16', 16)),
  ...both('E2', 'psrad', shiftArithmetic('shrS32', 32)),
  ...both('E3', 'pavgw', lanes('average16')),
  ...both('E4', 'pmulhuw', multiplyHigh(false)),
  ...both('E5', 'pmulhw', multiplyHigh(true)),
  ...both('E8', 'psubsb', lanes('subSatS8')),
  ...both('E9', 'psubsw', lanes('subSatS16')),
  ...both('EA', 'pminsw', lanes('minS16')),
  ...both('EB', 'por', lanes('or')),
  ...both('EC', 'paddsb', lanes('addSatS8')),
  ...both('ED', 'paddsw', lanes('addSatS16')),
  ...both('EE', 'pmaxsw', lanes('maxS16')),
  ...both('EF', 'pxor', lanes('xor')),
  ...both('F1', 'psllw', shiftLogical('shl16', 16)),
  ...both('F2', 'pslld', shiftLogical('shl32', 32)),
  ...both('F3', 'psllq', shiftLogical('shl64', 64)),
  ...both('F4', 'pmuludq', multiplyEven(false)),
  ...both('F5', 'pmaddwd', lanes('dot16')),
  ...both('F6', 'psadbw', sumOfDifferences),
  ...both('F8', 'psubb', lanes('sub8')),
  ...both('F9', 'psubw', lanes('sub16')),
  ...both('FA', 'psubd', lanes('sub32')),
  ...both('FB', 'psubq', lanes('sub64')),
  ...both('FC', 'paddb', lanes('add8')),
  ...both('FD', 'paddw', lanes('add16')),
  ...both('FE', 'paddd', lanes('add32')),
  // SSSE3
  ...both('38 00', 'pshufb', shuffleBytes),
  ...both('38 01', 'phaddw', horizontal('add16', 2)),
  ...both('38 02', 'phaddd', horizontal('add32', 4)),
  ...both('38 03', 'phaddsw', horizontal('addSatS16', 2)),
  ...both('38 04', 'pmaddubsw', multiplyAddBytes),
  ...both('38 05', 'phsubw', horizontal('sub16', 2)),
  ...both('38 06', 'phsubd', horizontal('sub32', 4)),
  ...both('38 07', 'phsubsw', horizontal('subSatS16', 2)),
  ...both('38 08', 'psignb', sign(8)),
  ...both('38 09', 'psignw', sign(16)),
  ...both('38 0A', 'psignd', sign(32)),
  ...both('38 0B', 'pmulhrsw', multiplyRound),
  ...both('38 1C', 'pabsb', (_a, b) => b.unary('abs8')),
  ...both('38 1D', 'pabsw', (_a, b) => b.unary('abs16')),
  ...both('38 1E', 'pabsd', (_a, b) => b.unary('abs32')),
  row('66 0F 3A 0F /r', 'palignr', 'Vx Wx Ib', align(true), { routine: true }),
  row('NP 0F 3A 0F /r', 'palignr', 'Pq Qq Ib', align(false), { routine: true }),
  // SSE4.1 and 4.2
  blendVariable('38 10', 'pblendvb', 8),
  blendVariable('38 14', 'blendvps', 32),
  blendVariable('38 15', 'blendvpd', 64),
  row('66 0F 38 17 /r', 'ptest', 'Vx Wx', test, { routine: true }),
  extend('20', 'pmovsxbw', 'q', ['extendLowS8']),
  extend('21', 'pmovsxbd', 'd', ['extendLowS8', 'extendLowS16']),
  extend('22', 'pmovsxbq', 'w', ['extendLowS8', 'extendLowS16', 'extendLowS32']),
  extend('23', 'pmovsxwd', 'q', ['extendLowS16']),
  extend('24', 'pmovsxwq', 'd', ['extendLowS16', 'extendLowS32']),
  extend('25', 'pmovsxdq', 'q', ['extendLowS32']),
  xmm('38 28', 'pmuldq', multiplyEven(true)),
  xmm('38 29', 'pcmpeqq', lanes('eq64')),
  xmm('38 2B', 'packusdw', lanes('narrow32U')),
  extend('30', 'pmovzxbw', 'q', ['extendLowU8']),
  extend('31', 'pmovzxbd', 'd', ['extendLowU8', 'extendLowU16']),
  extend('32', 'pmovzxbq', 'w', ['extendLowU8', 'extendLowU16', 'extendLowU32']),
  extend('33', 'pmovzxwd', 'q', ['extendLowU16']),
  extend('34', 'pmovzxwq', 'd', ['extendLowU16', 'extendLowU32']),
  extend('35', 'pmovzxdq', 'q', ['extendLowU32']),
  xmm('38 37', 'pcmpgtq', lanes('gtS64')),
  xmm('38 38', 'pminsb', lanes('minS8')),
  xmm('38 39', 'pminsd', lanes('minS32')),
  xmm('38 3A', 'pminuw', lanes('minU16')),
  xmm('38 3B', 'pminud', lanes('minU32')),
  xmm('38 3C', 'pmaxsb', lanes('maxS8')),
  xmm('38 3D', 'pmaxsd', lanes('maxS32')),
  xmm('38 3E', 'pmaxuw', lanes('maxU16')),
  xmm('38 3F', 'pmaxud', lanes('maxU32')),
  xmm('38 40', 'pmulld', lanes('mul32')),
  row('66 0F 38 41 /r', 'phminposuw', 'Vx Wx', minimumPosition, { routine: true }),
  blendImmediate('0C', 'blendps', 32),
  blendImmediate('0D', 'blendpd', 64),
  blendImmediate('0E', 'pblendw', 16),
  row('66 0F 3A 42 /r', 'mpsadbw', 'Vx Wx Ib', multipleSums, { routine: true }),
];
