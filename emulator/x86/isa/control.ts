import type { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { CONDITIONS, type Row, row, type Semantics, systemRow } from './row.ts';

const RCX = 1;
const near = { force64: true, ends: true } as const;

function callDirect(e: Emitter): void {
  e.push(e.mode, e.nextInstruction());
  e.jumpDirect();
}

function callIndirect(e: Emitter): void {
  const target = e.let(e.read(0));
  // The stack is looked at before the target.
  if (e.mode === 64) e.body.if(e.isCanonical(target).eqz(), () => e.probeWrite(64, e.stackPointer().sub(8)));
  e.requireCanonical(target);
  e.push(e.mode, e.nextInstruction());
  e.jumpIndirect(target);
}

function jumpIndirect(e: Emitter): void {
  const target = e.let(e.read(0));
  e.requireCanonical(target);
  e.jumpIndirect(target);
}

/** `released`: bytes of arguments that go with the return address. */
function returnNear(e: Emitter, released?: Int): void {
  const top = e.let(e.stackPointer());
  const target = e.loadVirtual(e.mode, e.stackAddress(top));
  e.requireCanonical(target);
  const next = top.add(e.mode / 8);
  e.setStackPointer(released === undefined ? next : next.add(released));
  e.jumpIndirect(target);
}

/** LOOP, LOOPE, LOOPNE: the count register is as wide as the address size. */
function loop(condition: 'none' | 'e' | 'ne'): Semantics {
  return (e) => {
    const left = e.let(e.stringCount().sub(1));
    e.setStringPointer(RCX, left);
    let taken = e.stringCount().ne(0);
    if (condition === 'e') taken = taken.and(e.flags.zero());
    if (condition === 'ne') taken = taken.and(e.flags.zero().eqz());
    e.jumpDirectIf(e.let(taken));
  };
}

export const CONTROL: readonly Row[] = [
  row('E8', 'call', 'Jz', callDirect, near),
  row('E9', 'jmp', 'Jz', (e) => e.jumpDirect(), near),
  row('EB', 'jmp', 'Jb', (e) => e.jumpDirect(), near),
  row('FF /2', 'call', 'Ev', callIndirect, near),
  row('FF /4', 'jmp', 'Ev', jumpIndirect, near),
  row('C3', 'ret', '_v', (e) => returnNear(e), near),
  row('C2', 'ret', 'Iw _v', (e) => returnNear(e, e.read(0, 16).toWidth(e.mode)), near),
  ...CONDITIONS.flatMap((condition, code) => {
    const digit = code.toString(16).toUpperCase();
    const run: Semantics = (e) => e.jumpDirectIf(e.flags.condition(code));
    return [row(`7${digit}`, `j${condition}`, 'Jb', run, near), row(`0F 8${digit}`, `j${condition}`, 'Jz', run, near)];
  }),
  row('E0', 'loopne', 'Jb', loop('ne'), near),
  row('E1', 'loope', 'Jb', loop('e'), near),
  row('E2', 'loop', 'Jb', loop('none'), near),
  row('E3', 'jrcxz', 'Jb', (e) => e.jumpDirectIf(e.stringCount().eqz()), near),
  row('F3 90', 'pause', '', () => {}),
  row('CC', 'int3', '', (e) => e.trap(3), { ends: true }),
  row('CE', 'into', '', (e) => e.body.if(e.flags.overflow(), () => e.trap(4)), { mode: 32, ends: true }),
  row('F1', 'int1', '', (e) => e.trap(1), { ends: true }),
  systemRow('CD', 'int', 'Ib', 'int', { ends: true }),
  systemRow('CF', 'iret', '_v', 'iret', { ends: true }),
  systemRow('CB', 'retf', '_v', 'far return', { ends: true }),
  systemRow('CA', 'retf', 'Iw _v', 'far return', { ends: true }),
  systemRow('9A', 'callf', 'Ap _v', 'far call', { mode: 32, ends: true }),
  systemRow('EA', 'jmpf', 'Ap _v', 'far jump', { mode: 32, ends: true }),
  systemRow('FF /3', 'callf', 'Mp _v', 'far call', { ends: true }),
  systemRow('FF /5', 'jmpf', 'Mp _v', 'far jump', { ends: true }),
  systemRow('0F 05', 'syscall', '', 'syscall', { ends: true }),
  systemRow('0F 34', 'sysenter', '', 'sysenter', { ends: true }),
  systemRow('62 /r', 'bound', 'Gv M', 'bound', { mode: 32 }),
  row('0F 0B', 'ud2', '', (e) => e.raise(6)),
  row('0F B9 /r', 'ud1', 'Gv Ev', (e) => e.raise(6)),
  row('0F FF /r', 'ud0', 'Gv Ev', (e) => e.raise(6)),
];
