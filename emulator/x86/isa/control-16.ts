import type { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { CONDITIONS, type Row, row, type Semantics } from './row.ts';

/**
 * Near branches with a 66 prefix in 32-bit mode: the instruction pointer is cut to 16 bits (SDM vol. 2, JMP, Jcc,
 * CALL, RET). 64-bit mode ignores the prefix. The displacement is an immediate here, since the target is not relative
 * to the page.
 */
const near = { mode: 32, size16: true, ends: true } as const;

const after = (e: Emitter): Int => e.nextInstruction().and(0xffff);

function displacement(e: Emitter, bits: 8 | 16): Int {
  const value = e.immediate(bits);
  return bits === 8 ? value.extend8S() : value;
}

const target = (e: Emitter, bits: 8 | 16): Int => e.let(e.nextInstruction().add(displacement(e, bits)).and(0xffff));

function branch(bits: 8 | 16, condition?: (e: Emitter) => Int): Semantics {
  return (e) => {
    if (condition === undefined) e.jumpIndirect(target(e, bits));
    else e.jumpIndirect(e.let(target(e, bits).select(condition(e), e.nextInstruction())));
  };
}

function call(destination: (e: Emitter) => Int): Semantics {
  return (e) => {
    const to = destination(e);
    e.push(16, after(e));
    e.jumpIndirect(to);
  };
}

/** LOOP, LOOPE, LOOPNE. */
function loop(condition: (e: Emitter) => Int | undefined): Semantics {
  return branch(8, (e) => {
    const left = e.let(e.stringCount().sub(1));
    e.setStringPointer(1, left);
    const more = e.stringCount().ne(0);
    const also = condition(e);
    return e.let(also === undefined ? more : more.and(also));
  });
}

export const CONTROL_16: readonly Row[] = [
  row(
    'E8',
    'call',
    'Iw',
    call((e) => target(e, 16)),
    near,
  ),
  row('E9', 'jmp', 'Iw', branch(16), near),
  row('EB', 'jmp', 'Ib', branch(8), near),
  row(
    'FF /2',
    'call',
    'Ew',
    call((e) => e.let(e.read(0, 16))),
    near,
  ),
  row('FF /4', 'jmp', 'Ew', (e) => e.jumpIndirect(e.let(e.read(0, 16))), near),
  row('C3', 'ret', '', (e) => e.jumpIndirect(e.pop(16)), near),
  row(
    'C2',
    'ret',
    'Iw',
    (e) => {
      const to = e.pop(16);
      e.setStackPointer(e.stackPointer().add(e.immediate(16)));
      e.jumpIndirect(to);
    },
    near,
  ),
  ...CONDITIONS.flatMap((condition, code) => {
    const digit = code.toString(16).toUpperCase();
    const holds = (e: Emitter): Int => e.let(e.flags.condition(code));
    return [
      row(`7${digit}`, `j${condition}`, 'Ib', branch(8, holds), near),
      row(`0F 8${digit}`, `j${condition}`, 'Iw', branch(16, holds), near),
    ];
  }),
  row(
    'E0',
    'loopne',
    'Ib',
    loop((e) => e.flags.zero().eqz()),
    near,
  ),
  row(
    'E1',
    'loope',
    'Ib',
    loop((e) => e.flags.zero()),
    near,
  ),
  row(
    'E2',
    'loop',
    'Ib',
    loop(() => undefined),
    near,
  ),
  row(
    'E3',
    'jrcxz',
    'Ib',
    branch(8, (e) => e.stringCount().eqz()),
    near,
  ),
];
