import { STATE_X87_TAGS } from '../cpu/layout.ts';
import type { Int } from '../wasm/int.ts';
import { type Row, row, type Semantics } from './row.ts';
import { requireX87 } from './sse-operands.ts';
import { call, constant, index, keepC1, moveTop, RARE, result, waiting, zero } from './x87-operands.ts';
import { copyRegister } from './x87-transfers.ts';

const exchange: Semantics = (e) => {
  const i = index(e);
  const emptyTop = result(e, 'isEmpty', zero);
  const emptyOther = result(e, 'isEmpty', i);
  const masked = e.body.choose(
    emptyTop.or(emptyOther),
    () => {
      const answer = result(e, 'underflow');
      e.body.if(answer, () => {
        e.body.if(emptyTop, () => call(e, 'setRegister', zero));
        e.body.if(emptyOther, () => call(e, 'setRegister', i));
      });
      return answer;
    },
    () => constant(1),
  );
  e.body.if(masked, () => {
    const first = result(e, 'address', zero);
    const second = result(e, 'address', i);
    for (const [bits, offset] of [
      [64, 0],
      [16, 8],
    ] as const) {
      const a = e.let(e.body.load(bits, first, offset));
      e.body.store(bits, first, e.let(e.body.load(bits, second, offset)), offset);
      e.body.store(bits, second, a, offset);
    }
  });
};

/** FCHS, FABS: the sign alone, whatever else is in the register. */
function signOperation(change: (high: Int) => Int): Semantics {
  return (e) =>
    e.body.if(
      result(e, 'isEmpty', zero),
      () => e.body.if(result(e, 'underflow'), () => call(e, 'setRegister', zero)),
      () => {
        const address = result(e, 'address', zero);
        e.body.store(16, address, change(e.body.load(16, address, 8)), 8);
      },
    );
}

/** FCMOVcc: an empty register is an underflow whether or not the condition holds. */
function conditionalMove(condition: number): Semantics {
  return (e) => {
    keepC1(e);
    const i = index(e);
    e.body.if(
      result(e, 'isEmpty', zero).or(result(e, 'isEmpty', i)),
      () => e.body.if(result(e, 'underflow'), () => call(e, 'setRegister', zero)),
      () => e.body.if(e.flags.condition(condition), () => copyRegister(e, i, zero)),
    );
  };
}

export function registerRows(): Row[] {
  const moves = (
    [
      ['DA C0', 'fcmovb', 2],
      ['DA C8', 'fcmove', 4],
      ['DA D0', 'fcmovbe', 6],
      ['DA D8', 'fcmovu', 10],
      ['DB C0', 'fcmovnb', 3],
      ['DB C8', 'fcmovne', 5],
      ['DB D0', 'fcmovnbe', 7],
      ['DB D8', 'fcmovnu', 11],
    ] as const
  ).map(([encoding, name, condition]) => row(`${encoding} +i`, name, '', waiting(conditionalMove(condition)), RARE));
  const free = (pops: 0 | 1): Semantics =>
    waiting((e) => {
      const address = result(e, 'address', index(e));
      e.body.store(8, address.shrU(4).and(7), zero, STATE_X87_TAGS);
      if (pops === 1) call(e, 'pop');
    });
  return [
    ...moves,
    row('D9 C8 +i', 'fxch', '', waiting(exchange), RARE),
    row('DD C8 +i', 'fxch', '', waiting(exchange), RARE),
    row('DF C8 +i', 'fxch', '', waiting(exchange), RARE),
    row('D9 D0', 'fnop', '', (e) => requireX87(e), RARE),
    row('D9 E0', 'fchs', '', waiting(signOperation((high) => high.xor(0x8000))), RARE),
    row('D9 E1', 'fabs', '', waiting(signOperation((high) => high.and(0x7fff))), RARE),
    row(
      'D9 F6',
      'fdecstp',
      '',
      waiting((e) => moveTop(e, -1)),
      RARE,
    ),
    row(
      'D9 F7',
      'fincstp',
      '',
      waiting((e) => moveTop(e, 1)),
      RARE,
    ),
    row('DD C0 +i', 'ffree', '', free(0), RARE),
    row('DF C0 +i', 'ffreep', '', free(1), RARE),
    row(
      'D9 FA',
      'fsqrt',
      '',
      waiting((e) => call(e, 'squareRoot')),
      RARE,
    ),
    row(
      'D9 FC',
      'frndint',
      '',
      waiting((e) => call(e, 'roundToIntegral')),
      RARE,
    ),
    row(
      'D9 FD',
      'fscale',
      '',
      waiting((e) => call(e, 'scale')),
      RARE,
    ),
    row(
      'D9 F4',
      'fxtract',
      '',
      waiting((e) => call(e, 'extract')),
      RARE,
    ),
    row(
      'D9 F8',
      'fprem',
      '',
      waiting((e) => call(e, 'remainder', zero)),
      RARE,
    ),
    row(
      'D9 F5',
      'fprem1',
      '',
      waiting((e) => call(e, 'remainder', constant(1))),
      RARE,
    ),
  ];
}
