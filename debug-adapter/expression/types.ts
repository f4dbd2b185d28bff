/** Types of values: the names that C programs and kernels use, and whatever debugging information describes. */
export type ValueType =
  | IntegerType
  | (Named & { readonly kind: 'float'; readonly size: number; readonly name: string })
  | (Named & { readonly kind: 'pointer'; readonly to: ValueType; readonly size?: 8 | 4 })
  | StructType
  /** `count` undefined: a flexible array member, or one whose length depends on something else. */
  | (Named & { readonly kind: 'array'; readonly of: ValueType; readonly count: number | undefined })
  | EnumType
  | (Named & { readonly kind: 'function'; readonly name: string })
  | (Named & { readonly kind: 'void' });

interface Named {
  /** The typedef or the qualified name that it is known by. */
  readonly alias?: string;
}

export interface IntegerType extends Named {
  readonly kind: 'integer';
  /** Bytes: 1, 2, 4, 8 or 16. */
  readonly size: number;
  readonly signed: boolean;
  readonly name: string;
  /** How it is shown: numbers, or beside the number the character, or "true" and "false". */
  readonly style?: 'character' | 'boolean';
}

export interface StructType extends Named {
  readonly kind: 'struct';
  /** "struct page"; "union {…}". */
  readonly name: string;
  /** Undefined: it is only declared. */
  readonly size: number | undefined;
  /** Read from debugging information when first looked at. */
  readonly members: readonly StructMember[];
}

export interface StructMember {
  /** Undefined: an anonymous structure or union, whose members count as the outer one's. */
  readonly name: string | undefined;
  readonly type: ValueType;
  readonly offset: number;
  /** Of a bit field: bits from the start of the structure, and their number. */
  readonly bits: { readonly offset: number; readonly size: number } | undefined;
}

export interface EnumType extends Named {
  readonly kind: 'enum';
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  readonly enumerators: readonly { readonly name: string; readonly value: bigint }[];
}

const integer = (size: 1 | 2 | 4 | 8, signed: boolean, name: string): IntegerType => ({
  kind: 'integer',
  size,
  signed,
  name,
});

export const U8 = integer(1, false, 'u8');
export const U32 = integer(4, false, 'u32');
export const U64 = integer(8, false, 'u64');
export const S64 = integer(8, true, 's64');
export const VOID: ValueType = { kind: 'void' };

/** Names a cast may use: the kernel's, stdint's and C's (LP64). */
const NAMED: readonly (readonly [ValueType, readonly string[]])[] = [
  [U8, ['u8', 'uint8_t', '__u8', 'unsigned char', 'byte']],
  [integer(2, false, 'u16'), ['u16', 'uint16_t', '__u16', 'unsigned short']],
  [U32, ['u32', 'uint32_t', '__u32', 'unsigned int', 'unsigned']],
  [U64, ['u64', 'uint64_t', '__u64', 'unsigned long', 'unsigned long long', 'size_t', 'void', 'uintptr_t']],
  [integer(1, true, 's8'), ['s8', 'i8', 'int8_t', '__s8', 'char', 'signed char']],
  [integer(2, true, 's16'), ['s16', 'i16', 'int16_t', '__s16', 'short']],
  [integer(4, true, 's32'), ['s32', 'i32', 'int32_t', '__s32', 'int']],
  [S64, ['s64', 'i64', 'int64_t', '__s64', 'long', 'long long', 'ssize_t']],
];

const BY_NAME = new Map(NAMED.flatMap(([type, names]) => names.map((name) => [name, type] as const)));

/** All words that may begin a type name: "unsigned", "u8" … */
export const TYPE_WORDS: ReadonlySet<string> = new Set([...BY_NAME.keys()].flatMap((name) => name.split(' ')));

/** Type by its words joined with single blanks. */
export const typeByName = (name: string): ValueType | undefined => BY_NAME.get(name);

/** Bytes; 0 where they are not known, 1 for functions and void as gcc has it. */
export function sizeOf(type: ValueType): number {
  switch (type.kind) {
    case 'pointer':
      return type.size ?? 8;
    case 'struct':
      return type.size ?? 0;
    case 'array':
      return (type.count ?? 0) * sizeOf(type.of);
    case 'function':
    case 'void':
      return 1;
    default:
      return type.size;
  }
}

export const isSigned = (type: ValueType): boolean => (type.kind === 'integer' || type.kind === 'enum') && type.signed;

/** One number, as opposed to a structure, an array or code. */
export const isScalar = ({ kind }: ValueType): boolean =>
  kind === 'integer' || kind === 'pointer' || kind === 'enum' || kind === 'float';

/** As C writes it: "u32*", "struct node*", "char[80]". */
export function typeName(type: ValueType): string {
  if (type.alias !== undefined) return type.alias;
  switch (type.kind) {
    case 'pointer':
      return type.to.kind === 'function' ? type.to.name.replace('(', '(*)(') : `${typeName(type.to)}*`;
    case 'array':
      return arrayName(type.of, `[${type.count ?? ''}]`);
    case 'void':
      return 'void';
    default:
      return type.name;
  }
}

/** Dimensions stand outermost first. */
function arrayName(of: ValueType, dimensions: string): string {
  if (of.kind === 'array' && of.alias === undefined) return arrayName(of.of, `${dimensions}[${of.count ?? ''}]`);
  return `${typeName(of)}${dimensions}`;
}

/** `value` as the type holds it: cut to its size, negative where signed. */
export const convert = (value: bigint, type: ValueType): bigint =>
  isSigned(type) ? BigInt.asIntN(sizeOf(type) * 8, value) : BigInt.asUintN(sizeOf(type) * 8, value);
