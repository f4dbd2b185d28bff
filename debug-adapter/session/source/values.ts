import { ExpressionError } from '../../expression/error.ts';
import type { Value } from '../../expression/evaluator.ts';
import { formatType, formatValue } from '../../expression/format.ts';
import { elementAt, type ObjectValue, partOf, readObject } from '../../expression/objects.ts';
import { type StructMember, sizeOf, typeName, type ValueType } from '../../expression/types.ts';
import { notSettable } from '../../protocol/errors.ts';
import type { SessionContext } from '../context.ts';
import type { NamedVariable, VariableContainer } from '../stop-data.ts';
import { hexadecimal } from './modules.ts';
import { isCharacter } from './type-bridge.ts';

/** Characters of a string that are shown; and how many elements or members of a structure, and how deep. */
const MAXIMUM_TEXT = 200;
const SHOWN_ELEMENTS = 8;
const SHOWN_DEPTH = 2;
const MAXIMUM_LINE = 200;
/** Elements that are listed at once where the client does not ask for a part. */
const MAXIMUM_LISTED = 1000;
/** From as many on, a client may ask for elements in parts. */
const INDEXED = 100;

/** Values of debugging information as the client shows them. */
export class ValueView {
  constructor(
    private readonly context: SessionContext,
    /** Stores the value of an expression where `old` lies; undefined: nothing is going to be set. */
    private readonly assign?: (name: string, old: Value | undefined, text: string) => Promise<string>,
  ) {}

  /** `path`: the expression that names the value. */
  async named(name: string, value: Value, path: string): Promise<NamedVariable> {
    const children = this.children(value, path);
    const { type } = value.kind === 'tree' ? { type: undefined } : value;
    const memory = memoryOf(value);
    const count = type?.kind === 'array' && (type.count ?? 0) >= INDEXED ? type.count : undefined;
    return {
      name,
      value: await this.line(value),
      type: formatType(value),
      evaluateName: path,
      ...(memory === undefined ? {} : { memoryReference: memory }),
      ...placeOf(value),
      ...(children === undefined ? {} : { children }),
      ...(count === undefined || children === undefined ? {} : { indexedVariables: count }),
      ...(value.kind === 'number' && value.place !== undefined ? {} : { readOnly: true }),
    };
  }

  /** A value in one line: a structure with its first members, a string with its text, a pointer with its symbol. */
  async line(value: Value, depth = 0): Promise<string> {
    try {
      if (value.kind === 'object') return await this.objectLine(value, depth);
      if (value.kind === 'number' && value.type.kind === 'pointer')
        return await this.pointerLine(value.bits, value.type.to);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      return `<${error.message}>`;
    }
    return formatValue(value);
  }

  /** Parts of a structure or array, or what a pointer points to; undefined: it has none. */
  children(value: Value, path: string): VariableContainer | undefined {
    if (value.kind === 'object') return value.type.kind === 'function' ? undefined : this.parts(value, path);
    if (value.kind !== 'number' || value.type.kind !== 'pointer' || value.bits === 0n) return undefined;
    const { to } = value.type;
    if (to.kind === 'void' || to.kind === 'function') return undefined;
    const address = BigInt.asUintN(64, value.bits);
    if (to.kind === 'struct') {
      return this.parts({ kind: 'object', type: to, place: { kind: 'memory', address }, bytes: undefined }, path, '->');
    }
    const target = `*${operand(path)}`;
    return this.container(async () => [[target, await readObject(address, to, this.read), target]]);
  }

  private parts(object: ObjectValue, path: string, access: '.' | '->' = '.'): VariableContainer | undefined {
    const { type } = object;
    if (type.kind === 'struct') {
      if (type.members.length === 0) return undefined;
      return this.container(() => this.members(object, path, access));
    }
    if (type.kind !== 'array' || (type.count ?? 0) === 0) return undefined;
    const total = type.count ?? 0;
    return this.container(async (start = 0, count = MAXIMUM_LISTED) => {
      const found: Part[] = [];
      for (let at = start; at < Math.min(total, start + Math.min(count, MAXIMUM_LISTED)); at++) {
        const element = await elementAt(object, BigInt(at), this.read);
        if (element !== undefined) found.push([`[${at}]`, element, `${operand(path)}[${at}]`]);
      }
      return found;
    }, true);
  }

  private async members(object: ObjectValue, path: string, access: '.' | '->'): Promise<Part[]> {
    const found: Part[] = [];
    for (const [index, member] of membersOf(object.type).entries()) {
      const part = await this.part(object, member);
      // Members of an anonymous structure are named as if they were the outer one's.
      if (member.name !== undefined) found.push([member.name, part, `${operand(path)}${access}${member.name}`]);
      else if (part.kind === 'object') found.push([`{anonymous ${index}}`, part, path, access]);
    }
    return found;
  }

