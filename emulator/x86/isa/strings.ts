import { STATE_BUDGET } from '../cpu/layout.ts';
import { Int } from '../wasm/int.ts';
import type { Emitter, Size } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';

const RCX = 1;
const RSI = 6;
const RDI = 7;
type Repeat = 'none' | 'rep' | 'repe' | 'repne';

/** Bytes to step by: plus or minus the operand size, by DF. */
function step(e: Emitter): Int {
  const backward = e.eflags().shrU(10).and(1);
  return e.let(Int.constant(32, -(e.size / 8)).select(backward, Int.constant(32, e.size / 8)));
}

function advance(e: Emitter, register: number, by: Int): void {
  e.setStringPointer(register, e.stringPointer(register).add(e.mode === 64 ? by.toI64S() : by));
}

interface StringOperation {
  /** One iteration: memory first, pointers after, so that a fault leaves the registers of the last whole one. */
  readonly once: (e: Emitter, by: Int) => void;
  /** As many iterations at once as memory allows, DF clear: returns through `taken` how many. */
  readonly bulk?: (e: Emitter, limit: Int, taken: (count: Int) => void) => void;
}

const move: StringOperation = {
  once(e, by) {
    const value = e.loadVirtual(e.size, e.sourceAddress());
    e.storeVirtual(e.size, e.destinationAddress(), value);
    advance(e, RSI, by);
    advance(e, RDI, by);
  },
  bulk(e, limit, taken) {
    const { body } = e;
    const from = e.let(e.sourceAddress());
    const to = e.let(e.destinationAddress());
    const bytes = e.size / 8;
    const room = e.let(
      pageRoom(from, bytes).select(pageRoom(from, bytes).ltU(pageRoom(to, bytes)), pageRoom(to, bytes)),
    );
    const count = e.let(room.select(room.ltU(limit), limit));
    body.if(count.gtU(1), () => {
      const source = e.let(e.probe(from, false));
      const target = e.let(e.probe(to, true));
      const length = e.let(count.mul(bytes));
      // A forward copy onto itself must go element by element: the guest may be filling.
      const apart = target.sub(source).geU(length);
      body.if(source.ne(0).and(target.ne(0)).and(apart), () => {
        body.memoryCopy(target, source, length);
        advance(e, RSI, length);
        advance(e, RDI, length);
        taken(count);
      });
    });
  },
};

const store: StringOperation = {
  once(e, by) {
    e.storeVirtual(e.size, e.destinationAddress(), e.register(0, e.size));
    advance(e, RDI, by);
  },
  bulk(e, limit, taken) {
    const { body } = e;
    const to = e.let(e.destinationAddress());
    const bytes = e.size / 8;
    const room = e.let(pageRoom(to, bytes));
    const count = e.let(room.select(room.ltU(limit), limit));
    const value = e.let(e.register(0, e.size));
    const low = e.let(value.toI32().and(0xff));
    const pattern = e.size === 8 ? Int.constant(32, 1) : value.eq(splat(low, e.size));
    body.if(count.gtU(1).and(pattern), () => {
      const target = e.let(e.probe(to, true));
      body.if(target, () => {
        const length = e.let(count.mul(bytes));
        body.memoryFill(target, low, length);
        advance(e, RDI, length);
        taken(count);
      });
    });
  },
};

const load: StringOperation = {
  once(e, by) {
    e.setRegister(0, e.size, e.loadVirtual(e.size, e.sourceAddress()));
    advance(e, RSI, by);
  },
};

const compare: StringOperation = {
  once(e, by) {
    const left = e.loadVirtual(e.size, e.sourceAddress());
    const right = e.loadVirtual(e.size, e.destinationAddress());
    e.flags.subtract(e.size, left, right, e.let(left.sub(right)));
    advance(e, RSI, by);
    advance(e, RDI, by);
  },
};

