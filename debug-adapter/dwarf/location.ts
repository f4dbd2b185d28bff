import { AT, ENCODING } from './constants.ts';
import { DataReader } from './data-reader.ts';
import { MalformedDwarf } from './malformed.ts';
import { OP } from './operators.ts';
import type { Unit } from './unit.ts';

/** Where a value is. */
export type Location =
  | { readonly kind: 'memory'; readonly address: bigint }
  | { readonly kind: 'register'; readonly register: number }
  /** Nowhere, but known. */
  | { readonly kind: 'value'; readonly value: bigint }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** In parts, lowest address first; a part may be unavailable. */
  | { readonly kind: 'pieces'; readonly pieces: readonly Piece[] }
  | { readonly kind: 'unavailable'; readonly reason: string };

export interface Piece {
  readonly location: Location;
  /** Bytes. */
  readonly size: number;
}

/** A frame of a stopped program. Registers by DWARF number (System V ABI, x86-64, 3.6.2; i386, table 2.14). */
export interface FrameState {
  readonly addressSize: 8 | 4;
  /** Undefined: the frame's value is not known. */
  register(number: number): bigint | undefined;
  /** As many bytes as are readable. */
  readMemory(address: bigint, length: number): Promise<Uint8Array>;
}

export interface LocationContext extends FrameState {
  readonly unit: Unit | undefined;
  /** What DW_OP_fbreg counts from. */
  readonly frameBase?: () => Promise<bigint | undefined>;
  readonly canonicalFrameAddress?: () => Promise<bigint | undefined>;
  /** Value that an expression had when the function was entered. */
  readonly entryValue?: (expression: Uint8Array) => Promise<bigint | undefined>;
}

export const OPTIMIZED_OUT: Location = { kind: 'unavailable', reason: 'optimized out' };
const unavailable = (reason: string): Location => ({ kind: 'unavailable', reason });

/** No expression of a compiler takes as many steps; one that does goes in circles. */
const MAXIMUM_STEPS = 10_000;
const MAXIMUM_STACK = 1_000;

/** What cannot be known stops an expression without making it malformed. */
class Unknown {
  constructor(readonly reason: string) {}
}

/** Evaluates a location expression. Throws `MalformedDwarf`. */
export async function evaluateLocation(
  expression: Uint8Array,
  context: LocationContext,
  initial: readonly bigint[] = [],
): Promise<Location> {
  if (expression.length === 0) return OPTIMIZED_OUT;
  const machine = new StackMachine(expression, context, [...initial]);
  try {
    return await machine.run();
  } catch (error) {
    if (error instanceof Unknown) return unavailable(error.reason);
    throw error;
  }
}

/** The same where a plain value is wanted: of a frame base, a register rule. */
export async function evaluateValue(
  expression: Uint8Array,
  context: LocationContext,
  initial: readonly bigint[] = [],
): Promise<bigint | undefined> {
  const location = await evaluateLocation(expression, context, initial);
  switch (location.kind) {
    case 'memory':
      return location.address;
    case 'value':
      return location.value;
    case 'register':
      return context.register(location.register);
    default:
      return undefined;
  }
}

class StackMachine {
  private readonly reader: DataReader;
  private readonly pieces: Piece[] = [];
  /** Set by what describes a place that is not in memory. */
  private place: Location | undefined;

  constructor(
    expression: Uint8Array,
    private readonly context: LocationContext,
    private readonly stack: bigint[],
  ) {
    this.reader = new DataReader(expression, 'a location expression');
  }

  async run(): Promise<Location> {
    const { reader } = this;
    for (let steps = 0; !reader.done; steps++) {
      if (steps > MAXIMUM_STEPS || this.stack.length > MAXIMUM_STACK) {
        throw new MalformedDwarf('A location expression does not end.');
      }
      await this.step(reader.u8());
    }
    return this.pieces.length > 0 ? { kind: 'pieces', pieces: this.pieces } : this.current();
  }

  /** What has been described since the last piece. */
  private current(): Location {
    if (this.place !== undefined) return this.place;
    const address = this.stack.at(-1);
    return address === undefined ? OPTIMIZED_OUT : { kind: 'memory', address: this.toAddress(address) };
  }

  private async step(opcode: number): Promise<void> {
    const { reader } = this;
    if (opcode >= OP.lit0 && opcode < OP.lit0 + 32) this.push(BigInt(opcode - OP.lit0));
    else if (opcode >= OP.reg0 && opcode < OP.reg0 + 32) this.inRegister(opcode - OP.reg0);
    else if (opcode >= OP.breg0 && opcode < OP.breg0 + 32) {
      this.push(this.register(opcode - OP.breg0) + reader.slebBig());
    } else if (!this.constant(opcode) && !this.arithmetic(opcode)) await this.other(opcode);
  }

