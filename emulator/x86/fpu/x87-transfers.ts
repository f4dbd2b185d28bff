import { Int } from '../wasm/int.ts';
import { type ModuleBuilder, TYPE_I32, TYPE_I64 } from '../wasm/module-builder.ts';
import { i32, ZERO64 } from './routine.ts';
import * as slot from './slots.ts';
import type { SoftFloat } from './soft-float.ts';
import { BEFORE, Stack } from './x87-stack.ts';

/** Room for one more: else the masked answer is the indefinite NaN, with C1 set. */
function makeRoom(r: Stack, soft: SoftFloat): void {
  r.if(r.isEmpty(-1).eqz(), () => {
    r.raise(slot.INVALID | slot.STACK_FAULT);
    r.setWord(slot.ROUNDED_UP, 1);
    r.if(r.unmasked(slot.INVALID).eqz(), () => {
      r.indefinite();
      r.moveTop(-1);
      r.store(soft, 0);
    });
    r.return();
  });
}

export function push(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [], []);
  makeRoom(r, soft);
  r.if(r.kind(slot.SLOT_R).geU(slot.QUIET), () => r.quietOperand(slot.SLOT_R));
  r.if(r.word(slot.SLOT_R + slot.DENORMAL), () => r.raise(slot.DENORMAL_OPERAND));
  r.if(r.unmasked(BEFORE), () => r.return());
  r.moveTop(-1);
  r.store(soft, 0);
  return r.end();
}

export function pushRaw(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [TYPE_I64, TYPE_I32], []);
  makeRoom(r, soft);
  r.moveTop(-1);
  const to = r.body.let(r.address(0));
  r.body.store(64, to, r.parameter(0));
  r.body.store(16, to, r.parameter(1), 8);
  r.setTag(0, 1);
  return r.end();
}

export function prepareStore(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [TYPE_I32, TYPE_I32, TYPE_I32], [TYPE_I32]);
  r.if(r.isEmpty(0), () => {
    r.raise(slot.INVALID | slot.STACK_FAULT);
    r.indefinite();
    r.return(r.unmasked(slot.INVALID).eqz());
  });
  r.unpack(soft, 0, slot.SLOT_R);
  r.if(r.kind(slot.SLOT_R).geU(slot.QUIET), () => {
    r.quietOperand(slot.SLOT_R);
    r.return(r.unmasked(slot.INVALID).eqz());
  });
  r.body.call(soft.round, [r.parameter(0), r.parameter(1), r.parameter(2), i32(0)]);
  // Nothing is stored for an unmasked overflow or underflow.
  r.if(r.unmasked(slot.OVERFLOW | slot.UNDERFLOW), () => {
    r.setWord(slot.ROUNDED_UP, 0);
    r.setWord(slot.EXCEPTIONS, r.word(slot.EXCEPTIONS).and(~slot.PRECISION));
    r.return(i32(0));
  });
  r.return(i32(1));
  return r.end();
}

export function prepareInteger(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [TYPE_I32, TYPE_I32], [TYPE_I32]);
  r.if(
    r.isEmpty(0),
    () => {
      r.raise(slot.INVALID | slot.STACK_FAULT);
      r.setLong(slot.VECTOR_RESULT, Int.constant(64, -1).shl(r.parameter(0).sub(1).toI64U()));
    },
    () => {
      r.unpack(soft, 0, slot.SLOT_A);
      const integer = r.body.result(soft.toInteger, [i32(slot.SLOT_A), r.parameter(0), r.parameter(1)], 64);
      r.setLong(slot.VECTOR_RESULT, r.body.let(integer));
    },
  );
  r.return(r.unmasked(slot.INVALID).eqz());
  return r.end();
}

/** Ten bytes: eighteen digits, two a byte, then the sign. The indefinite is FFFF C000 0000 0000 0000. */
export function prepareDecimal(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [], [TYPE_I32]);
  const fail = (): void => {
    r.setLong(slot.VECTOR_RESULT, Int.constant64(0, 0xc0000000 | 0));
    r.body.store(16, i32(0), i32(0xffff), slot.VECTOR_RESULT + 8);
    r.return(r.unmasked(slot.INVALID).eqz());
  };
  r.if(r.isEmpty(0), () => {
    r.raise(slot.INVALID | slot.STACK_FAULT);
    fail();
  });
  r.unpack(soft, 0, slot.SLOT_A);
  const before = r.body.let(r.word(slot.EXCEPTIONS));
  const integer = r.variable64(r.body.result(soft.toInteger, [i32(slot.SLOT_A), i32(64), r.word(slot.DIRECTION)], 64));
  r.if(integer.value.ltS(ZERO64), () => {
    integer.value = integer.value.negate();
  });
  // Beyond 999,999,999,999,999,999 (0x0de0b6b3a763ffff).
  r.if(integer.value.gtU(Int.constant64(0xa763ffff | 0, 0x0de0b6b3)), () => {
    r.setWord(slot.EXCEPTIONS, before.or(slot.INVALID));
    r.setWord(slot.ROUNDED_UP, 0);
  });
  r.if(r.word(slot.EXCEPTIONS).and(slot.INVALID), fail);
  for (let i = 0; i < 9; i++) {
    const pair = r.body.let(integer.value.remU(100).toI32());
    r.body.store(8, i32(0), pair.divU(10).shl(4).or(pair.remU(10)), slot.VECTOR_RESULT + i);
    integer.value = integer.value.divU(100);
  }
  r.body.store(8, i32(0), r.word(slot.SLOT_A + slot.SIGN).shl(7), slot.VECTOR_RESULT + 9);
  r.return(i32(1));
  return r.end();
}