const scan: StringOperation = {
  once(e, by) {
    const right = e.loadVirtual(e.size, e.destinationAddress());
    const left = e.let(e.register(0, e.size));
    e.flags.subtract(e.size, left, right, e.let(left.sub(right)));
    advance(e, RDI, by);
  },
};

/** How many whole elements fit between an address and the end of its page. */
function pageRoom(address: Int, bytes: number): Int {
  return Int.constant(32, 4096).sub(address.toI32().and(4095)).divU(bytes);
}

function splat(byte: Int, size: Size): Int {
  const word = byte.mul(0x01010101);
  if (size === 64) return word.toI64U().mul(Int.constant64(1, 1));
  return size === 16 ? word.and(0xffff) : word;
}

/**
 * Each iteration counts as one instruction. The block has been charged one already; a fault refunds it (the
 * instruction did not retire), every finished iteration is charged here.
 */
function repeated(operation: StringOperation, repeat: Repeat): Semantics {
  return (e) => {
    const { body } = e;
    const by = step(e);
    if (repeat === 'none') {
      operation.once(e, by);
      return;
    }
    const charge = (count: Int): void => e.setState(32, STATE_BUDGET, e.state(32, STATE_BUDGET).sub(count));
    body.if(e.stringCount().eqz(), () => e.leaveRoutine('next'));
    const again = body.loop();
    body.if(e.state(32, STATE_BUDGET).ltS(0), () => {
      charge(Int.constant(32, -1));
      e.leaveRoutine('again');
    });
    const single = body.block();
    if (operation.bulk !== undefined) {
      const budget = e.let(e.state(32, STATE_BUDGET).add(1));
      const count = e.let(e.stringCount());
      const wanted = e.let(count.toI32().select(count.shrU(16).eqz(), Int.constant(32, 0x10000)));
      const limit = e.let(wanted.select(wanted.ltU(budget), budget));
      body.if(by.gtS(0), () => {
        operation.bulk?.(e, limit, (taken) => {
          charge(taken);
          e.setStringPointer(RCX, e.stringCount().sub(e.mode === 64 ? taken.toI64U() : taken));
          body.brIf(again, e.stringCount().ne(0));
          charge(Int.constant(32, -1));
          e.leaveRoutine('next');
        });
      });
    }
    body.br(single);
    body.end();
    operation.once(e, by);
    charge(Int.constant(32, 1));
    const left = e.let(e.stringCount().sub(1));
    e.setStringPointer(RCX, left);
    let goOn = left.ne(0);
    if (repeat === 'repe') goOn = goOn.and(e.flags.zero());
    if (repeat === 'repne') goOn = goOn.and(e.flags.zero().eqz());
    body.brIf(again, goOn);
    body.end();
    charge(Int.constant(32, -1));
  };
}

const GROUP: readonly [
  opcode: number,
  name: string,
  operation: StringOperation,
  compares: boolean,
  operands: string,
][] = [
  [0xa4, 'movs', move, false, 'X'],
  [0xa6, 'cmps', compare, true, 'X'],
  [0xaa, 'stos', store, false, 'Y'],
  [0xac, 'lods', load, false, 'X'],
  [0xae, 'scas', scan, true, 'Y'],
];

const traits = { routine: true } as const;

export const STRINGS: readonly Row[] = GROUP.flatMap(([opcode, name, operation, compares, operands]) =>
  [0, 1].flatMap((wide) => {
    const encoding = (opcode + wide).toString(16).toUpperCase();
    const kinds = `${operands}${wide === 1 ? 'v' : 'b'}`;
    return [
      row(encoding, name, kinds, repeated(operation, 'none'), traits),
      row(`F3 ${encoding}`, `rep ${name}`, kinds, repeated(operation, compares ? 'repe' : 'rep'), {
        ...traits,
        ends: true,
      }),
      row(`F2 ${encoding}`, `repne ${name}`, kinds, repeated(operation, compares ? 'repne' : 'rep'), {
        ...traits,
        ends: true,
      }),
    ];
  }),
);
