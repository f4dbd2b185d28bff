import { STATE_X87_TAGS } from '../cpu/layout.ts';
import { Int } from '../wasm/int.ts';
import { type Row, row } from './row.ts';
import { enterMmx, lowBits, lowVector, requireX87, setMmx, setVector } from './sse-operands.ts';
import { maskedStore, RARE, writeGeneral, zero64 } from './sse-stores.ts';

/** Moves of the MMX registers; packed arithmetic is in sse-integer.ts, conversions are in sse-conversions.ts. */
export const MMX: readonly Row[] = [
  row(
    'NP 0F 6E /r',
    'movd',
    'Pq Ey',
    (e) => {
      requireX87(e);
      const value = e.let(e.read(1).toI64U());
      enterMmx(e);
      setMmx(e, 0, value);
    },
    RARE,
  ),
  row(
    'NP 0F 7E /r',
    'movd',
    'Ey Pq',
    (e) => {
      requireX87(e);
      e.write(0, lowBits(e, 1, e.operandSize(0)));
      enterMmx(e);
    },
    RARE,
  ),
  row(
    'NP 0F 6F /r',
    'movq',
    'Pq Qq',
    (e) => {
      requireX87(e);
      const value = e.let(e.isMemory(1) ? e.loadVirtual(64, e.linearAddress()) : lowBits(e, 1, 64));
      enterMmx(e);
      setMmx(e, 0, value);
    },
    RARE,
  ),
  ...['7F', 'E7'].map((opcode) =>
    row(
      `NP 0F ${opcode} /r`,
      opcode === '7F' ? 'movq' : 'movntq',
      opcode === '7F' ? 'Qq Pq' : 'Mq Pq',
      (e) => {
        requireX87(e);
        const value = lowBits(e, 1, 64);
        if (e.isMemory(0)) e.storeVirtual(64, e.linearAddress(), value);
        enterMmx(e);
        if (!e.isMemory(0)) setMmx(e, 0, value);
      },
      RARE,
    ),
  ),
  row(
    'NP 0F C4 /r',
    'pinsrw',
    'Pq Ed Ib',
    (e) => {
      requireX87(e);
      const value = e.let(e.isMemory(1) ? e.loadVirtual(16, e.linearAddress()) : lowBits(e, 1, 16));
      enterMmx(e);
      e.body.store(16, e.registerAddress(0).add(e.immediate(8).and(3).shl(1)), value);
      e.body.store(16, e.registerAddress(0), Int.constant(32, 0xffff), 8);
    },
    RARE,
  ),
  row(
    'NP 0F C5 /r',
    'pextrw',
    'Gd Nq Ib',
    (e) => {
      requireX87(e);
      const value = e.let(e.body.load(16, e.registerAddress(1).add(e.immediate(8).and(3).shl(1))));
      enterMmx(e);
      writeGeneral(e, value);
    },
    RARE,
  ),
  row(
    'NP 0F D7 /r',
    'pmovmskb',
    'Gd Nq',
    (e) => {
      requireX87(e);
      const value = e.let(lowVector(e, 1, 64).bits('bitmask8'));
      enterMmx(e);
      writeGeneral(e, value);
    },
    RARE,
  ),
  row('NP 0F F7 /r', 'maskmovq', 'Pq Nq', maskedStore(8), RARE),
  row(
    'F3 0F D6 /r',
    'movq2dq',
    'Vx Nq',
    (e) => {
      requireX87(e);
      setVector(e, 0, lowVector(e, 1, 64));
      enterMmx(e);
    },
    RARE,
  ),
  row(
    'F2 0F D6 /r',
    'movdq2q',
    'Pq Ux',
    (e) => {
      requireX87(e);
      const value = lowBits(e, 1, 64);
      enterMmx(e);
      setMmx(e, 0, value);
    },
    RARE,
  ),
  row(
    'NP 0F 77',
    'emms',
    '',
    (e) => {
      requireX87(e);
      enterMmx(e);
      e.setState(64, STATE_X87_TAGS, zero64);
    },
    RARE,
  ),
];
