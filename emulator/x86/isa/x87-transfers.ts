import { STATE_X87_TAGS } from '../cpu/layout.ts';
import { DIRECTION, SLOT_R, TRUNCATE, VECTOR_RESULT } from '../fpu/slots.ts';
import { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';
import { requireX87 } from './sse-operands.ts';
import {
  call,
  constant,
  DOUBLE,
  DWORD,
  index,
  moveTop,
  QWORD,
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

export function loadRows(): Row[] {
  const load = (source: Source): Semantics => withMemory(source, SLOT_R, (e) => call(e, 'push'));
  return [
    row('D9 /0', 'fld', 'Md', load(SINGLE), RARE),
    row('DD /0', 'fld', 'Mq', load(DOUBLE), RARE),
    row('DB /0', 'fild', 'Md', load(DWORD), RARE),
    row('DF /0', 'fild', 'Mw', load(WORD), RARE),
    row('DF /5', 'fild', 'Mq', load(QWORD), RARE),
    row(
      'DB /5',
      'fld',
      'M',
      (e) => {
        requireX87(e);
        const pointer = e.readPointer(80, e.linearAddress());
        const mantissa = e.let(e.body.load(64, pointer));
        const high = e.let(e.body.load(16, pointer, 8));
        call(e, 'begin');
        call(e, 'pushRaw', mantissa, high);
        call(e, 'settle');
      },
      RARE,
    ),
    row('DF /4', 'fbld', 'M', loadDecimal, RARE),
    row(
      'D9 C0 +i',
      'fld',
      '',
      waiting((e) => {
        const source = result(e, 'address', index(e));
        const mantissa = e.let(e.body.load(64, source));
        const high = e.let(e.body.load(16, source, 8));
        e.body.if(
          result(e, 'isEmpty', index(e)),
          () =>
            e.body.if(result(e, 'underflow'), () => {
              moveTop(e, -1);
              call(e, 'setRegister', zero);
            }),
          () => call(e, 'pushRaw', mantissa, high),
        );
      }),
      RARE,
    ),
  ];
}

/** Ten bytes: nine of two digits, then the sign. */
function loadDecimal(e: Emitter): void {
  requireX87(e);
  const pointer = e.readPointer(80, e.linearAddress());
  let value = Int.constant(64, 0);
  for (let at = 8; at >= 0; at--) {
    const pair = e.let(e.body.load(8, pointer, at));
    value = e.let(value.mul(100).add(pair.shrU(4).mul(10).add(pair.and(15)).toI64U()));
  }
  const sign = e.let(e.body.load(8, pointer, 9).shrU(7));
  call(e, 'begin');
  unpackInteger(e, value, SLOT_R);
  e.setState(32, SLOT_R + 4, sign);
  call(e, 'push');
  call(e, 'settle');
}

/**
 * Stores what `prepare` allowed, then takes note of exceptions: the store may fault and must not leave a trace. What
 * is not stored for an unmasked exception faults all the same.
 */
function storing(bits: number, pops: 0 | 1, prepare: (e: Emitter) => Int, store: (e: Emitter) => void): Semantics {
  return (e) => {
    requireX87(e);
    call(e, 'begin');
    e.body.if(
      prepare(e),
      () => {
        store(e);
        if (pops === 1) call(e, 'pop');
      },
      () => {
        e.probeWrite(bits, e.linearAddress());
      },
    );
    call(e, 'settle');
  };
}

export function storeRows(): Row[] {
  const single = (pops: 0 | 1): Semantics =>
    storing(
      32,
      pops,
      (e) => result(e, 'prepareStore', constant(24), constant(-126), constant(127)),
      (e) => e.storeVirtual(32, e.linearAddress(), e.body.result(e.imports.fpu.soft.pack32, [])),
    );
  const double = (pops: 0 | 1): Semantics =>
    storing(
      64,
      pops,
      (e) => result(e, 'prepareStore', constant(53), constant(-1022), constant(1023)),
      (e) => e.storeVirtual(64, e.linearAddress(), e.body.result(e.imports.fpu.soft.pack64, [], 64)),
    );
  const integer = (bits: 16 | 32 | 64, pops: 0 | 1, truncate = false): Semantics =>
    storing(
      bits,
      pops,
      (e) => result(e, 'prepareInteger', constant(bits), truncate ? constant(TRUNCATE) : e.state(32, DIRECTION)),
      (e) => e.storeVirtual(bits, e.linearAddress(), e.state(bits, VECTOR_RESULT)),
    );
  const tenBytes = (e: Emitter, low: Int, high: Int): void =>
    e.storeThrough(80, e.linearAddress(), (pointer) => {
      e.body.store(64, pointer, low);
      e.body.store(16, pointer, high, 8);
    });
  return [
    row('D9 /2', 'fst', 'Md', single(0), RARE),
    row('D9 /3', 'fstp', 'Md', single(1), RARE),
    row('DD /2', 'fst', 'Mq', double(0), RARE),
    row('DD /3', 'fstp', 'Mq', double(1), RARE),
    row('DB /1', 'fisttp', 'Md', integer(32, 1, true), RARE),
    row('DB /2', 'fist', 'Md', integer(32, 0), RARE),
    row('DB /3', 'fistp', 'Md', integer(32, 1), RARE),
    row('DF /1', 'fisttp', 'Mw', integer(16, 1, true), RARE),
    row('DF /2', 'fist', 'Mw', integer(16, 0), RARE),
    row('DF /3', 'fistp', 'Mw', integer(16, 1), RARE),
    row('DD /1', 'fisttp', 'Mq', integer(64, 1, true), RARE),
    row('DF /7', 'fistp', 'Mq', integer(64, 1), RARE),
    row(
      'DF /6',
      'fbstp',
      'M',
      storing(
        80,
        1,
        (e) => result(e, 'prepareDecimal'),
        (e) => tenBytes(e, e.state(64, VECTOR_RESULT), e.state(16, VECTOR_RESULT + 8)),
      ),
      RARE,
    ),
    row(
      'DB /7',
      'fstp',
      'M',
      storing(
        80,
        1,
        (e) => {
          // An empty register gives the indefinite NaN; what is in a valid one is stored as it is.
          const source = result(e, 'address', zero);
          e.setState(64, VECTOR_RESULT, e.body.load(64, source));
          e.setState(16, VECTOR_RESULT + 8, e.body.load(16, source, 8));
          const empty = result(e, 'isEmpty', zero);
          return e.body.choose(
            empty,
            () => {
              const masked = result(e, 'underflow');
              e.setState(64, VECTOR_RESULT, Int.constant64(0, 0xc0000000 | 0));
              e.setState(16, VECTOR_RESULT + 8, constant(0xffff));
              return masked;
            },
            () => constant(1),
          );
        },
        (e) => tenBytes(e, e.state(64, VECTOR_RESULT), e.state(16, VECTOR_RESULT + 8)),
      ),
      RARE,
    ),
    row('DD D0 +i', 'fst', '', waiting(storeRegister(0)), RARE),
    row('D9 D8 +i', 'fstpnce', '', waiting(storeUnchecked), RARE),
    ...['DD D8', 'DF D0', 'DF D8'].map((encoding) =>
      row(`${encoding} +i`, 'fstp', '', waiting(storeRegister(1)), RARE),
    ),
  ];
}

/** An undocumented FSTP that finds nothing wrong with an empty ST(0): then it only pops. */
function storeUnchecked(e: Emitter): void {
  e.body.if(result(e, 'isEmpty', zero).eqz(), () => copyRegister(e, zero, index(e)));
  call(e, 'pop');
}

/** ST(0) to ST(i), which need not be empty. */
function storeRegister(pops: 0 | 1): Semantics {
  return (e) => {
    const done = (): void => {
      if (pops === 1) call(e, 'pop');
    };
    e.body.if(
      result(e, 'isEmpty', zero),
      () =>
        e.body.if(result(e, 'underflow'), () => {
          call(e, 'setRegister', index(e));
          done();
        }),
      () => {
        copyRegister(e, zero, index(e));
        done();
      },
    );
  };
}

export function copyRegister(e: Emitter, from: Int, to: Int): void {
  const source = result(e, 'address', from);
  const target = result(e, 'address', to);
  e.body.store(64, target, e.let(e.body.load(64, source)));
  e.body.store(16, target, e.let(e.body.load(16, source, 8)), 8);
  e.body.store(8, target.shrU(4).and(7), constant(1), STATE_X87_TAGS);
}

/** Exponent and mantissa cut to 64 bits, and whether rounding to nearest goes up (SDM vol. 2, FLD1/FLDL2T/…). */
const CONSTANTS: readonly (readonly [string, string, number, number, number, 0 | 1, boolean])[] = [
  ['E8', 'fld1', 0x3fff, 0x80000000, 0, 0, false],
  ['E9', 'fldl2t', 0x4000, 0xd49a784b, 0xcd1b8afe, 0, true],
  ['EA', 'fldl2e', 0x3fff, 0xb8aa3b29, 0x5c17f0bb, 1, true],
  ['EB', 'fldpi', 0x4000, 0xc90fdaa2, 0x2168c234, 1, true],
  ['EC', 'fldlg2', 0x3ffd, 0x9a209a84, 0xfbcff798, 1, true],
  ['ED', 'fldln2', 0x3ffe, 0xb17217f7, 0xd1cf79ab, 1, true],
  ['EE', 'fldz', 0, 0, 0, 0, false],
];

export function constantRows(): Row[] {
  return CONSTANTS.map(([modrm, name, exponent, high, low, nearestUp, inexact]) =>
    row(
      `D9 ${modrm}`,
      name,
      '',
      waiting((e) => {
        // Directions: nearest, down, up, truncate.
        const direction = e.state(32, DIRECTION);
        const up = inexact ? direction.eq(2).or(direction.eqz().and(nearestUp)) : zero;
        const mantissa = Int.constant64(low | 0, high | 0).add(up.toI64U());
        call(e, 'pushRaw', e.let(mantissa), constant(exponent));
      }),
      RARE,
    ),
  );
}
