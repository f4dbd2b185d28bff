import { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';

function add(e: Emitter): void {
  const source = e.let(e.read(1));
  const destination = e.modify(0);
  const result = e.let(destination.value.add(source));
  destination.store(result);
  e.flags.add(e.size, destination.value, source, result);
}

function subtract(e: Emitter): void {
  const source = e.let(e.read(1));
  const destination = e.modify(0);
  const result = e.let(destination.value.sub(source));
  destination.store(result);
  e.flags.subtract(e.size, destination.value, source, result);
}

function addWithCarry(e: Emitter): void {
  const source = e.let(e.read(1));
  const destination = e.modify(0);
  const result = e.let(destination.value.add(source).add(e.flags.carry().toWidth(e.width(e.size))));
  destination.store(result);
  e.flags.add(e.size, destination.value, source, result);
}

function subtractWithBorrow(e: Emitter): void {
  const source = e.let(e.read(1));
  const destination = e.modify(0);
  const result = e.let(destination.value.sub(source).sub(e.flags.carry().toWidth(e.width(e.size))));
  destination.store(result);
  e.flags.subtractWithBorrow(e.size, destination.value, source, result);
}

function compare(e: Emitter): void {
  const left = e.let(e.read(0));
  const right = e.let(e.read(1));
  const result = e.let(left.sub(right));
  e.flags.subtract(e.size, left, right, result);
}

function logic(operation: (left: Int, right: Int) => Int): Semantics {
  return (e) => {
    const source = e.let(e.read(1));
    const destination = e.modify(0);
    const result = e.let(operation(destination.value, source));
    destination.store(result);
    e.flags.logic(e.size, result);
  };
}

function test(e: Emitter): void {
  const left = e.let(e.read(0));
  e.flags.logic(e.size, e.let(left.and(e.read(1))));
}

function increment(e: Emitter): void {
  const destination = e.modify(0);
  const result = e.let(destination.value.add(1));
  destination.store(result);
  e.flags.increment(e.size, destination.value, result);
}

function decrement(e: Emitter): void {
  const destination = e.modify(0);
  const result = e.let(destination.value.sub(1));
  destination.store(result);
  e.flags.decrement(e.size, destination.value, result);
}

function negate(e: Emitter): void {
  const destination = e.modify(0);
  const zero = e.constant(0);
  const result = e.let(zero.sub(destination.value));
  destination.store(result);
  e.flags.subtract(e.size, zero, destination.value, result);
}

function complement(e: Emitter): void {
  const destination = e.modify(0);
  destination.store(destination.value.not());
}

/** The eight operations of the classic group, in ModRM.reg order. */
const GROUP: readonly [name: string, run: Semantics, writes: boolean][] = [
  ['add', add, true],
  ['or', logic((a, b) => a.or(b)), true],
  ['adc', addWithCarry, true],
  ['sbb', subtractWithBorrow, true],
  ['and', logic((a, b) => a.and(b)), true],
  ['sub', subtract, true],
  ['xor', logic((a, b) => a.xor(b)), true],
  ['cmp', compare, false],
];

const hex = (value: number): string => value.toString(16).padStart(2, '0').toUpperCase();

const group: readonly Row[] = GROUP.flatMap(([name, run, writes], index) => {
  const base = index * 8;
  const locked = writes ? ({ lock: true } as const) : {};
  return [
    row(`${hex(base)} /r`, name, 'Eb Gb', run, locked),
    row(`${hex(base + 1)} /r`, name, 'Ev Gv', run, locked),
    row(`${hex(base + 2)} /r`, name, 'Gb Eb', run),
    row(`${hex(base + 3)} /r`, name, 'Gv Ev', run),
    row(hex(base + 4), name, 'AL Ib', run),
    row(hex(base + 5), name, 'rAX Iz', run),
    row(`80 /${index}`, name, 'Eb Ib', run, locked),
    row(`81 /${index}`, name, 'Ev Iz', run, locked),
    row(`82 /${index}`, name, 'Eb Ib', run, { ...locked, mode: 32 }),
    row(`83 /${index}`, name, 'Ev sIb', run, locked),
  ];
});

export const ARITHMETIC: readonly Row[] = [
  ...group,
  row('84 /r', 'test', 'Eb Gb', test),
  row('85 /r', 'test', 'Ev Gv', test),
  row('A8', 'test', 'AL Ib', test),
  row('A9', 'test', 'rAX Iz', test),
  row('F6 /0', 'test', 'Eb Ib', test),
  row('F6 /1', 'test', 'Eb Ib', test),
  row('F7 /0', 'test', 'Ev Iz', test),
  row('F7 /1', 'test', 'Ev Iz', test),
  row('F6 /2', 'not', 'Eb', complement, { lock: true }),
  row('F7 /2', 'not', 'Ev', complement, { lock: true }),
  row('F6 /3', 'neg', 'Eb', negate, { lock: true }),
  row('F7 /3', 'neg', 'Ev', negate, { lock: true }),
  row('40 +r', 'inc', 'Zv', increment, { mode: 32 }),
  row('48 +r', 'dec', 'Zv', decrement, { mode: 32 }),
  row('FE /0', 'inc', 'Eb', increment, { lock: true }),
  row('FF /0', 'inc', 'Ev', increment, { lock: true }),
  row('FE /1', 'dec', 'Eb', decrement, { lock: true }),
  row('FF /1', 'dec', 'Ev', decrement, { lock: true }),
  row('F8', 'clc', '', (e) => e.flags.setCarry(Int.constant(32, 0))),
  row('F9', 'stc', '', (e) => e.flags.setCarry(Int.constant(32, 1))),
  row('F5', 'cmc', '', (e) => e.flags.setCarry(e.flags.carry().xor(1))),
  row('9F', 'lahf', '', (e) => e.setHighByte(0, e.flags.lowByte())),
  row('9E', 'sahf', '', (e) => {
    const overflow = e.let(e.flags.overflow());
    e.flags.fromWord(e.highByte(0), overflow);
  }),
];