  private container(
    read: (start?: number, count?: number) => Promise<readonly Part[]>,
    isIndexed = false,
  ): VariableContainer {
    const { assign } = this;
    const guarded = async (start?: number, count?: number): Promise<readonly Part[]> => {
      try {
        return await read(start, count);
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        return [
          [
            '?',
            { kind: 'unavailable', name: '?', reason: error.message.replace(/\.$/, ''), type: { kind: 'void' } },
            '',
          ],
        ];
      }
    };
    return {
      isIndexed,
      list: async (start, count) => {
        const found: NamedVariable[] = [];
        for (const [name, value, path, access] of await guarded(start, count)) {
          const inner = access === undefined || value.kind !== 'object' ? undefined : this.parts(value, path, access);
          const named = await this.named(name, value, path);
          found.push(inner === undefined ? named : { ...named, children: inner });
        }
        return found;
      },
      set: async (name, text) => {
        if (assign === undefined) throw notSettable(name);
        const index = /^\[(\d+)\]$/.exec(name)?.[1];
        const parts = isIndexed && index !== undefined ? await read(Number(index), 1) : await read();
        const part = parts.find(([candidate]) => candidate === name);
        return await assign(name, part?.[1], text);
      },
    };
  }

  private async part(object: ObjectValue, member: StructMember): Promise<Value> {
    try {
      return await partOf(object, member, this.read);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      const reason = error.message.replace(/\.$/, '');
      return { kind: 'unavailable', name: member.name ?? '', reason, type: member.type };
    }
  }

  private async objectLine(object: ObjectValue, depth: number): Promise<string> {
    const { type, place } = object;
    if (type.kind === 'function')
      return place === undefined ? typeName(type) : await this.pointerLine(place.address, type);
    if (type.kind === 'array' && isCharacter(type.of)) return await this.arrayText(object);
    if (depth >= SHOWN_DEPTH) return '{…}';
    const shown: string[] = [];
    if (type.kind === 'array') {
      const total = type.count ?? 0;
      for (let at = 0; at < Math.min(total, SHOWN_ELEMENTS); at++) {
        const element = await elementAt(object, BigInt(at), this.read);
        if (element !== undefined) shown.push(await this.line(element, depth + 1));
      }
      if (total > SHOWN_ELEMENTS) shown.push('…');
    } else {
      const members = membersOf(type);
      for (const member of members.slice(0, SHOWN_ELEMENTS)) {
        const text = await this.line(await this.part(object, member), depth + 1);
        shown.push(member.name === undefined ? text : `${member.name} = ${text}`);
      }
      if (members.length > SHOWN_ELEMENTS) shown.push('…');
    }
    const text = `{${shown.join(', ')}}`;
    return text.length <= MAXIMUM_LINE ? text : `${text.slice(0, MAXIMUM_LINE - 1)}…}`;
  }

  private async arrayText({ type, place, bytes }: ObjectValue): Promise<string> {
    const size = Math.min(sizeOf(type), MAXIMUM_TEXT);
    const own =
      place === undefined ? (bytes ?? new Uint8Array()).subarray(0, size) : await this.read(place.address, size);
    return quoted(own, sizeOf(type) > MAXIMUM_TEXT);
  }

  private async pointerLine(bits: bigint, to: ValueType): Promise<string> {
    const address = BigInt.asUintN(64, bits);
    const text = hexadecimal(address);
    if (address === 0n) return text;
    if (isCharacter(to)) {
      const bytes = await this.read(address, MAXIMUM_TEXT);
      return bytes.length === 0 ? `${text} <not mapped>` : `${text} ${quoted(bytes, true)}`;
    }
    const symbol = (await this.context.symbols()).describe(address);
    return symbol === undefined ? text : `${text} <${symbol}>`;
  }

  private readonly read = (address: bigint, length: number): Promise<Uint8Array> =>
    this.context.target.readMemory('virtual', hexadecimal(address), length);
}

/** Name, value, the expression for it; for a nameless structure, how its own members are reached. */
type Part = readonly [name: string, value: Value, path: string, access?: '.' | '->'];

const membersOf = (type: ValueType): readonly StructMember[] => (type.kind === 'struct' ? type.members : []);

/** An expression in parentheses where what follows would bind tighter. */
const operand = (path: string): string => (/^[*&(-]/.test(path) ? `(${path})` : path);

/** Text up to a NUL; `more`: what was read is not all there is. */
function quoted(bytes: Uint8Array, more: boolean): string {
  const end = bytes.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  return `${JSON.stringify(text)}${end < 0 && more ? '…' : ''}`;
}

function placeOf(value: Value): Pick<NamedVariable, 'place'> {
  if (value.kind !== 'number' && value.kind !== 'object') return {};
  const { type, place } = value;
  return place?.kind === 'memory' ? { place: { address: place.address, size: sizeOf(type) } } : {};
}

/** Where "View memory" leads: for a pointer where it points, else where the value is. */
export function memoryOf(value: Value): string | undefined {
  if (value.kind === 'number' && value.type.kind === 'pointer') return hexadecimal(value.bits);
  if (value.kind === 'object') return value.place === undefined ? undefined : hexadecimal(value.place.address);
  if (value.kind !== 'number' || value.place === undefined || value.place.kind === 'register') return undefined;
  return hexadecimal(value.place.address);
}
