import type { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';

/** Shift count modulo 32 (64 for 64-bit operands), as wide as the operand. */
function count(e: Emitter, operand: number): Int {
  return e.let(
    e
      .read(operand, 8)
      .and(e.size === 64 ? 63 : 31)
      .toWidth(e.width(e.size)),
  );
}

function lowBit(value: Int): Int {
  return value.toI32().and(1);
}

/** Bit at a constant place, as i32. */
function bitAt(e: Emitter, value: Int, place: number): Int {
  return lowBit(value.shrU(e.constant(place)));
}

/** Flags stay as they are when the count is zero. */
function unlessZero(e: Emitter, shift: Int, then: () => void): void {
  e.body.if(shift.ne(0), then);
}

function shiftLeft(e: Emitter): void {
  const shift = count(e, 1);
  const destination = e.modify(0);
  const value = destination.value;
  const result = e.let(value.shl(shift));
  destination.store(result);
  unlessZero(e, shift, () => {
    const carry = e.let(e.size < 32 ? bitAt(e, result, e.size) : lowBit(value.shrU(e.constant(e.size).sub(shift))));
    e.flags.explicit(e.size, result, carry, bitAt(e, result, e.size - 1).xor(carry));
  });
}

function shiftRight(e: Emitter): void {
  const shift = count(e, 1);
  const destination = e.modify(0);
  const value = destination.value;
  const result = e.let(value.shrU(shift));
  destination.store(result);
  unlessZero(e, shift, () => {
    e.flags.explicit(e.size, result, lowBit(value.shrU(shift.sub(1))), bitAt(e, value, e.size - 1));
  });
}

function shiftArithmetic(e: Emitter): void {
  const shift = count(e, 1);
  const destination = e.modify(0);
  const value = e.let(e.signExtend(destination.value, e.size));
  const result = e.let(value.shrS(shift));
  destination.store(result);
  unlessZero(e, shift, () => {
    e.flags.explicit(e.size, result, lowBit(value.shrS(shift.sub(1))), e.constant(0, 32));
  });
}

function rotateLeft(e: Emitter): void {
  const shift = count(e, 1);
  const destination = e.modify(0);
  const value = destination.value;
  let result: Int;
  if (e.size >= 32) result = e.let(value.rotl(shift));
  else {
    const places = e.let(shift.and(e.size - 1));
    result = e.let(e.truncate(value.shl(places).or(value.shrU(e.constant(e.size).sub(places))), e.size));
  }
  destination.store(result);
  unlessZero(e, shift, () => {
    const carry = e.let(lowBit(result));
    e.flags.setCarryAndOverflow(carry, bitAt(e, result, e.size - 1).xor(carry));
  });
}

function rotateRight(e: Emitter): void {
  const shift = count(e, 1);
  const destination = e.modify(0);
  const value = destination.value;
  let result: Int;
  if (e.size >= 32) result = e.let(value.rotr(shift));
  else {
    const places = e.let(shift.and(e.size - 1));
    result = e.let(e.truncate(value.shrU(places).or(value.shl(e.constant(e.size).sub(places))), e.size));
  }
  destination.store(result);
  unlessZero(e, shift, () => {
    const carry = e.let(bitAt(e, result, e.size - 1));
    e.flags.setCarryAndOverflow(carry, bitAt(e, result, e.size - 2).xor(carry));
  });
}

/** RCL and RCR turn operand and carry bit by bit: counts are small and the forms rare. */
function rotateThroughCarry(left: boolean): Semantics {
  return (e) => {
    const { body } = e;
    const destination = e.modify(0);
    const shift = count(e, 1);
    const width = e.width(e.size);
    const value = body.temporary(width === 64 ? 0x7e : 0x7f);
    const carry = body.temporary(0x7f);
    const rest = body.temporary(0x7f);
    body.set(value, destination.value);
    body.set(carry, e.flags.carry());
    body.set(rest, shift.toI32().remU(e.size === 8 ? 9 : e.size === 16 ? 17 : 64));
    const done = body.block();
    const again = body.loop();
    body.brIf(done, body.get(rest).eqz());
    const old = body.get(value);
    if (left) {
      const out = e.let(bitAt(e, old, e.size - 1));
      body.set(value, e.truncate(old.shl(1).or(body.get(carry).toWidth(width)), e.size));
      body.set(carry, out);
    } else {
      const out = e.let(lowBit(old));
      body.set(
        value,
        old.shrU(1).or(
          body
            .get(carry)
            .toWidth(width)
            .shl(e.size - 1),
        ),
      );
      body.set(carry, out);
    }
    body.set(rest, body.get(rest).sub(1));
    body.br(again);
    body.end();
    body.end();
    const result = body.get(value);
    destination.store(result);
    unlessZero(e, shift, () => {
      const top = bitAt(e, result, e.size - 1);
      const other = left ? body.get(carry) : bitAt(e, result, e.size - 2);
      e.flags.setCarryAndOverflow(body.get(carry), e.let(top.xor(other)));
    });
  };
}

/** SHLD: bits of the second operand come in from the right. */
function doubleLeft(e: Emitter): void {
  const source = e.let(e.registerOperand(1, e.size));
  const shift = count(e, 2);
  const destination = e.modify(0);
  const value = destination.value;
  let result: Int;
  let carry: Int;
  if (e.size === 16) {
    const joined = e.let(value.shl(16).or(source).toI64U().shl(16).or(source.toI64U()));
    result = e.let(joined.shl(shift.toI64U()).shrU(32).toI32().and(0xffff));
    carry = joined.shrU(e.constant(48, 64).sub(shift.toI64U())).toI32().and(1);
  } else {
    const in_ = source.shrU(1).shrU(e.constant(e.size - 1).sub(shift));
    result = e.let(value.shl(shift).or(in_));
    carry = lowBit(value.shrU(e.constant(e.size).sub(shift)));
  }
  destination.store(result);
  unlessZero(e, shift, () => {
    const overflow = bitAt(e, result.xor(value), e.size - 1);
    e.flags.explicit(e.size, result, carry, overflow);
  });
}

function doubleRight(e: Emitter): void {
  const source = e.let(e.registerOperand(1, e.size));
  const shift = count(e, 2);
  const destination = e.modify(0);
  const value = destination.value;
  let result: Int;
  let carry: Int;
  if (e.size === 16) {
    const joined = e.let(value.or(source.shl(16)).toI64U().or(value.toI64U().shl(32)));
    result = e.let(joined.shrU(shift.toI64U()).toI32().and(0xffff));
    carry = joined.shrU(shift.toI64U().sub(1)).toI32().and(1);
  } else {
    const in_ = source.shl(1).shl(e.constant(e.size - 1).sub(shift));
    result = e.let(value.shrU(shift).or(in_));
    carry = lowBit(value.shrU(shift.sub(1)));
  }
  destination.store(result);
  unlessZero(e, shift, () => {
    const overflow = bitAt(e, result.xor(value), e.size - 1);
    e.flags.explicit(e.size, result, carry, overflow);
  });
}

const GROUP: readonly [name: string, run: Semantics, routine: boolean][] = [
  ['rol', rotateLeft, false],
  ['ror', rotateRight, false],
  ['rcl', rotateThroughCarry(true), true],
  ['rcr', rotateThroughCarry(false), true],
  ['shl', shiftLeft, false],
  ['shr', shiftRight, false],
  ['shl', shiftLeft, false],
  ['sar', shiftArithmetic, false],
];

export const SHIFTS: readonly Row[] = [
  ...GROUP.flatMap(([name, run, routine], digit) => {
    const traits = routine ? ({ routine: true } as const) : {};
    return [
      row(`C0 /${digit}`, name, 'Eb Ib', run, traits),
      row(`C1 /${digit}`, name, 'Ev Ib', run, traits),
      row(`D0 /${digit}`, name, 'Eb 1', run, traits),
      row(`D1 /${digit}`, name, 'Ev 1', run, traits),
      row(`D2 /${digit}`, name, 'Eb CL', run, traits),
      row(`D3 /${digit}`, name, 'Ev CL', run, traits),
    ];
  }),
  row('0F A4 /r', 'shld', 'Ev Gv Ib', doubleLeft),
  row('0F A5 /r', 'shld', 'Ev Gv CL', doubleLeft),
  row('0F AC /r', 'shrd', 'Ev Gv Ib', doubleRight),
  row('0F AD /r', 'shrd', 'Ev Gv CL', doubleRight),
];
