import { Int } from '../wasm/int.ts';
import { run, Vec } from '../wasm/vec.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';
import { lowBits, lowVector, setVector, storeVector, unalignedVector, vector } from './sse-operands.ts';
import { maskedStore, RARE, writeGeneral, zero64 } from './sse-stores.ts';

/** Whole-register moves. Loads and stores are forms of one row each. */
export function load(aligned: boolean): Semantics {
  return (e) => {
    e.requireFpu();
    setVector(e, 0, aligned ? vector(e, 1) : unalignedVector(e, 1));
  };
}

export function store(aligned: boolean): Semantics {
  return (e) => {
    e.requireFpu();
    const value = Vec.load(e.registerAddress(1));
    if (e.isMemory(0)) storeVector(e, value, aligned);
    else setVector(e, 0, value);
  };
}

/** Scalar loads: from memory the rest is cleared, from a register it stays. */
function loadScalar(bits: 32 | 64): Semantics {
  return (e) => {
    e.requireFpu();
    if (e.isMemory(1)) setVector(e, 0, lowVector(e, 1, bits));
    else e.body.store(bits, e.registerAddress(0), lowBits(e, 1, bits));
  };
}

function storeScalar(bits: 32 | 64): Semantics {
  return (e) => {
    e.requireFpu();
    const value = lowBits(e, 1, bits);
    if (e.isMemory(0)) e.storeVirtual(bits, e.linearAddress(), value);
    else e.body.store(bits, e.registerAddress(0), value);
  };
}

/** MOVQ: the upper half is cleared whatever the source. */
const moveLow: Semantics = (e) => {
  e.requireFpu();
  setVector(e, 0, lowVector(e, 1, 64));
};

export const storeLow: Semantics = (e) => {
  e.requireFpu();
  const value = lowBits(e, 1, 64);
  if (e.isMemory(0)) e.storeVirtual(64, e.linearAddress(), value);
  else Vec.loadLow(64, e.registerAddress(1)).store(e.body, e.registerAddress(0));
};

/** MOVLPS/MOVHLPS and MOVHPS/MOVLHPS: one half of the destination. */
function loadHalf(toHigh: boolean): Semantics {
  return (e) => {
    e.requireFpu();
    // The register forms take the other half: MOVHLPS the high one, MOVLHPS the low one.
    const value = e.isMemory(1) ? e.loadVirtual(64, e.linearAddress()) : lowBits(e, 1, 64, toHigh ? 0 : 8);
    e.body.store(64, e.registerAddress(0), value, toHigh ? 8 : 0);
  };
}

function storeHalf(high: boolean): Semantics {
  return (e) => {
    e.requireFpu();
    e.storeVirtual(64, e.linearAddress(), lowBits(e, 1, 64, high ? 8 : 0));
  };
}

function arrange(indices: readonly number[], memoryBits: 64 | 128): Semantics {
  return (e) => {
    e.requireFpu();
    const source = memoryBits === 128 ? vector(e, 1) : lowVector(e, 1, 64);
    setVector(e, 0, source.shuffle(source, indices));
  };
}

function unpack(indices: readonly number[]): Semantics {
  return (e) => {
    e.requireFpu();
    const source = vector(e, 1);
    setVector(e, 0, vector(e, 0).shuffle(source, indices));
  };
}

export function mask(operation: 'bitmask8' | 'bitmask32' | 'bitmask64'): Semantics {
  return (e) => {
    e.requireFpu();
    writeGeneral(e, vector(e, 1).bits(operation));
  };
}

const GENERAL_TO_XMM: Semantics = (e) => {
  e.requireFpu();
  const value = e.let(e.read(1).toI64U());
  const address = e.registerAddress(0);
  e.body.store(64, address, value);
  e.body.store(64, address, zero64, 8);
};

const XMM_TO_GENERAL: Semantics = (e) => {
  e.requireFpu();
  e.write(0, lowBits(e, 1, e.operandSize(0)));
};

/** Byte address of the lane that the immediate's low bits choose. */
function lane(e: Emitter, register: number, bytes: number): Int {
  const index = e.immediate(8).and(16 / bytes - 1);
  return e.let(e.registerAddress(register).add(index.mul(bytes)));
}

