import { STATE_X87_STATUS } from '../cpu/layout.ts';
import { ROUNDED_UP } from '../fpu/slots.ts';
import type { X87Functions } from '../fpu/x87-functions.ts';
import { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import type { Semantics } from './row.ts';
import { requireX87 } from './sse-operands.ts';

export const constant = (value: number): Int => Int.constant(32, value);

export const zero = constant(0);

const functions = (e: Emitter): X87Functions => e.imports.fpu.x87;

export const call = (e: Emitter, name: keyof X87Functions, ...operands: Int[]): void =>
  e.body.call(functions(e)[name], operands);

export const result = (e: Emitter, name: keyof X87Functions, ...operands: Int[]): Int =>
  e.let(e.body.result(functions(e)[name], operands));

/** Every x87 instruction but the `FN…` ones: #NM, pending #MF, then the work between `begin` and `settle`. */
export function waiting(work: Semantics): Semantics {
  return (e) => {
    requireX87(e);
    call(e, 'begin');
    work(e);
    call(e, 'settle');
  };
}

/** Kinds of memory operands: their operand notation, and how they get into a slot. */
export interface Source {
  readonly operand: string;
  readonly load: (e: Emitter) => Int;
  readonly unpack: (e: Emitter, value: Int, slot: number) => void;
}

const unpackFloat = (bits: 32 | 64) => (e: Emitter, value: Int, slot: number) => {
  const { unpack32, unpack64 } = e.imports.fpu.soft;
  e.body.call(bits === 32 ? unpack32 : unpack64, [value, constant(slot)]);
};

export const unpackInteger = (e: Emitter, value: Int, slot: number): void =>
  e.body.call(e.imports.fpu.soft.fromInteger, [value, constant(slot)]);

const read = (bits: 16 | 32 | 64) => (e: Emitter) => e.let(e.loadVirtual(bits, e.linearAddress()));

export const SINGLE: Source = { operand: 'Md', load: read(32), unpack: unpackFloat(32) };

export const DOUBLE: Source = { operand: 'Mq', load: read(64), unpack: unpackFloat(64) };

export const WORD: Source = {
  operand: 'Mw',
  load: (e) => e.let(e.loadVirtual(16, e.linearAddress()).extend16S().toI64S()),
  unpack: unpackInteger,
};

export const DWORD: Source = {
  operand: 'Md',
  load: (e) => e.let(e.loadVirtual(32, e.linearAddress()).toI64S()),
  unpack: unpackInteger,
};

export const QWORD: Source = { operand: 'Mq', load: read(64), unpack: unpackInteger };

/** Reads memory before anything changes: it may fault. */
export function withMemory(source: Source, slot: number, work: Semantics): Semantics {
  return (e) => {
    requireX87(e);
    const value = source.load(e);
    call(e, 'begin');
    source.unpack(e, value, slot);
    work(e);
    call(e, 'settle');
  };
}

/** Register number in the low bits of ModRM. */
export const index = (e: Emitter): Int => e.immediate2();

export const RARE = { routine: true } as const;

/** For instructions that leave C1 alone: what `settle` will write is what is there. */
export function keepC1(e: Emitter): void {
  e.setState(32, ROUNDED_UP, e.state(32, STATE_X87_STATUS).shrU(9).and(1));
}

export function moveTop(e: Emitter, by: number): void {
  const status = e.state(32, STATE_X87_STATUS);
  e.setState(32, STATE_X87_STATUS, status.and(~0x3800).or(status.add(by << 11).and(0x3800)));
}
