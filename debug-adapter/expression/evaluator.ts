import { assert } from '../../emulator/base/assert.ts';
import {
  divisionByZero,
  ExpressionError,
  incompleteType,
  noElement,
  notAddressable,
  notComputable,
  notNumber,
  unavailable,
  unknownMember,
  unknownName,
  unknownRegister,
  unknownType,
} from './error.ts';
import { elementAt, memberOf, type ObjectValue, readObject } from './objects.ts';
import { ambiguousNames, type Node, parseExpression, type TypeSyntax } from './parser.ts';
import { convert, isScalar, isSigned, S64, sizeOf, typeByName, typeName, U64, type ValueType } from './types.ts';

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
  /** A variable or enumerator of the program, from its debugging information. */
  variable?(name: string): Promise<Value | undefined>;
  /** A type of the program by name: "struct page", "pte_t". */
  type?(name: string): Promise<ValueType | undefined>;
  /** Arguments of the hypercall hide variables of the same name. */
  readonly argumentsFirst?: boolean;
  /** A value in one line, with what it points to; undefined: as `formatValue` has it. */
  describe?(value: Value): Promise<string | undefined>;
}

/** Where a value came from, for setting it and for showing its memory. */
export type Place =
  | { readonly kind: 'register'; readonly name: string }
  | MemoryPlace
  /** Of a bit field: the bytes it lies in, and where in them as a little-endian number. */
  | {
      readonly kind: 'bits';
      readonly address: bigint;
      readonly bytes: number;
      readonly shift: number;
      readonly size: number;
    };

export interface MemoryPlace {
  readonly kind: 'memory';
  readonly address: bigint;
}

export type Value =
  | { readonly kind: 'number'; readonly bits: bigint; readonly type: ValueType; readonly place: Place | undefined }
  | { readonly kind: 'tree'; readonly tree: NamedValue }
  | ObjectValue
  /** A variable whose value was optimized away, or cannot be found. */
  | { readonly kind: 'unavailable'; readonly name: string; readonly reason: string; readonly type: ValueType };

export type NumberValue = Extract<Value, { kind: 'number' }>;

/** Evaluates C-like text. Throws `ExpressionError`. */
export async function evaluate(text: string, environment: Environment): Promise<Value> {
  const types = new Set<string>();
  for (const name of ambiguousNames(text)) {
    if ((await environment.variable?.(name)) !== undefined) continue;
    if ((await environment.type?.(name)) !== undefined) types.add(name);
  }
  return await new Evaluator(environment).value(parseExpression(text, types));
}

/** The same, where a number is wanted. The result is signed or unsigned as its type says. */
export async function evaluateNumber(text: string, environment: Environment): Promise<bigint> {
  const value = await evaluate(text, environment);
  return requireNumber(value).bits;
}

const number = (bits: bigint, type: ValueType, place?: Place): NumberValue => ({
  kind: 'number',
  bits: convert(bits, type),
  type,
  place,
});

function requireNumber(value: Value): NumberValue {
  if (value.kind === 'number') return value;
  if (value.kind === 'unavailable') throw unavailable(value.name, value.reason);
  if (value.kind === 'object') return decay(value);
  const parsed = leadingNumber(value.tree.value);
  if (parsed === undefined) throw notNumber(value.tree.name);
  return number(parsed, parsed < 0n ? S64 : U64);
}