/** PEXTRB/W/D/Q, EXTRACTPS: to memory as wide as the lane, to a register zero-extended. */
function extract(bits: 8 | 16 | 32 | 64): Semantics {
  return (e) => {
    e.requireFpu();
    const value = e.let(e.body.load(bits, lane(e, 1, bits / 8)));
    if (e.isMemory(0)) e.storeVirtual(bits, e.linearAddress(), value);
    else e.setRegisterOperand(0, 64, value.toI64U());
  };
}

/** PINSRB/W/D/Q: one lane from a general register or memory. */
function insert(bits: 8 | 16 | 32 | 64): Semantics {
  return (e) => {
    e.requireFpu();
    const value = e.let(e.isMemory(1) ? e.loadVirtual(bits, e.linearAddress()) : lowBits(e, 1, bits));
    e.body.store(bits, lane(e, 0, bits / 8), value);
  };
}

/** INSERTPS: lane from the source, then lanes cleared. */
const insertFloat: Semantics = (e) => {
  e.requireFpu();
  const control = e.let(e.immediate(8));
  const value = e.isMemory(1)
    ? e.loadVirtual(32, e.linearAddress())
    : e.let(e.body.load(32, e.registerAddress(1).add(control.shrU(6).shl(2))));
  const address = e.let(e.registerAddress(0));
  e.body.store(32, address.add(control.shrU(4).and(3).shl(2)), value);
  for (let i = 0; i < 4; i++) {
    e.body.if(control.shrU(i).and(1), () => e.body.store(32, address, Int.constant(32, 0), 4 * i));
  }
};

const half = (first: number): number[] => [
  ...run(first, 4),
  ...run(first + 16, 4),
  ...run(first + 4, 4),
  ...run(first + 20, 4),
];

