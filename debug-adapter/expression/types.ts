/** Type of a value: an integer of 1, 2, 4 or 8 bytes, or a pointer. */
export type ValueType =
  | { readonly kind: 'integer'; readonly size: 1 | 2 | 4 | 8; readonly signed: boolean; readonly name: string }
  | { readonly kind: 'pointer'; readonly to: ValueType };

const integer = (size: 1 | 2 | 4 | 8, signed: boolean, name: string): ValueType => ({
  kind: 'integer',
  size,
  signed,
  name,
});

export const U8 = integer(1, false, 'u8');
export const U32 = integer(4, false, 'u32');
export const U64 = integer(8, false, 'u64');
export const S64 = integer(8, true, 's64');

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

export const sizeOf = (type: ValueType): 1 | 2 | 4 | 8 => (type.kind === 'pointer' ? 8 : type.size);
export const isSigned = (type: ValueType): boolean => type.kind === 'integer' && type.signed;
export const typeName = (type: ValueType): string => (type.kind === 'pointer' ? `${typeName(type.to)}*` : type.name);

/** `value` as the type holds it: cut to its size, negative where signed. */
export const convert = (value: bigint, type: ValueType): bigint =>
  isSigned(type) ? BigInt.asIntN(sizeOf(type) * 8, value) : BigInt.asUintN(sizeOf(type) * 8, value);