  private constant(opcode: number): boolean {
    const { reader, context } = this;
    switch (opcode) {
      case OP.addr:
        this.push(reader.big(context.addressSize));
        return true;
      case OP.const1u:
      case OP.const2u:
      case OP.const4u:
      case OP.const8u: {
        const size = 1 << ((opcode - OP.const1u) >> 1);
        this.push(reader.big(size));
        return true;
      }
      case OP.const1s:
      case OP.const2s:
      case OP.const4s:
      case OP.const8s: {
        const size = 1 << ((opcode - OP.const1s) >> 1);
        this.push(BigInt.asIntN(8 * size, reader.big(size)));
        return true;
      }
      case OP.constu:
        this.push(reader.ulebBig());
        return true;
      case OP.consts:
        this.push(reader.slebBig());
        return true;
      case OP.addrx:
      case OP.constx:
      case OP.GNU_addr_index:
      case OP.GNU_const_index:
        this.push(BigInt(this.unit().address(reader.uleb())));
        return true;
      default:
        return false;
    }
  }

  private arithmetic(opcode: number): boolean {
    const { stack, reader } = this;
    switch (opcode) {
      case OP.dup:
        this.push(this.peek(0));
        return true;
      case OP.drop:
        this.pop();
        return true;
      case OP.over:
        this.push(this.peek(1));
        return true;
      case OP.pick:
        this.push(this.peek(reader.u8()));
        return true;
      case OP.swap: {
        const [top, next] = [this.pop(), this.pop()];
        stack.push(top, next);
        return true;
      }
      case OP.rot: {
        const [top, next, third] = [this.pop(), this.pop(), this.pop()];
        stack.push(top, third, next);
        return true;
      }
      case OP.plus_uconst:
        this.push(this.pop() + reader.ulebBig());
        return true;
      case OP.abs: {
        const value = this.signed(this.pop());
        this.push(value < 0n ? -value : value);
        return true;
      }
      case OP.neg:
        this.push(-this.pop());
        return true;
      case OP.not:
        this.push(~this.pop());
        return true;
      case OP.skip:
        this.jump((reader.u16() << 16) >> 16);
        return true;
      case OP.bra: {
        const distance = (reader.u16() << 16) >> 16;
        if (this.pop() !== 0n) this.jump(distance);
        return true;
      }
      case OP.nop:
      case OP.GNU_uninit:
        return true;
      default:
        return this.binary(opcode);
    }
  }

  private binary(opcode: number): boolean {
    const operation = BINARY.get(opcode);
    if (operation === undefined) return false;
    const right = this.pop();
    const left = this.pop();
    if (right === 0n && (opcode === OP.div || opcode === OP.mod)) throw new Unknown('its location divides by zero');
    this.push(operation(left, right, this.bits));
    return true;
  }

  private async other(opcode: number): Promise<void> {
    const { reader, context } = this;
    switch (opcode) {
      case OP.regx:
        this.inRegister(reader.uleb());
        return;
      case OP.bregx:
        this.push(this.register(reader.uleb()) + reader.slebBig());
        return;
      case OP.fbreg: {
        const offset = reader.slebBig();
        const base = await context.frameBase?.();
        if (base === undefined) throw new Unknown('the frame of its function is not known');
        this.push(base + offset);
        return;
      }
      case OP.call_frame_cfa: {
        const address = await context.canonicalFrameAddress?.();
        if (address === undefined) throw new Unknown('there is no call-frame information here');
        this.push(address);
        return;
      }
      case OP.deref:
        return await this.load(context.addressSize);
      case OP.deref_size:
        return await this.load(reader.u8());
      case OP.deref_type:
      case OP.GNU_deref_type: {
        const size = reader.u8();
        reader.skipLeb();
        return await this.load(size);
      }
      case OP.stack_value:
        this.place = { kind: 'value', value: this.pop() };
        return;
      case OP.implicit_value:
        this.place = { kind: 'bytes', bytes: reader.block(reader.uleb()) };
        return;
      case OP.piece:
        this.piece(reader.uleb());
        return;
      case OP.entry_value:
      case OP.GNU_entry_value:
        return await this.entryValue(reader.block(reader.uleb()));
      case OP.const_type:
      case OP.GNU_const_type: {
        reader.skipLeb();
        this.push(reader.big(reader.u8()));
        return;
      }
      case OP.regval_type:
      case OP.GNU_regval_type: {
        const value = this.register(reader.uleb());
        this.convert(value, reader.uleb());
        return;
      }
      case OP.convert:
      case OP.reinterpret:
      case OP.GNU_convert:
      case OP.GNU_reinterpret:
        this.convert(this.pop(), reader.uleb());
        return;
      case OP.implicit_pointer:
      case OP.GNU_implicit_pointer:
        throw new Unknown('it points to something that was optimized out');
      case OP.bit_piece:
        throw new Unknown('it is scattered over single bits');
      case OP.form_tls_address:
      case OP.GNU_push_tls_address:
        throw new Unknown('it is local to a thread');
      default:
        throw new MalformedDwarf(`A location expression has the unknown operator 0x${opcode.toString(16)}.`);
    }
  }