const SSE_MOVES_XMM: readonly Row[] = [
  row('NP 0F 10 /r', 'movups', 'Vx Wx', load(false)),
  row('66 0F 10 /r', 'movupd', 'Vx Wx', load(false)),
  row('F3 0F 10 /r', 'movss', 'Vx Wd', loadScalar(32)),
  row('F2 0F 10 /r', 'movsd', 'Vx Wq', loadScalar(64)),
  row('NP 0F 11 /r', 'movups', 'Wx Vx', store(false)),
  row('66 0F 11 /r', 'movupd', 'Wx Vx', store(false)),
  row('F3 0F 11 /r', 'movss', 'Wd Vx', storeScalar(32)),
  row('F2 0F 11 /r', 'movsd', 'Wq Vx', storeScalar(64)),
  row('NP 0F 12 /r', 'movlps', 'Vx Wq', loadHalf(false), RARE),
  row('66 0F 12 /r', 'movlpd', 'Vx Mq', loadHalf(false), RARE),
  row('F3 0F 12 /r', 'movsldup', 'Vx Wx', arrange([...run(0, 4), ...run(0, 4), ...run(8, 4), ...run(8, 4)], 128), RARE),
  row('F2 0F 12 /r', 'movddup', 'Vx Wq', arrange([...run(0, 8), ...run(0, 8)], 64), RARE),
  row('NP 0F 13 /r', 'movlps', 'Mq Vx', storeHalf(false), RARE),
  row('66 0F 13 /r', 'movlpd', 'Mq Vx', storeHalf(false), RARE),
  row('NP 0F 14 /r', 'unpcklps', 'Vx Wx', unpack(half(0)), RARE),
  row('66 0F 14 /r', 'unpcklpd', 'Vx Wx', unpack([...run(0, 8), ...run(16, 8)]), RARE),
  row('NP 0F 15 /r', 'unpckhps', 'Vx Wx', unpack(half(8)), RARE),
  row('66 0F 15 /r', 'unpckhpd', 'Vx Wx', unpack([...run(8, 8), ...run(24, 8)]), RARE),
  row('NP 0F 16 /r', 'movhps', 'Vx Wq', loadHalf(true)),
  row('66 0F 16 /r', 'movhpd', 'Vx Mq', loadHalf(true), RARE),
  row(
    'F3 0F 16 /r',
    'movshdup',
    'Vx Wx',
    arrange([...run(4, 4), ...run(4, 4), ...run(12, 4), ...run(12, 4)], 128),
    RARE,
  ),
  row('NP 0F 17 /r', 'movhps', 'Mq Vx', storeHalf(true), RARE),
  row('66 0F 17 /r', 'movhpd', 'Mq Vx', storeHalf(true), RARE),
  row('NP 0F 28 /r', 'movaps', 'Vx Wx', load(true)),
  row('66 0F 28 /r', 'movapd', 'Vx Wx', load(true)),
  row('NP 0F 29 /r', 'movaps', 'Wx Vx', store(true)),
  row('66 0F 29 /r', 'movapd', 'Wx Vx', store(true)),
  row('NP 0F 2B /r', 'movntps', 'Mx Vx', store(true), RARE),
  row('66 0F 2B /r', 'movntpd', 'Mx Vx', store(true), RARE),
  row('NP 0F 50 /r', 'movmskps', 'Gd Ux', mask('bitmask32'), RARE),
  row('66 0F 50 /r', 'movmskpd', 'Gd Ux', mask('bitmask64'), RARE),
  row('66 0F 6E /r', 'movd', 'Vx Ey', GENERAL_TO_XMM),
  row('66 0F 6F /r', 'movdqa', 'Vx Wx', load(true)),
  row('F3 0F 6F /r', 'movdqu', 'Vx Wx', load(false)),
  row('66 0F 7E /r', 'movd', 'Ey Vx', XMM_TO_GENERAL),
  row('F3 0F 7E /r', 'movq', 'Vx Wq', moveLow),
  row('66 0F 7F /r', 'movdqa', 'Wx Vx', store(true)),
  row('F3 0F 7F /r', 'movdqu', 'Wx Vx', store(false)),
  row('66 0F C4 /r', 'pinsrw', 'Vx Ed Ib', insert(16), RARE),
  row('66 0F C5 /r', 'pextrw', 'Gd Ux Ib', extract(16), RARE),
  row('66 0F D6 /r', 'movq', 'Wq Vx', storeLow),
  row('66 0F D7 /r', 'pmovmskb', 'Gd Ux', mask('bitmask8')),
  row('66 0F E7 /r', 'movntdq', 'Mx Vx', store(true), RARE),
  row('F2 0F F0 /r', 'lddqu', 'Vx Mx', load(false), RARE),
  row('66 0F F7 /r', 'maskmovdqu', 'Vx Ux', maskedStore(16), RARE),
  row('66 0F 38 2A /r', 'movntdqa', 'Vx Mx', load(true), RARE),
  row('66 0F 3A 14 /r', 'pextrb', 'Ed Vx Ib', extract(8), RARE),
  row('66 0F 3A 15 /r', 'pextrw', 'Ed Vx Ib', extract(16), RARE),
  row('66 REX.W 0F 3A 16 /r', 'pextrq', 'Eq Vx Ib', extract(64), RARE),
  row('66 0F 3A 16 /r', 'pextrd', 'Ed Vx Ib', extract(32), RARE),
  row('66 0F 3A 17 /r', 'extractps', 'Ed Vx Ib', extract(32), RARE),
  row('66 0F 3A 20 /r', 'pinsrb', 'Vx Ed Ib', insert(8), RARE),
  row('66 0F 3A 21 /r', 'insertps', 'Vx Wd Ib', insertFloat, RARE),
  row('66 REX.W 0F 3A 22 /r', 'pinsrq', 'Vx Eq Ib', insert(64), RARE),
  row('66 0F 3A 22 /r', 'pinsrd', 'Vx Ed Ib', insert(32), RARE),
];

/** Logical operations on floating-point registers: they do not look at the numbers. */
const LOGIC: readonly Row[] = (
  [
    ['54', 'and', (a, b) => a.binary('and', b)],
    ['55', 'andn', (a, b) => b.binary('andNot', a)],
    ['56', 'or', (a, b) => a.binary('or', b)],
    ['57', 'xor', (a, b) => a.binary('xor', b)],
  ] as const satisfies readonly (readonly [string, string, (a: Vec, b: Vec) => Vec])[]
).flatMap(([opcode, name, operation]) =>
  (['NP', '66'] as const).map((prefix) =>
    row(
      `${prefix} 0F ${opcode} /r`,
      name + (prefix === 'NP' ? 'ps' : 'pd'),
      'Vx Wx',
      (e) => {
        e.requireFpu();
        const source = vector(e, 1);
        setVector(e, 0, operation(vector(e, 0), source));
      },
      name === 'xor' ? {} : RARE,
    ),
  ),
);

export const SSE_MOVES: readonly Row[] = [...SSE_MOVES_XMM, ...LOGIC];
