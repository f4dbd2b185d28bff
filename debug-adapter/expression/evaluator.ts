import { assert } from '../../emulator/base/assert.ts';
import {
  divisionByZero,
  ExpressionError,
  notAddressable,
  notNumber,
  unknownMember,
  unknownName,
  unknownRegister,
  unreadable,
} from './error.ts';
import { type Node, parseExpression } from './parser.ts';
import { convert, isSigned, S64, sizeOf, U64, type ValueType } from './types.ts';

/** A tree of named values, such as the decoded arguments of a hypercall. */
export interface NamedValue {
  readonly name: string;
  /** As displayed; begins with a number where it is one. */
  readonly value: string;
  readonly children: readonly NamedValue[];
}

/** What an expression can refer to. */
export interface Environment {
  register(name: string): Promise<bigint | undefined>;
  /** Address of a symbol. */
  symbol(name: string): Promise<bigint | undefined>;
  /** Argument of the current hypercall. */
  argument(name: string): Promise<NamedValue | undefined>;
  /** As many bytes as are readable. */
  readMemory(address: bigint, length: number): Promise<Uint8Array>;
}

/** Where a value came from, for setting it and for showing its memory. */
export type Place =
  | { readonly kind: 'register'; readonly name: string }
  | { readonly kind: 'memory'; readonly address: bigint };

export type Value =
  | { readonly kind: 'number'; readonly bits: bigint; readonly type: ValueType; readonly place: Place | undefined }
  | { readonly kind: 'tree'; readonly tree: NamedValue };

type NumberValue = Extract<Value, { kind: 'number' }>;

/** Evaluates C-like text. Throws `ExpressionError`. */
export async function evaluate(text: string, environment: Environment): Promise<Value> {
  return await new Evaluator(environment).value(parseExpression(text));
}

/** The same, where a number is wanted. The result is signed or unsigned as its type says. */
export async function evaluateNumber(text: string, environment: Environment): Promise<bigint> {
  const value = await evaluate(text, environment);
  return requireNumber(value).bits;
}

/** Little-endian bytes as a number of the given type. */
export function decodeInteger(bytes: Uint8Array, type: ValueType): bigint {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at] as number);
  return convert(value, type);
}

const number = (bits: bigint, type: ValueType, place?: Place): NumberValue => ({
  kind: 'number',
  bits: convert(bits, type),
  type,
  place,
});
const hexadecimal = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;

function requireNumber(value: Value): NumberValue {
  if (value.kind === 'number') return value;
  const parsed = leadingNumber(value.tree.value);
  if (parsed === undefined) throw notNumber(value.tree.name);
  return number(parsed, parsed < 0n ? S64 : U64);
}

/** "0x1f (PIN_L4)" → 31n; "-22" → -22n; text → undefined. */
function leadingNumber(text: string): bigint | undefined {
  const match = /^(-?)(0x[0-9a-fA-F]+|[0-9]+)/.exec(text);
  if (match?.[2] === undefined) return undefined;
  const magnitude = BigInt(match[2]);
  return match[1] === '-' ? -magnitude : magnitude;
}

class Evaluator {
  constructor(private readonly environment: Environment) {}

  async value(node: Node): Promise<Value> {
    switch (node.kind) {
      case 'number':
        return number(node.value, node.value > 0x7fffffffffffffffn ? U64 : S64);
      case 'register': {
        const bits = await this.environment.register(node.name);
        if (bits === undefined) throw unknownRegister(node.name);
        return number(bits, U64, { kind: 'register', name: node.name });
      }
      case 'name':
        return await this.name(node.name);
      case 'cast':
        return number((await this.number(node.operand)).bits, node.type);
      case 'member':
        return await this.member(node.base, node.name);
      case 'index':
        return await this.index(node.base, node.index);
      case 'conditional':
        return await this.value((await this.number(node.test)).bits !== 0n ? node.then : node.otherwise);
      case 'unary':
        return await this.unary(node.operator, node.operand);
      case 'binary':
        return await this.binary(node.operator, node.left, node.right);
    }
  }

  private async number(node: Node): Promise<NumberValue> {
    return requireNumber(await this.value(node));
  }

  private async name(name: string): Promise<Value> {
    const argument = await this.environment.argument(name);
    if (argument !== undefined) return { kind: 'tree', tree: argument };
    const register = await this.environment.register(name);
    if (register !== undefined) return number(register, U64, { kind: 'register', name });
    const symbol = await this.environment.symbol(name);
    if (symbol !== undefined) return number(symbol, U64);
    throw unknownName(name);
  }

