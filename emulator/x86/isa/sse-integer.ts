import { Int } from '../wasm/int.ts';
import { run, Vec, type VectorOperation } from '../wasm/vec.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';
import {
  combine,
  horizontal,
  multiplyAddBytes,
  multiplyEven,
  multiplyHigh,
  multiplyRound,
  pack,
  shiftArithmetic,
  shiftedArithmetic,
  shiftedLogical,
  shiftLogical,
  shuffleBytes,
  sign,
  sumOfDifferences,
  unpackHigh,
  unpackLow,
} from './sse-lanes.ts';
import { enterMmx, lowVector, requireX87, setMmx, setVector, vector } from './sse-operands.ts';
import { both, lanes, xmm } from './sse-packed.ts';
import {
  align,
  blendImmediate,
  blendVariable,
  byteShift,
  extend,
  selectorIndices,
  shuffleElements,
  shuffleFloats,
} from './sse-shuffles.ts';

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
