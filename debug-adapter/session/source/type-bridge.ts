import { ENCODING } from '../../dwarf/constants.ts';
import type { DebugInfo } from '../../dwarf/debug-info.ts';
import type { TypeDescription } from '../../dwarf/types.ts';
import { type StructMember, sizeOf, typeName, type ValueType, VOID } from '../../expression/types.ts';

const MAXIMUM_DEPTH = 64;

/** Types of debugging information as expressions know them; each made once, its parts when they are looked at. */
export class TypeBridge {
  private readonly known = new Map<number, ValueType>();

  constructor(private readonly info: DebugInfo) {}

  /** The type at an offset of .debug_info; undefined stands for `void`. */
  of(offset: number | undefined, depth = 0): ValueType {
    if (offset === undefined || depth > MAXIMUM_DEPTH) return VOID;
    let type = this.known.get(offset);
    if (type === undefined) {
      type = this.make(offset, depth);
      this.known.set(offset, type);
    }
    return type;
  }

  private make(offset: number, depth: number): ValueType {
    const description = this.info.type(offset);
    switch (description?.kind) {
      case undefined:
        return VOID;
      case 'base':
        return baseType(description);
      case 'pointer':
        return this.pointer(description.to, description.size);
      case 'typedef':
        return renamed(this.of(description.of, depth + 1), description.name);
      case 'qualified': {
        const inner = this.of(description.of, depth + 1);
        // As C reads it: "const char*" is a pointer to const, "char* const" a pointer that is.
        const name = typeName(inner);
        // An array of const is const itself.
        if (name.startsWith(`${description.qualifier} `)) return inner;
        const alias =
          inner.kind === 'pointer' ? `${name} ${description.qualifier}` : `${description.qualifier} ${name}`;
        return renamed(inner, alias);
      }
      case 'struct':
        return this.struct(offset, description);
      case 'array':
        return this.array(description.of, description.counts, depth);
      case 'enum': {
        const { size, signed, enumerators } = description;
        return { kind: 'enum', name: `enum ${description.name ?? '{…}'}`, size, signed, enumerators };
      }
      case 'function':
        return this.function(description, depth);
      case 'unspecified':
        return { kind: 'void', alias: description.name };
    }
  }

  private pointer(to: number | undefined, size: number | undefined): ValueType {
    const bridge = this;
    const bytes = (size ?? this.info.addressSize) === 4 ? 4 : 8;
    return {
      kind: 'pointer',
      size: bytes,
      // Types go in circles through pointers.
      get to() {
        return bridge.of(to);
      },
    };
  }

  private struct(offset: number, { keyword, name }: Extract<TypeDescription, { kind: 'struct' }>): ValueType {
    const bridge = this;
    const { info } = this;
    const whole = info.complete(offset);
    let members: readonly StructMember[] | undefined;
    return {
      kind: 'struct',
      name: `${keyword} ${name ?? '{…}'}`,
      size: info.sizeOf(whole),
      get members() {
        members ??= info.members(whole).map((member) => ({ ...member, type: bridge.of(member.type) }));
        return members;
      },
    };
  }

  private array(of: number | undefined, counts: readonly (number | undefined)[], depth: number): ValueType {
    let type = this.of(of, depth + 1);
    for (const count of [...counts].reverse()) type = { kind: 'array', of: type, count };
    return counts.length === 0 ? { kind: 'array', of: type, count: undefined } : type;
  }

  private function(
    { returns, parameters, isVariadic }: Extract<TypeDescription, { kind: 'function' }>,
    depth: number,
  ): ValueType {
    const names = parameters.map((parameter) => typeName(this.of(parameter, depth + 1)));
    if (isVariadic) names.push('...');
    const list = names.length === 0 ? 'void' : names.join(', ');
    return { kind: 'function', name: `${typeName(this.of(returns, depth + 1))} (${list})` };
  }
}

function baseType({ name, size, encoding }: Extract<TypeDescription, { kind: 'base' }>): ValueType {
  if (encoding === ENCODING.float) return { kind: 'float', name, size };
  const signed = encoding === ENCODING.signed || encoding === ENCODING.signed_char;
  const integer = { kind: 'integer', name, size, signed } as const;
  // "signed char" and "unsigned char" are small numbers; "char" is a character.
  if (name === 'char') return { ...integer, style: 'character' };
  return encoding === ENCODING.boolean ? { ...integer, style: 'boolean' } : integer;
}

/** A copy under another name that still reads its parts only when they are looked at. */
function renamed(type: ValueType, alias: string): ValueType {
  const properties = Object.getOwnPropertyDescriptors(type) as PropertyDescriptorMap;
  return Object.defineProperties({}, { ...properties, alias: { value: alias, enumerable: true } }) as ValueType;
}

/** Whether a type is `char`, whatever it is called. */
export const isCharacter = (type: ValueType): boolean =>
  type.kind === 'integer' && type.style === 'character' && sizeOf(type) === 1;
