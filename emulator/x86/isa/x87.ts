import { STATE_X87_STATUS, STATE_X87_TAGS } from '../cpu/layout.ts';
import {
  ADD,
  DIRECTION,
  DIVIDE,
  MULTIPLY,
  ROUNDED_UP,
  SLOT_A,
  SLOT_B,
  SLOT_R,
  SUBTRACT,
  TRUNCATE,
  VECTOR_RESULT,
} from '../fpu/slots.ts';
import { C0, C2, C3, type X87Functions } from '../fpu/x87-functions.ts';
import { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';
import { requireX87 } from './sse-operands.ts';
import { X87_STATE } from './x87-state.ts';

const constant = (value: number): Int => Int.constant(32, value);
const zero = constant(0);
const functions = (e: Emitter): X87Functions => e.imports.fpu.x87;
const call = (e: Emitter, name: keyof X87Functions, ...operands: Int[]): void =>
  e.body.call(functions(e)[name], operands);
const result = (e: Emitter, name: keyof X87Functions, ...operands: Int[]): Int =>
  e.let(e.body.result(functions(e)[name], operands));

/** Every x87 instruction but the `FN…` ones: #NM, pending #MF, then the work between `begin` and `settle`. */
function waiting(work: Semantics): Semantics {
  return (e) => {
    requireX87(e);
    call(e, 'begin');
    work(e);
    call(e, 'settle');
  };
}

/** Kinds of memory operands: their operand notation, and how they get into a slot. */
interface Source {
  readonly operand: string;
  readonly load: (e: Emitter) => Int;
  readonly unpack: (e: Emitter, value: Int, slot: number) => void;
}

const unpackFloat = (bits: 32 | 64) => (e: Emitter, value: Int, slot: number) => {
  const { unpack32, unpack64 } = e.imports.fpu.soft;
  e.body.call(bits === 32 ? unpack32 : unpack64, [value, constant(slot)]);
};
const unpackInteger = (e: Emitter, value: Int, slot: number): void =>
  e.body.call(e.imports.fpu.soft.fromInteger, [value, constant(slot)]);
const read = (bits: 16 | 32 | 64) => (e: Emitter) => e.let(e.loadVirtual(bits, e.linearAddress()));

const SINGLE: Source = { operand: 'Md', load: read(32), unpack: unpackFloat(32) };
const DOUBLE: Source = { operand: 'Mq', load: read(64), unpack: unpackFloat(64) };
const WORD: Source = {
  operand: 'Mw',
  load: (e) => e.let(e.loadVirtual(16, e.linearAddress()).extend16S().toI64S()),
  unpack: unpackInteger,
};
const DWORD: Source = {
  operand: 'Md',
  load: (e) => e.let(e.loadVirtual(32, e.linearAddress()).toI64S()),
  unpack: unpackInteger,
};
const QWORD: Source = { operand: 'Mq', load: read(64), unpack: unpackInteger };

/** Reads memory before anything changes: it may fault. */
function withMemory(source: Source, slot: number, work: Semantics): Semantics {
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
const index = (e: Emitter): Int => e.immediate2();

// ---- Arithmetic

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

function arithmeticRows(): Row[] {
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
      row(`D8 ${first} +i`, `f${name}`, '', waiting((e) => arithmetic(e, zero, index(e), reversed, 0)), RARE),
    );
    // DC and DE have the reversed forms the other way round: DC E0 is FSUBR ST(i), ST(0).
    const other = OPERATIONS[Number(digit) >= 4 ? Number(digit) ^ 1 : Number(digit)]?.name as string;
    const turned = Number(digit) >= 4 ? 1 - reversed : 0;
    rows.push(
      row(`DC ${first} +i`, `f${other}`, '', waiting((e) => arithmetic(e, index(e), zero, turned, 0)), RARE),
      row(`DE ${first} +i`, `f${other}p`, '', waiting((e) => arithmetic(e, index(e), zero, turned, 1)), RARE),
    );
  }
  return rows;
}

const RARE = { routine: true } as const;

// ---- Comparison

function setConditions(e: Emitter, bits: Int): void {
  e.setState(32, STATE_X87_STATUS, e.state(32, STATE_X87_STATUS).and(~(C0 | C2 | C3)).or(bits));
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

/** For instructions that leave C1 alone: what `settle` will write is what is there. */
function keepC1(e: Emitter): void {
  e.setState(32, ROUNDED_UP, e.state(32, STATE_X87_STATUS).shrU(9).and(1));
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

function comparisonRows(): Row[] {
  const fromMemory = (source: Source, pops: number): Semantics =>
    withMemory(source, SLOT_B, comparison(() => constant(-1), 0, pops));
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
  bits = constant(C3 | C2).select(denormal, constant(C2)).select(kind.eq(1), bits);
  bits = constant(C3).select(kind.eqz(), bits);
  bits = constant(C3 | C0).select(result(e, 'isEmpty', zero), bits);
  setConditions(e, e.let(bits));
  e.setState(32, ROUNDED_UP, high.shrU(15));
}

// ---- Loads and stores

function loadRows(): Row[] {
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

function storeRows(): Row[] {
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
    ...['DD D8', 'D9 D8', 'DF D0', 'DF D8'].map((encoding) =>
      row(`${encoding} +i`, 'fstp', '', waiting(storeRegister(1)), RARE),
    ),
  ];
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

function copyRegister(e: Emitter, from: Int, to: Int): void {
  const source = result(e, 'address', from);
  const target = result(e, 'address', to);
  e.body.store(64, target, e.let(e.body.load(64, source)));
  e.body.store(16, target, e.let(e.body.load(16, source, 8)), 8);
  e.body.store(8, target.shrU(4).and(7), constant(1), STATE_X87_TAGS);
}

// ---- Registers

function moveTop(e: Emitter, by: number): void {
  const status = e.state(32, STATE_X87_STATUS);
  e.setState(32, STATE_X87_STATUS, status.and(~0x3800).or(status.add(by << 11).and(0x3800)));
}

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

function registerRows(): Row[] {
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
    row('D9 F6', 'fdecstp', '', waiting((e) => moveTop(e, -1)), RARE),
    row('D9 F7', 'fincstp', '', waiting((e) => moveTop(e, 1)), RARE),
    row('DD C0 +i', 'ffree', '', free(0), RARE),
    row('DF C0 +i', 'ffreep', '', free(1), RARE),
    row('D9 FA', 'fsqrt', '', waiting((e) => call(e, 'squareRoot')), RARE),
    row('D9 FC', 'frndint', '', waiting((e) => call(e, 'roundToIntegral')), RARE),
    row('D9 FD', 'fscale', '', waiting((e) => call(e, 'scale')), RARE),
    row('D9 F4', 'fxtract', '', waiting((e) => call(e, 'extract')), RARE),
    row('D9 F8', 'fprem', '', waiting((e) => call(e, 'remainder', zero)), RARE),
    row('D9 F5', 'fprem1', '', waiting((e) => call(e, 'remainder', constant(1))), RARE),
  ];
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

function constantRows(): Row[] {
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

export const X87: readonly Row[] = [
  ...arithmeticRows(),
  ...comparisonRows(),
  ...loadRows(),
  ...storeRows(),
  ...registerRows(),
  ...constantRows(),
  ...X87_STATE,
];
