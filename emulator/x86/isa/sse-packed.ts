import type { Vec, VectorOperation } from '../wasm/vec.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';
import { enterMmx, lowVector, requireX87, setMmx, setVector, vector } from './sse-operands.ts';

/** Value of the destination from its old value and the source. `wide`: 128-bit registers, else the low 64 bits count. */
export type Operation = (a: Vec, b: Vec, e: Emitter, wide: boolean) => Vec;

export const lanes =
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

export function both(opcode: string, name: string, operation: Operation, mmxBits: 32 | 64 = 64): Row[] {
  return [
    row(`NP 0F ${opcode} /r`, name, mmxBits === 32 ? 'Pq Qd' : 'Pq Qq', mmxSemantics(operation, mmxBits), {
      routine: true,
    }),
    xmm(opcode, name, operation),
  ];
}

export function xmm(opcode: string, name: string, operation: Operation): Row {
  return row(`66 0F ${opcode} /r`, name, 'Vx Wx', xmmSemantics(operation), INLINE.has(name) ? {} : { routine: true });
}
