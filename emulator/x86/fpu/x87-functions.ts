import { STATE_X87_CONTROL, STATE_X87_STATUS } from '../cpu/layout.ts';
import { type ModuleBuilder, TYPE_I32 } from '../wasm/module-builder.ts';
import { i32 } from './routine.ts';
import * as slot from './slots.ts';
import type { SoftFloat } from './soft-float.ts';
import { arithmetic, compare, pickNan, roundToIntegral, squareRoot } from './x87-arithmetic.ts';
import { extract, remainder, scale } from './x87-scaling.ts';
import { C1, Stack, SUMMARY, simple } from './x87-stack.ts';
import { prepareDecimal, prepareInteger, prepareStore, push, pushRaw } from './x87-transfers.ts';

/**
 * What the x87 rows are made of. An instruction is `begin`, its work, `settle`. Registers are given relative to the top
 * of the stack. Exceptions, masked and not, are dealt with here: the numbers that stand for them, and that nothing but
 * the status word changes when an unmasked one is found before computing.
 */
export interface X87Functions {
  /** Rounding, masks from the control word; no exceptions so far. */
  readonly begin: number;
  /** Exceptions and C1 into the status word. */
  readonly settle: number;
  /** () frees the top register and moves on. */
  readonly pop: number;
  /** (i) → 1 when ST(i) is empty. */
  readonly isEmpty: number;
  /** (i) → byte address of ST(i). */
  readonly address: number;
  /** (operation, destination, source or -1 for the other slot, reversed, pop) */
  readonly arithmetic: number;
  /** Pushes R unless the stack is full or an exception found so far is unmasked. */
  readonly push: number;
  /** (mantissa, sign and exponent) pushes 80 bits as they are. */
  readonly pushRaw: number;
  /** (precision, lowest, highest) ST(0), rounded for a store, in R → 1 when it is to be stored. */
  readonly prepareStore: number;
  /** (bits, direction) → 1 when VECTOR_RESULT holds the integer to be stored. */
  readonly prepareInteger: number;
  /** Like prepareInteger, with ten bytes of packed decimal in VECTOR_RESULT. */
  readonly prepareDecimal: number;
  /** (source or -1 for slot B, quiet NaNs allowed) → 0 equal, 1 less, 2 greater, 3 unordered */
  readonly compare: number;
  /** ST(0) = √ST(0), integral part, scaled by ST(1). */
  readonly squareRoot: number;
  readonly roundToIntegral: number;
  readonly scale: number;
  readonly extract: number;
  /** (1: IEEE remainder, FPREM1) */
  readonly remainder: number;
  /** 1 when an exception found so far is unmasked. */
  readonly hasUnmasked: number;
  /** Raises a stack underflow; 1 when it is masked. R is the indefinite NaN then. */
  readonly underflow: number;
  /** R to ST(i), which becomes valid. */
  readonly setRegister: number;
}

export function addX87Functions(builder: ModuleBuilder, soft: SoftFloat): X87Functions {
  const nans = pickNan(builder);
  return {
    begin: begin(builder),
    settle: settle(builder),
    pop: simple(builder, (r) => r.pop()),
    isEmpty: isEmpty(builder),
    address: address(builder),
    arithmetic: arithmetic(builder, soft, nans),
    push: push(builder, soft),
    pushRaw: pushRaw(builder, soft),
    prepareStore: prepareStore(builder, soft),
    prepareInteger: prepareInteger(builder, soft),
    prepareDecimal: prepareDecimal(builder, soft),
    compare: compare(builder, soft),
    squareRoot: squareRoot(builder, soft),
    roundToIntegral: roundToIntegral(builder, soft),
    scale: scale(builder, soft, nans),
    extract: extract(builder, soft),
    remainder: remainder(builder, soft, nans),
    hasUnmasked: hasUnmasked(builder),
    underflow: underflow(builder),
    setRegister: setRegister(builder, soft),
  };
}

function begin(builder: ModuleBuilder): number {
  return simple(builder, (r) => {
    const control = r.body.let(r.word(STATE_X87_CONTROL));
    r.setWord(slot.EXCEPTIONS, 0);
    r.setWord(slot.ROUNDED_UP, 0);
    r.setWord(slot.DIRECTION, control.shrU(10).and(3));
    r.setWord(slot.MASKS, control.and(0x3f));
    r.setWord(slot.FLUSH, 0);
    r.setWord(slot.DENORMALS_ARE_ZERO, 0);
  });
}

function settle(builder: ModuleBuilder): number {
  return simple(builder, (r) => {
    const merged = r.status().and(~C1).or(r.word(slot.EXCEPTIONS)).or(r.word(slot.ROUNDED_UP).shl(9));
    const status = r.body.let(merged);
    const pending = status.and(0x3f).and(r.word(slot.MASKS).not());
    r.setWord(STATE_X87_STATUS, status.and(~SUMMARY).or(i32(SUMMARY).select(pending, 0)));
  });
}

function isEmpty(builder: ModuleBuilder): number {
  const r = new Stack(builder, [TYPE_I32], [TYPE_I32]);
  r.return(r.isEmpty(r.parameter(0)));
  return r.end();
}

function address(builder: ModuleBuilder): number {
  const r = new Stack(builder, [TYPE_I32], [TYPE_I32]);
  r.return(r.address(r.parameter(0)));
  return r.end();
}

function hasUnmasked(builder: ModuleBuilder): number {
  const r = new Stack(builder, [], [TYPE_I32]);
  r.return(r.unmasked(0x3f));
  return r.end();
}

function underflow(builder: ModuleBuilder): number {
  const r = new Stack(builder, [], [TYPE_I32]);
  r.raise(slot.INVALID | slot.STACK_FAULT);
  r.setWord(slot.ROUNDED_UP, 0);
  r.indefinite();
  r.return(r.unmasked(slot.INVALID).eqz());
  return r.end();
}

function setRegister(builder: ModuleBuilder, soft: SoftFloat): number {
  const r = new Stack(builder, [TYPE_I32], []);
  r.store(soft, r.parameter(0));
  return r.end();
}