/** An array as a pointer to its first element, a function as its address (C11, 6.3.2.1). */
function decay({ type, place }: ObjectValue): NumberValue {
  if (place === undefined || type.kind === 'struct') throw notNumber(typeName(type));
  return number(place.address, { kind: 'pointer', to: type.kind === 'array' ? type.of : type });
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
        return await this.cast(await this.type(node.type), node.operand);
      case 'size':
        return await this.size(node.of);
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
    const { environment } = this;
    const first = environment.argumentsFirst === true ? undefined : await environment.variable?.(name);
    if (first !== undefined) return first;
    const argument = await environment.argument(name);
    if (argument !== undefined) return { kind: 'tree', tree: argument };
    const variable = environment.argumentsFirst === true ? await environment.variable?.(name) : undefined;
    if (variable !== undefined) return variable;
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
    if (value.kind === 'tree') {
      const tree = value.tree.children.find((child) => child.name === name);
      if (tree === undefined) throw unknownMember(name);
      return { kind: 'tree', tree };
    }
    if (value.kind === 'unavailable') throw unavailable(value.name, value.reason);
    // "." and "->" alike, as a debugger's user expects.
    const object = value.kind === 'number' && value.type.kind === 'pointer' ? await this.pointed(value) : value;
    const found = object.kind === 'object' ? await memberOf(object, name, this.read) : undefined;
    if (found === undefined) throw unknownMember(name);
    return found;
  }

  private async pointed({ bits, type }: NumberValue): Promise<Value> {
    return await this.load(bits, pointee(type));
  }

  /** Memory as objects read it. */
  private readonly read = (address: bigint, length: number): Promise<Uint8Array> =>
    this.environment.readMemory(address, length);

  private async type({ name, pointers }: TypeSyntax): Promise<ValueType> {
    let type = typeByName(name) ?? (await this.environment.type?.(name));
    if (type === undefined) throw unknownType(name);
    for (let left = pointers; left > 0; left--) type = { kind: 'pointer', to: type };
    return type;
  }

  private async cast(type: ValueType, operand: Node): Promise<Value> {
    const value = await this.value(operand);
    if (value.kind === 'object' && value.type.kind === 'struct' && typeName(value.type) === typeName(type))
      return value;
    if (!isScalar(type)) throw notComputable(typeName(type));
    return number(requireNumber(value).bits, type);
  }

  private async size(of: TypeSyntax | Node): Promise<Value> {
    let type: ValueType;
    if (of.kind === 'type') type = await this.type(of);
    else {
      const value = await this.value(of);
      type = value.kind === 'tree' ? U64 : value.type;
    }
    if (sizeOf(type) === 0) throw incompleteType(typeName(type));
    return number(BigInt(sizeOf(type)), U64);
  }

  private async index(base: Node, index: Node): Promise<Value> {
    const value = await this.value(base);
    const offset = (await this.number(index)).bits;
    if (value.kind === 'tree' && value.tree.children.length > 0) {
      const tree = value.tree.children[Number(offset)];
      if (tree === undefined) throw unknownMember(`[${offset}]`);
      return { kind: 'tree', tree };
    }
    if (value.kind === 'object' && value.type.kind === 'array' && value.place === undefined) {
      const element = await elementAt(value, offset, this.read);
      if (element === undefined) throw noElement(offset);
      return element;
    }
    const pointer = requireNumber(value);
    const type = pointee(pointer.type);
    return await this.load(pointer.bits + offset * BigInt(sizeOf(type)), type);
  }

  private async unary(operator: string, operand: Node): Promise<Value> {
    const whole = await this.value(operand);
    if (operator === '&' && whole.kind === 'object') {
      if (whole.place === undefined) throw notAddressable();
      return number(whole.place.address, { kind: 'pointer', to: whole.type });
    }
    const value = requireNumber(whole);
    switch (operator) {
      case '*':
        return await this.load(value.bits, pointee(value.type));
      case '&': {
        if (value.place?.kind === 'memory') return number(value.place.address, { kind: 'pointer', to: value.type });
        if (operand.kind === 'name' && value.place === undefined) return number(value.bits, U64);
        throw notAddressable();
      }
      case '-':
        return number(-computable(value).bits, value.type.kind === 'pointer' ? U64 : value.type);
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
    if (left.type.kind === 'pointer' && right.type.kind === 'pointer' && operator === '-') {
      const size = BigInt(Math.max(1, sizeOf(left.type.to)));
      return number((left.bits - right.bits) / size, S64);
    }
    const type = promoted(computable(left).type) && promoted(computable(right).type) ? S64 : U64;
    return arithmetic(operator, convert(left.bits, type), convert(right.bits, type), type);
  }

  private async load(address: bigint, type: ValueType): Promise<Value> {
    return await readObject(BigInt.asUintN(64, address), type, this.read);
  }
}

/** A type that has values between 0 and 2^31 only, or signed ones, computes as signed: C11, 6.3.1.1. */
const promoted = (type: ValueType): boolean => isSigned(type) || (type.kind !== 'pointer' && sizeOf(type) < 4);

function computable(value: NumberValue): NumberValue {
  if (value.type.kind === 'float') throw notComputable(typeName(value.type));
  return value;
}

/** A plain number points to 64-bit words, so that `*rsp` and `rsp[1]` do what one expects. */
const pointee = (type: ValueType): ValueType => (type.kind === 'pointer' && type.to.kind !== 'void' ? type.to : U64);

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
