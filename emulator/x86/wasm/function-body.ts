import { CodeBuffer } from './code-buffer.ts';
import { Int } from './int.ts';
import { TYPE_I32, TYPE_I64, type ValueType } from './module-builder.ts';
import { I64_LOAD32_S, LOAD_SIGNED, LOAD_UNSIGNED, STORE } from './opcodes.ts';

/** A branch target: the nesting depth at which its block was opened. */
export type Label = number & { readonly label: unique symbol };

/** A local variable. Read it as an expression, assign with `FunctionBody.set`. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

const EMPTY_BLOCK = 0x40;

/** Code of one function: statements go straight into the buffer, expressions are `Int`s. */
export class FunctionBody {
  readonly code = new CodeBuffer(1024);
  private readonly localTypes: ValueType[] = [];
  private depth = 0;
  /** Temporaries of each type, reused once `releaseTemporaries` says that a row is over. */
  private readonly pools = new Map<ValueType, { readonly locals: Local[]; used: number }>();

  constructor(private readonly parameterTypes: readonly ValueType[]) {}

  parameter(index: number): Local {
    return { index, type: this.parameterTypes[index] as ValueType };
  }

  local(type: ValueType): Local {
    this.localTypes.push(type);
    return { index: this.parameterTypes.length + this.localTypes.length - 1, type };
  }

  temporary(type: ValueType): Local {
    let pool = this.pools.get(type);
    if (pool === undefined) {
      pool = { locals: [], used: 0 };
      this.pools.set(type, pool);
    }
    if (pool.used === pool.locals.length) pool.locals.push(this.local(type));
    return pool.locals[pool.used++] as Local;
  }

  releaseTemporaries(): void {
    for (const pool of this.pools.values()) pool.used = 0;
  }

  get(local: Local): Int {
    return Int.of(local.type === TYPE_I64 ? 64 : 32, (code) => {
      code.u8(0x20);
      code.unsigned(local.index);
    });
  }

  set(local: Local, value: Int): void {
    value.emit(this.code);
    this.code.u8(0x21);
    this.code.unsigned(local.index);
  }

  /** Evaluates once, now; the result reads the temporary. */
  let(value: Int): Int {
    const local = this.temporary(value.width === 64 ? TYPE_I64 : TYPE_I32);
    this.set(local, value);
    return this.get(local);
  }

  /** Loads `bits` from a byte address plus constant offset; below 32 bits zero- (or sign-) extended into an i32. */
  load(bits: number, address: Int, offset = 0, signed = false): Int {
    return Int.of(bits === 64 ? 64 : 32, (code) => {
      address.emit(code);
      memoryOperand(code, (signed ? LOAD_SIGNED : LOAD_UNSIGNED)[bits] as number, offset);
    });
  }

  /** An i32 in memory, sign-extended to i64. */
  load32S64(address: Int, offset = 0): Int {
    return Int.of(64, (code) => {
      address.emit(code);
      memoryOperand(code, I64_LOAD32_S, offset);
    });
  }

  store(bits: number, address: Int, value: Int, offset = 0): void {
    address.emit(this.code);
    (bits === 64 ? value : value.toI32()).emit(this.code);
    memoryOperand(this.code, STORE[bits] as number, offset);
  }

  block(): Label {
    return this.open(0x02);
  }

  loop(): Label {
    return this.open(0x03);
  }

  private open(opcode: number): Label {
    this.code.u8(opcode);
    this.code.u8(EMPTY_BLOCK);
    return ++this.depth as Label;
  }

  end(): void {
    this.code.u8(0x0b);
    this.depth--;
  }

  if(condition: Int, then: () => void, otherwise?: () => void): void {
    condition.emit(this.code);
    this.open(0x04);
    then();
    if (otherwise !== undefined) {
      this.code.u8(0x05);
      otherwise();
    }
    this.end();
  }

  /** Value of one of two expressions, only one evaluated. Each side may also run statements through its callback. */
  choose(condition: Int, then: () => Int, otherwise: () => Int): Int {
    condition.emit(this.code);
    const probe = this.code.length;
    this.open(0x04);
    const first = then();
    const width = first.width;
    this.code.bytes[probe + 1] = width === 64 ? TYPE_I64 : TYPE_I32;
    first.emit(this.code);
    this.code.u8(0x05);
    otherwise().emit(this.code);
    this.end();
    const local = this.temporary(width === 64 ? TYPE_I64 : TYPE_I32);
    this.code.u8(0x21);
    this.code.unsigned(local.index);
    return this.get(local);
  }

  /** Puts code that opens no blocks before everything else. */
  prepend(statements: (body: FunctionBody) => void): void {
    const rest = this.code.finish();
    this.code.length = 0;
    statements(this);
    this.code.appendBytes(rest);
  }

  br(label: Label): void {
    this.code.u8(0x0c);
    this.code.unsigned(this.depth - label);
  }

  brIf(label: Label, condition: Int): void {
    condition.emit(this.code);
    this.code.u8(0x0d);
    this.code.unsigned(this.depth - label);
  }

  brTable(labels: readonly Label[], fallback: Label, selector: Int): void {
    selector.emit(this.code);
    this.code.u8(0x0e);
    this.code.unsigned(labels.length);
    for (const label of labels) this.code.unsigned(this.depth - label);
    this.code.unsigned(this.depth - fallback);
  }

  call(index: number, args: readonly Int[]): void {
    for (const argument of args) argument.emit(this.code);
    this.code.u8(0x10);
    this.code.unsigned(index);
  }

  /** Result of a call as an expression. */
  result(index: number, args: readonly Int[], width: 32 | 64 = 32): Int {
    return Int.of(width, (code) => {
      for (const argument of args) argument.emit(code);
      code.u8(0x10);
      code.unsigned(index);
    });
  }

  callIndirect(type: number, selector: Int, args: readonly Int[]): Int {
    return Int.of(32, (code) => {
      for (const argument of args) argument.emit(code);
      selector.emit(code);
      code.u8(0x11);
      code.unsigned(type);
      code.unsigned(0);
    });
  }

  return(value?: Int): void {
    value?.emit(this.code);
    this.code.u8(0x0f);
  }

  unreachable(): void {
    this.code.u8(0x00);
  }

  /** memory.copy and memory.fill of the bulk-memory operations. */
  memoryCopy(destination: Int, source: Int, length: Int): void {
    destination.emit(this.code);
    source.emit(this.code);
    length.emit(this.code);
    for (const byte of [0xfc, 10, 0, 0]) this.code.u8(byte);
  }

  memoryFill(destination: Int, value: Int, length: Int): void {
    destination.emit(this.code);
    value.emit(this.code);
    length.emit(this.code);
    for (const byte of [0xfc, 11, 0]) this.code.u8(byte);
  }

  writeTo(out: CodeBuffer): void {
    const header = new CodeBuffer(64);
    const runs: [count: number, type: ValueType][] = [];
    for (const type of this.localTypes) {
      const last = runs[runs.length - 1];
      if (last !== undefined && last[1] === type) last[0]++;
      else runs.push([1, type]);
    }
    header.unsigned(runs.length);
    for (const [count, type] of runs) {
      header.unsigned(count);
      header.u8(type);
    }
    out.unsigned(header.length + this.code.length + 1);
    out.append(header);
    out.append(this.code);
    out.u8(0x0b);
  }
}

function memoryOperand(code: CodeBuffer, opcode: number, offset: number): void {
  code.u8(opcode);
  code.u8(0);
  code.unsigned(offset);
}