  private async load(size: number): Promise<void> {
    const address = this.toAddress(this.pop());
    if (size > 16) throw new MalformedDwarf('A location expression loads too much.');
    const bytes = await this.context.readMemory(address, size);
    if (bytes.length < size)
      throw new Unknown(`nothing is mapped at 0x${address.toString(16)}, where its location leads`);
    this.push(new DataReader(bytes, 'memory').big(size));
  }

  private async entryValue(expression: Uint8Array): Promise<void> {
    const value = await this.context.entryValue?.(expression);
    if (value === undefined) throw new Unknown('optimized out');
    this.push(value);
  }

  /** Through an integer type of the unit; 0 is the generic type. */
  private convert(value: bigint, type: number): void {
    if (type === 0) {
      this.push(value);
      return;
    }
    const unit = this.unit();
    const entry = unit.entry(unit.header.offset + type);
    const bits = 8 * (entry.number(AT.byte_size) ?? 8);
    const encoding = entry.number(AT.encoding);
    if (encoding === ENCODING.float) throw new Unknown('its location computes with floating-point numbers');
    const isSigned = encoding === ENCODING.signed || encoding === ENCODING.signed_char;
    this.push(isSigned ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value));
  }

  private piece(size: number): void {
    const empty = this.place === undefined && this.stack.length === 0;
    this.pieces.push({ location: empty ? OPTIMIZED_OUT : this.current(), size });
    this.place = undefined;
    this.stack.pop();
  }

  private inRegister(register: number): void {
    this.place = { kind: 'register', register };
  }

  private register(number: number): bigint {
    const value = this.context.register(number);
    if (value === undefined) throw new Unknown('a register that it is found by was not saved');
    return value;
  }

  private jump(distance: number): void {
    const target = this.reader.at + distance;
    if (target < 0 || target > this.reader.end) throw new MalformedDwarf('A location expression jumps out of itself.');
    this.reader.at = target;
  }

  private unit(): Unit {
    if (this.context.unit === undefined) throw new MalformedDwarf('A location expression refers to no unit.');
    return this.context.unit;
  }

  private get bits(): 64 | 32 {
    return this.context.addressSize === 8 ? 64 : 32;
  }

  private signed(value: bigint): bigint {
    return BigInt.asIntN(this.bits, value);
  }

  private toAddress(value: bigint): bigint {
    return BigInt.asUintN(this.bits, value);
  }

  /** Values have the width of 64 bits even where addresses have 32: gcc keeps long long in them. */
  private push(value: bigint): void {
    this.stack.push(BigInt.asUintN(64, value));
  }

  private pop(): bigint {
    const value = this.stack.pop();
    if (value === undefined) throw new MalformedDwarf('A location expression takes from an empty stack.');
    return value;
  }

  private peek(depth: number): bigint {
    const value = this.stack.at(-1 - depth);
    if (value === undefined) throw new MalformedDwarf('A location expression takes from an empty stack.');
    return value;
  }
}

type Binary = (left: bigint, right: bigint, bits: 64 | 32) => bigint;

const compare =
  (test: (left: bigint, right: bigint) => boolean): Binary =>
  (left, right, bits) =>
    test(BigInt.asIntN(bits, left), BigInt.asIntN(bits, right)) ? 1n : 0n;

const BINARY: ReadonlyMap<number, Binary> = new Map([
  [OP.and, (left, right) => left & right],
  [OP.div, (left, right, bits) => BigInt.asIntN(bits, left) / BigInt.asIntN(bits, right)],
  [OP.minus, (left, right) => left - right],
  [OP.mod, (left, right) => left % right],
  [OP.mul, (left, right) => left * right],
  [OP.or, (left, right) => left | right],
  [OP.plus, (left, right) => left + right],
  [OP.shl, (left, right) => (right > 63n ? 0n : left << right)],
  [OP.shr, (left, right, bits) => (right > 63n ? 0n : BigInt.asUintN(bits, left) >> right)],
  [OP.shra, (left, right, bits) => BigInt.asIntN(bits, left) >> (right > 63n ? 63n : right)],
  [OP.xor, (left, right) => left ^ right],
  [OP.eq, compare((left, right) => left === right)],
  [OP.ge, compare((left, right) => left >= right)],
  [OP.gt, compare((left, right) => left > right)],
  [OP.le, compare((left, right) => left <= right)],
  [OP.lt, compare((left, right) => left < right)],
  [OP.ne, compare((left, right) => left !== right)],
]);
