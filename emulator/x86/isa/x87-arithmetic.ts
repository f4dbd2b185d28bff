import { ADD, DIVIDE, MULTIPLY, SLOT_A, SLOT_B, SUBTRACT } from '../fpu/slots.ts';
import type { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';
import {
  call,
  constant,
  DOUBLE,
  DWORD,
  index,
  RARE,
  SINGLE,
  type Source,
  WORD,
  waiting,
  withMemory,
  zero,
} from './x87-operands.ts';

interface Operation {
  readonly name: string;
  readonly operation: number;
  readonly reversed: 0 | 1;
}

const OPERATIONS: Readonly<Record<number, Operation>> = {
  0: { name: 'add', operation: ADD, reversed: 0 },
  1: { name: 'mul', operation: MULTIPLY, reversed: 0 },
  4: { name: 'sub', operation: SUBTRACT, reversed: 0 },
  5: { name: 'subr', operation: SUBTRACT, reversed: 1 },
  6: { name: 'div', operation: DIVIDE, reversed: 0 },
  7: { name: 'divr', operation: DIVIDE, reversed: 1 },
};

export function arithmeticRows(): Row[] {
  const rows: Row[] = [];
  for (const [digit, { name, operation, reversed }] of Object.entries(OPERATIONS)) {
    const first = (0xc0 + 8 * Number(digit)).toString(16).toUpperCase();
    const arithmetic = (e: Emitter, destination: Int, source: Int, turned: number, pop: number): void =>
      call(e, 'arithmetic', constant(operation), destination, source, constant(turned), constant(pop));
    const memory = (source: Source): Semantics =>
      withMemory(source, reversed === 1 ? SLOT_A : SLOT_B, (e) => arithmetic(e, zero, constant(-1), reversed, 0));
    rows.push(
      row(`D8 /${digit}`, `f${name}`, 'Md', memory(SINGLE), RARE),
      row(`DC /${digit}`, `f${name}`, 'Mq', memory(DOUBLE), RARE),
      row(`DA /${digit}`, `fi${name}`, 'Md', memory(DWORD), RARE),
      row(`DE /${digit}`, `fi${name}`, 'Mw', memory(WORD), RARE),
      row(
        `D8 ${first} +i`,
        `f${name}`,
        '',
        waiting((e) => arithmetic(e, zero, index(e), reversed, 0)),
        RARE,
      ),
    );
    // DC and DE have the reversed forms the other way round: DC E0 is FSUBR ST(i), ST(0).
    const other = OPERATIONS[Number(digit) >= 4 ? Number(digit) ^ 1 : Number(digit)]?.name as string;
    const turned = Number(digit) >= 4 ? 1 - reversed : 0;
    rows.push(
      row(
        `DC ${first} +i`,
        `f${other}`,
        '',
        waiting((e) => arithmetic(e, index(e), zero, turned, 0)),
        RARE,
      ),
      row(
        `DE ${first} +i`,
        `f${other}p`,
        '',
        waiting((e) => arithmetic(e, index(e), zero, turned, 1)),
        RARE,
      ),
    );
  }
  return rows;
}
