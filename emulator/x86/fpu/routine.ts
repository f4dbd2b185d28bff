import { FunctionBody, type Label, type Local } from '../wasm/function-body.ts';
import { Int } from '../wasm/int.ts';
import { type ModuleBuilder, TYPE_I32, TYPE_I64, type ValueType } from '../wasm/module-builder.ts';
import * as slot from './slots.ts';

/** A function in the making: parameters and variables by name, slot fields as expressions. */
export class Routine {
  readonly body: FunctionBody;
  private readonly parameters: readonly Local[];

  constructor(
    private readonly builder: ModuleBuilder,
    private readonly parameterTypes: readonly ValueType[],
    private readonly resultTypes: readonly ValueType[],
  ) {
    this.body = new FunctionBody(parameterTypes);
    this.parameters = parameterTypes.map((_, i) => this.body.parameter(i));
  }

  parameter(index: number): Int {
    return this.body.get(this.parameters[index] as Local);
  }

  variable32(initial: Int | number): Variable {
    return new Variable(this.body, this.body.local(TYPE_I32), i32(initial));
  }

  variable64(initial: Int): Variable {
    return new Variable(this.body, this.body.local(TYPE_I64), initial);
  }

  /** A 32-bit word at a fixed place of the work area. */
  word(address: number): Int {
    return this.body.load(32, i32(0), address);
  }

  setWord(address: number, value: Int | number): void {
    this.body.store(32, i32(0), i32(value), address);
  }

  long(address: number): Int {
    return this.body.load(64, i32(0), address);
  }

  setLong(address: number, value: Int): void {
    this.body.store(64, i32(0), value, address);
  }

  raise(exceptions: Int | number): void {
    this.setWord(slot.EXCEPTIONS, this.word(slot.EXCEPTIONS).or(exceptions));
  }

  if(condition: Int, then: () => void, otherwise?: () => void): void {
    this.body.if(condition, then, otherwise);
  }

  /** Repeats `round` while it returns a true condition. */
  repeat(round: () => Int): void {
    const label: Label = this.body.loop();
    this.body.brIf(label, round());
    this.body.end();
  }

  return(value?: Int): void {
    this.body.return(value);
  }

  /** Ends the function and returns its index. */
  end(): number {
    if (this.resultTypes.length > 0) this.body.unreachable();
    return this.builder.addFunction(this.builder.type(this.parameterTypes, this.resultTypes), this.body);
  }
}

export class Variable {
  constructor(
    private readonly body: FunctionBody,
    private readonly local: Local,
    initial: Int,
  ) {
    body.set(local, initial);
  }

  get value(): Int {
    return this.body.get(this.local);
  }

  set value(value: Int) {
    this.body.set(this.local, value);
  }
}

export const i32 = (value: Int | number): Int => (typeof value === 'number' ? Int.constant(32, value) : value);

export const TOP = Int.constant64(0, 0x80000000 | 0);

export const ZERO64 = Int.constant(64, 0);

export const ONE64 = Int.constant(64, 1);

/** 1 when the i64 is not zero, as an i64. */
export const sticky = (value: Int): Int => value.ne(0).toI64U();
