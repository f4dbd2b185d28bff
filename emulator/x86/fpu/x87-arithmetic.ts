import type { Int } from '../wasm/int.ts';
import { type ModuleBuilder, TYPE_I32 } from '../wasm/module-builder.ts';
import { i32 } from './routine.ts';
import * as slot from './slots.ts';
import type { SoftFloat } from './soft-float.ts';
import { BEFORE, noteDenormals, Stack, simple } from './x87-stack.ts';

/**
 * R for operands A and B of which one at least is a NaN or unsupported (SDM vol. 1, table 4-7): the quiet one of a
 * quiet and a signalling NaN, else the one with the larger significand, else the positive one.
 */
export function pickNan(builder: ModuleBuilder): number {
  const r = new Stack(builder, [], []);
  const a = r.body.let(r.kind(slot.SLOT_A));
  const b = r.body.let(r.kind(slot.SLOT_B));
  r.if(a.eq(slot.UNSUPPORTED).or(b.eq(slot.UNSUPPORTED)), () => {
    r.raise(slot.INVALID);
    r.indefinite();
    r.return();
  });
  r.if(a.eq(slot.SIGNALLING).or(b.eq(slot.SIGNALLING)), () => r.raise(slot.INVALID));
  const choose = (from: number): void => {
    r.copy(from, slot.SLOT_R);
    r.quietOperand(slot.SLOT_R);
    r.return();
  };
  r.if(b.ltU(slot.QUIET), () => choose(slot.SLOT_A));
  r.if(a.ltU(slot.QUIET), () => choose(slot.SLOT_B));
  r.if(a.ltU(b), () => choose(slot.SLOT_A));
  r.if(b.ltU(a), () => choose(slot.SLOT_B));
  const mantissaA = r.long(slot.SLOT_A + slot.MANTISSA);
  const mantissaB = r.long(slot.SLOT_B + slot.MANTISSA);
  r.if(mantissaA.gtU(mantissaB), () => choose(slot.SLOT_A));
  r.if(mantissaA.ltU(mantissaB), () => choose(slot.SLOT_B));
  r.if(r.word(slot.SLOT_A + slot.SIGN), () => choose(slot.SLOT_B));
  choose(slot.SLOT_A);
  return r.end();
}

export function arithmetic(builder: ModuleBuilder, soft: SoftFloat, nans: number): number {
  const r = new Stack(builder, [TYPE_I32, TYPE_I32, TYPE_I32, TYPE_I32, TYPE_I32], []);
  const [operation, destination, source, reversed, pop] = [0, 1, 2, 3, 4].map((i) => r.parameter(i)) as [
    Int,
    Int,
    Int,
    Int,
    Int,
  ];
  const finish = (): void => {
    r.store(soft, destination);
    r.if(pop, () => r.pop());
  };
  const fromStack = source.geS(0);
  r.if(r.isEmpty(destination).or(fromStack.and(r.isEmpty(source))), () => r.underflow(finish));
  r.unpack(soft, destination, i32(slot.SLOT_B).select(reversed, slot.SLOT_A));
  r.if(fromStack, () => r.unpack(soft, source, i32(slot.SLOT_A).select(reversed, slot.SLOT_B)));
  r.if(r.kind(slot.SLOT_A).geU(slot.QUIET).or(r.kind(slot.SLOT_B).geU(slot.QUIET)), () => {
    r.body.call(nans, []);
    r.if(r.unmasked(slot.INVALID).eqz(), finish);
    r.return();
  });
  r.body.call(soft.compute, [operation]);
  noteDenormals(r);
  r.if(r.unmasked(BEFORE), () => r.return());
  r.round(soft, r.precision());
  finish();
  return r.end();
}

export function compare(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [TYPE_I32, TYPE_I32], [TYPE_I32]);
  const source = r.parameter(0);
  const fromStack = source.geS(0);
  r.if(r.isEmpty(0).or(fromStack.and(r.isEmpty(source))), () => {
    r.raise(slot.INVALID | slot.STACK_FAULT);
    r.setWord(slot.ROUNDED_UP, 0);
    r.return(i32(3));
  });
  r.unpack(soft, 0, slot.SLOT_A);
  r.if(fromStack, () => r.unpack(soft, source, slot.SLOT_B));
  const a = r.body.let(r.kind(slot.SLOT_A));
  const b = r.body.let(r.kind(slot.SLOT_B));
  r.if(a.geU(slot.QUIET).or(b.geU(slot.QUIET)), () => {
    const invalid = r.parameter(1).eqz().or(a.gtU(slot.QUIET)).or(b.gtU(slot.QUIET));
    r.if(invalid, () => r.raise(slot.INVALID));
    r.return(i32(3));
  });
  noteDenormals(r);
  const order = r.body.let(r.body.result(soft.compare, []));
  r.return(i32(1).select(order.ltS(0), order.shl(1)));
  return r.end();
}

/** Common start of the instructions that work on ST(0) alone, with its number in slot A. */
function oneOperand(r: Stack, soft: SoftFloat): void {
  r.if(r.isEmpty(0), () => r.underflow(() => r.store(soft, 0)));
  r.unpack(soft, 0, slot.SLOT_A);
  r.if(r.kind(slot.SLOT_A).geU(slot.QUIET), () => {
    r.quietOperand(slot.SLOT_A);
    r.if(r.unmasked(slot.INVALID).eqz(), () => r.store(soft, 0));
    r.return();
  });
}

export function squareRoot(builder: ModuleBuilder, soft: SoftFloat): number {
  return simple(builder, (r) => {
    oneOperand(r, soft);
    r.body.call(soft.squareRoot, []);
    r.setWord(slot.SLOT_B + slot.DENORMAL, 0);
    noteDenormals(r);
    r.if(r.unmasked(BEFORE), () => r.return());
    r.round(soft, r.precision());
    r.store(soft, 0);
  });
}

export function roundToIntegral(builder: ModuleBuilder, soft: SoftFloat): number {
  return simple(builder, (r) => {
    oneOperand(r, soft);
    r.if(r.word(slot.SLOT_A + slot.DENORMAL), () => r.raise(slot.DENORMAL_OPERAND));
    r.if(r.unmasked(BEFORE), () => r.return());
    const integral = r.word(slot.SLOT_A + slot.EXPONENT).geS(63);
    r.if(r.kind(slot.SLOT_A).ne(slot.FINITE).or(integral), () => r.return());
    // Above one, rounding to an integer is rounding to as many bits as stand before the point.
    const exponent = r.word(slot.SLOT_A + slot.EXPONENT);
    r.if(exponent.geS(0), () => {
      r.copy(slot.SLOT_A, slot.SLOT_R);
      r.round(soft, exponent.add(1));
      r.store(soft, 0);
      r.return();
    });
    const sign = r.body.let(r.word(slot.SLOT_A + slot.SIGN));
    const wide = [i32(slot.SLOT_A), i32(64), r.word(slot.DIRECTION)];
    const integer = r.body.let(r.body.result(soft.toInteger, wide, 64));
    r.body.call(soft.fromInteger, [integer, i32(slot.SLOT_R)]);
    r.setWord(slot.SLOT_R + slot.SIGN, sign);
    r.store(soft, 0);
  });
}