  private async member(base: Node, name: string): Promise<Value> {
    // "foo.cold" is one symbol whose name holds a dot.
    const dotted = symbolText(base);
    if (dotted !== undefined) {
      const symbol = await this.environment.symbol(`${dotted}.${name}`);
      if (symbol !== undefined) return number(symbol, U64);
    }
    const value = await this.value(base);
    const tree = value.kind === 'tree' ? value.tree.children.find((child) => child.name === name) : undefined;
    if (tree === undefined) throw unknownMember(name);
    return { kind: 'tree', tree };
  }

  private async index(base: Node, index: Node): Promise<Value> {
    const value = await this.value(base);
    const offset = (await this.number(index)).bits;
    if (value.kind === 'tree' && value.tree.children.length > 0) {
      const tree = value.tree.children[Number(offset)];
      if (tree === undefined) throw unknownMember(`[${offset}]`);
      return { kind: 'tree', tree };
    }
    const pointer = requireNumber(value);
    const type = pointee(pointer.type);
    return await this.load(pointer.bits + offset * BigInt(sizeOf(type)), type);
  }

  private async unary(operator: string, operand: Node): Promise<Value> {
    const value = await this.number(operand);
    switch (operator) {
      case '*':
        return await this.load(value.bits, pointee(value.type));
      case '&': {
        if (value.place?.kind === 'memory') return number(value.place.address, { kind: 'pointer', to: value.type });
        if (operand.kind === 'name' && value.place === undefined) return number(value.bits, U64);
        throw notAddressable();
      }
      case '-':
        return number(-value.bits, value.type.kind === 'pointer' ? U64 : value.type);
      case '+':
        return number(value.bits, value.type);
      case '~':
        return number(~value.bits, value.type);
      default:
        assert(operator === '!', `unary operator ${operator}`);
        return number(value.bits === 0n ? 1n : 0n, S64);
    }
  }

  private async binary(operator: string, leftNode: Node, rightNode: Node): Promise<Value> {
    const left = await this.number(leftNode);
    if (operator === '&&' && left.bits === 0n) return number(0n, S64);
    if (operator === '||' && left.bits !== 0n) return number(1n, S64);
    const right = await this.number(rightNode);
    if (operator === '&&' || operator === '||') return number(right.bits === 0n ? 0n : 1n, S64);
    if (left.type.kind === 'pointer' && (operator === '+' || operator === '-') && right.type.kind !== 'pointer') {
      const step = right.bits * BigInt(sizeOf(left.type.to));
      return number(operator === '+' ? left.bits + step : left.bits - step, left.type);
    }
    const type = isSigned(left.type) && isSigned(right.type) ? S64 : U64;
    return arithmetic(operator, convert(left.bits, type), convert(right.bits, type), type);
  }

  private async load(address: bigint, type: ValueType): Promise<NumberValue> {
    const size = sizeOf(type);
    const where = BigInt.asUintN(64, address);
    const bytes = await this.environment.readMemory(where, size);
    if (bytes.length < size) throw unreadable(hexadecimal(where));
    return number(decodeInteger(bytes, type), type, { kind: 'memory', address: where });
  }
}

/** A plain number points to 64-bit words, so that `*rsp` and `rsp[1]` do what one expects. */
const pointee = (type: ValueType): ValueType => (type.kind === 'pointer' ? type.to : U64);

function symbolText(node: Node): string | undefined {
  if (node.kind === 'name') return node.name;
  if (node.kind !== 'member') return undefined;
  const base = symbolText(node.base);
  return base === undefined ? undefined : `${base}.${node.name}`;
}

function arithmetic(operator: string, left: bigint, right: bigint, type: ValueType): NumberValue {
  const truth = (condition: boolean): NumberValue => number(condition ? 1n : 0n, S64);
  switch (operator) {
    case '+':
      return number(left + right, type);
    case '-':
      return number(left - right, type);
    case '*':
      return number(left * right, type);
    case '/':
    case '%':
      if (right === 0n) throw divisionByZero();
      return number(operator === '/' ? left / right : left % right, type);
    case '<<':
      return number(left << (right & 63n), type);
    case '>>':
      return number(left >> (right & 63n), type);
    case '&':
      return number(left & right, type);
    case '|':
      return number(left | right, type);
    case '^':
      return number(left ^ right, type);
    case '==':
      return truth(left === right);
    case '!=':
      return truth(left !== right);
    case '<':
      return truth(left < right);
    case '>':
      return truth(left > right);
    case '<=':
      return truth(left <= right);
    case '>=':
      return truth(left >= right);
    default:
      throw new ExpressionError(`The operator ${operator} is not known.`);
  }
}
