import { STATE_X87_STATUS } from '../cpu/layout.ts';
import { ROUNDED_UP, SLOT_A, SLOT_B } from '../fpu/slots.ts';
import { C0, C2, C3 } from '../fpu/x87-stack.ts';
import { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';
import {
  call,
  constant,
  DOUBLE,
  DWORD,
  index,
  keepC1,
  RARE,
  result,
  SINGLE,
  type Source,
  unpackInteger,
  WORD,
  waiting,
  withMemory,
  zero,
} from './x87-operands.ts';

function setConditions(e: Emitter, bits: Int): void {
  e.setState(
    32,
    STATE_X87_STATUS,
    e
      .state(32, STATE_X87_STATUS)
      .and(~(C0 | C2 | C3))
      .or(bits),
  );
}

/** C3 C2 C0 of a relation: equal 100, less 001, greater 000, unordered 111. */
function conditionBits(relation: Int): Int {
  const ordered = constant(C3).select(relation.eqz(), constant(C0).select(relation.eq(1), zero));
  return constant(C0 | C2 | C3).select(relation.eq(3), ordered);
}

/**
 * `quietAllowed`: FUCOM; `pops`: how many registers go. As AMD's processors do, the result is reported even with an
 * unmasked exception, which then only keeps the stack as it is.
 */
function comparison(source: (e: Emitter) => Int, quietAllowed: 0 | 1, pops: number): Semantics {
  return (e) => {
    const relation = result(e, 'compare', source(e), constant(quietAllowed));
    setConditions(e, conditionBits(relation));
    popUnlessUnmasked(e, pops);
  };
}

function popUnlessUnmasked(e: Emitter, pops: number): void {
  if (pops === 0) return;
  e.body.if(result(e, 'hasUnmasked').eqz(), () => {
    for (let i = 0; i < pops; i++) call(e, 'pop');
  });
}

/** FCOMI and FUCOMI: ZF PF CF. */
function flagComparison(quietAllowed: 0 | 1, pops: number): Semantics {
  return waiting((e) => {
    keepC1(e);
    const relation = result(e, 'compare', index(e), constant(quietAllowed));
    const flags = constant(0x45).select(relation.eq(3), constant(0x40).select(relation.eqz(), relation.and(1)));
    e.flags.fromWord(e.let(flags), zero);
    popUnlessUnmasked(e, pops);
  });
}

export function comparisonRows(): Row[] {
  const fromMemory = (source: Source, pops: number): Semantics =>
    withMemory(
      source,
      SLOT_B,
      comparison(() => constant(-1), 0, pops),
    );
  const rows: Row[] = [];
  for (const [digit, pops] of [
    [2, 0],
    [3, 1],
  ] as const) {
    const suffix = pops === 1 ? 'p' : '';
    rows.push(
      row(`D8 /${digit}`, `fcom${suffix}`, 'Md', fromMemory(SINGLE, pops), RARE),
      row(`DC /${digit}`, `fcom${suffix}`, 'Mq', fromMemory(DOUBLE, pops), RARE),
      row(`DA /${digit}`, `ficom${suffix}`, 'Md', fromMemory(DWORD, pops), RARE),
      row(`DE /${digit}`, `ficom${suffix}`, 'Mw', fromMemory(WORD, pops), RARE),
    );
  }
  const one = (): Int => constant(1);
  return [
    ...rows,
    row('D8 D0 +i', 'fcom', '', waiting(comparison(index, 0, 0)), RARE),
    row('D8 D8 +i', 'fcomp', '', waiting(comparison(index, 0, 1)), RARE),
    row('DC D0 +i', 'fcom', '', waiting(comparison(index, 0, 0)), RARE),
    row('DC D8 +i', 'fcomp', '', waiting(comparison(index, 0, 1)), RARE),
    row('DE D0 +i', 'fcomp', '', waiting(comparison(index, 0, 1)), RARE),
    row('DE D9', 'fcompp', '', waiting(comparison(one, 0, 2)), RARE),
    row('DD E0 +i', 'fucom', '', waiting(comparison(index, 1, 0)), RARE),
    row('DD E8 +i', 'fucomp', '', waiting(comparison(index, 1, 1)), RARE),
    row('DA E9', 'fucompp', '', waiting(comparison(one, 1, 2)), RARE),
    row('DB E8 +i', 'fucomi', '', flagComparison(1, 0), RARE),
    row('DB F0 +i', 'fcomi', '', flagComparison(0, 0), RARE),
    row('DF E8 +i', 'fucomip', '', flagComparison(1, 1), RARE),
    row('DF F0 +i', 'fcomip', '', flagComparison(0, 1), RARE),
    row(
      'D9 E4',
      'ftst',
      '',
      waiting((e) => {
        unpackInteger(e, Int.constant(64, 0), SLOT_B);
        comparison(() => constant(-1), 0, 0)(e);
      }),
      RARE,
    ),
    row('D9 E5', 'fxam', '', waiting(examine), RARE),
  ];
}

/** Class of ST(0) in C3 C2 C0, its sign in C1 (SDM vol. 2, FXAM). */
function examine(e: Emitter): void {
  const address = result(e, 'address', zero);
  const mantissa = e.let(e.body.load(64, address));
  const high = e.let(e.body.load(16, address, 8));
  e.body.call(e.imports.fpu.soft.unpack80, [mantissa, high, constant(SLOT_A)]);
  const kind = e.let(e.state(32, SLOT_A));
  const denormal = e.state(32, SLOT_A + 12);
  let bits = constant(C0).select(kind.leU(4), zero); // NaN, or unsupported
  bits = constant(C2 | C0).select(kind.eq(2), bits);
  bits = constant(C3 | C2)
    .select(denormal, constant(C2))
    .select(kind.eq(1), bits);
  bits = constant(C3).select(kind.eqz(), bits);
  bits = constant(C3 | C0).select(result(e, 'isEmpty', zero), bits);
  setConditions(e, e.let(bits));
  e.setState(32, ROUNDED_UP, high.shrU(15));
}
