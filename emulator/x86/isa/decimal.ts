import type { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';

const RAX = 0;
const only32 = { mode: 32, routine: true } as const;

/** Sets CF and AF; the result gives the others. */
function finish(e: Emitter, result: Int, carry: Int, adjust: Int): void {
  const held = e.let(carry);
  e.flags.logic(8, result);
  e.setCcAuxiliary(held.shl(31).or(held.shl(30)).or(e.let(adjust).shl(3)));
}

/** DAA and DAS (SDM vol. 2). */
function decimalAdjust(subtract: boolean): Semantics {
  return (e) => {
    const old = e.let(e.register(RAX, 8));
    const oldCarry = e.let(e.flags.carry());
    const low = e.let(old.and(15).gtU(9).or(e.flags.adjust()));
    const high = e.let(old.gtU(0x99).or(oldCarry));
    const correction = e.let(low.mul(6).add(high.mul(0x60)));
    const result = e.let((subtract ? old.sub(correction) : old.add(correction)).and(0xff));
    const borrow = subtract ? high.or(low.and(old.ltU(6))) : high;
    e.setRegister(RAX, 8, result);
    finish(e, result, borrow, low);
  };
}

/** AAA and AAS: the correction goes to AX as a whole. */
function asciiAdjust(subtract: boolean): Semantics {
  return (e) => {
    const ax = e.let(e.register(RAX, 16));
    const adjust = e.let(ax.and(15).gtU(9).or(e.flags.adjust()));
    const step = adjust.mul(0x106);
    const result = e.let((subtract ? ax.sub(step) : ax.add(step)).and(0xff0f));
    e.setRegister(RAX, 16, result);
    finish(e, result.and(0xff), adjust, adjust);
  };
}

function asciiMultiply(e: Emitter): void {
  const base = e.let(e.read(0, 8));
  e.raiseIf(base.eqz(), 0);
  const al = e.let(e.register(RAX, 8));
  const rest = e.let(al.remU(base));
  e.setRegister(RAX, 16, al.divU(base).shl(8).or(rest));
  e.flags.logic(8, rest);
}

function asciiDivide(e: Emitter): void {
  const ax = e.let(e.register(RAX, 16));
  const result = e.let(ax.shrU(8).mul(e.read(0, 8)).add(ax).and(0xff));
  e.setRegister(RAX, 16, result);
  e.flags.logic(8, result);
}

export const DECIMAL: readonly Row[] = [
  row('27', 'daa', '', decimalAdjust(false), only32),
  row('2F', 'das', '', decimalAdjust(true), only32),
  row('37', 'aaa', '', asciiAdjust(false), only32),
  row('3F', 'aas', '', asciiAdjust(true), only32),
  row('D4', 'aam', 'Ib', asciiMultiply, only32),
  row('D5', 'aad', 'Ib', asciiDivide, only32),
  row('D6', 'salc', '', (e) => e.setRegister(RAX, 8, e.flags.carry().negate().and(0xff)), only32),
];
