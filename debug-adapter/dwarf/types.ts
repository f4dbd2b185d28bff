import { AT, ENCODING, TAG } from './constants.ts';
import type { Entry } from './entry.ts';
import { evaluatePlusConstant } from './member-location.ts';
import { childrenOf, indexOfEntry } from './unit-tree.ts';

/** A type as its entry describes it; other types are named by the offset of theirs. Undefined stands for `void`. */
export type TypeDescription =
  | { readonly kind: 'base'; readonly name: string; readonly size: number; readonly encoding: number }
  | { readonly kind: 'pointer'; readonly size: number | undefined; readonly to: number | undefined }
  | { readonly kind: 'typedef'; readonly name: string; readonly of: number | undefined }
  | { readonly kind: 'qualified'; readonly qualifier: string; readonly of: number | undefined }
  | {
      readonly kind: 'struct';
      readonly keyword: 'struct' | 'union' | 'class';
      readonly name: string | undefined;
      readonly size: number | undefined;
      /** Declared only; its members are elsewhere. */
      readonly incomplete: boolean;
    }
  | { readonly kind: 'array'; readonly of: number | undefined; readonly counts: readonly (number | undefined)[] }
  | {
      readonly kind: 'enum';
      readonly name: string | undefined;
      readonly size: number;
      readonly signed: boolean;
      readonly enumerators: readonly { readonly name: string; readonly value: bigint }[];
    }
  | {
      readonly kind: 'function';
      readonly returns: number | undefined;
      readonly parameters: readonly (number | undefined)[];
      readonly isVariadic: boolean;
    }
  | { readonly kind: 'unspecified'; readonly name: string };

export interface Member {
  /** Undefined: an anonymous structure or union, whose members count as the outer one's. */
  readonly name: string | undefined;
  readonly type: number | undefined;
  /** Bytes from the start of the structure. */
  readonly offset: number;
  /** Of a bit field: bits from the start of the structure, least significant first, and their number. */
  readonly bits: { readonly offset: number; readonly size: number } | undefined;
}

const QUALIFIERS: ReadonlyMap<number, string> = new Map([
  [TAG.const_type, 'const'],
  [TAG.volatile_type, 'volatile'],
  [TAG.restrict_type, 'restrict'],
  [TAG.atomic_type, '_Atomic'],
]);

/** May throw `MalformedDwarf`. */
export function describeType(entry: Entry): TypeDescription {
  const name = entry.text(AT.name);
  const of = entry.reference(AT.type);
  const size = entry.number(AT.byte_size);
  switch (entry.tag) {
    case TAG.base_type:
      return { kind: 'base', name: name ?? '', size: size ?? 0, encoding: entry.number(AT.encoding) ?? 0 };
    case TAG.pointer_type:
    case TAG.reference_type:
      return { kind: 'pointer', size, to: of };
    case TAG.typedef:
      return { kind: 'typedef', name: name ?? '', of };
    case TAG.structure_type:
    case TAG.union_type:
    case TAG.class_type:
      return { kind: 'struct', keyword: keywordOf(entry.tag), name, size, incomplete: entry.flag(AT.declaration) };
    case TAG.array_type:
      return { kind: 'array', of, counts: countsOf(entry) };
    case TAG.enumeration_type:
      return { kind: 'enum', name, size: size ?? 4, ...enumerators(entry) };
    case TAG.subroutine_type:
      return { kind: 'function', returns: of, ...parametersOf(entry) };
    default: {
      const qualifier = QUALIFIERS.get(entry.tag);
      if (qualifier !== undefined) return { kind: 'qualified', qualifier, of };
      return { kind: 'unspecified', name: name ?? `type of tag 0x${entry.tag.toString(16)}` };
    }
  }
}

const keywordOf = (tag: number): 'struct' | 'union' | 'class' =>
  tag === TAG.union_type ? 'union' : tag === TAG.class_type ? 'class' : 'struct';

export function* childEntries(entry: Entry): Generator<Entry> {
  const { unit, offset } = entry;
  const { tree } = unit;
  const index = indexOfEntry(tree, offset);
  if (index < 0) return;
  for (const child of childrenOf(tree, index)) yield unit.entry(tree.offsets[child] as number);
}

/** Members in order. `sizeOf` answers the bytes of a type, for bit fields as DWARF 2 describes them. */
export function membersOf(entry: Entry, sizeOf: (type: number) => number | undefined): readonly Member[] {
  const members: Member[] = [];
  for (const child of childEntries(entry)) {
    if (child.tag !== TAG.member || child.has(AT.external)) continue;
    const type = child.reference(AT.type);
    const offset = memberOffset(child);
    members.push({ name: child.text(AT.name), type, offset, bits: bitField(child, offset, type, sizeOf) });
  }
  return members;
}

function memberOffset(member: Entry): number {
  const block = member.block(AT.data_member_location);
  return block === undefined ? (member.number(AT.data_member_location) ?? 0) : evaluatePlusConstant(block);
}

function bitField(
  member: Entry,
  offset: number,
  type: number | undefined,
  sizeOf: (type: number) => number | undefined,
): Member['bits'] {
  const size = member.number(AT.bit_size);
  if (size === undefined) return undefined;
  const fromStart = member.number(AT.data_bit_offset);
  if (fromStart !== undefined) return { offset: 8 * offset + fromStart, size };
  const fromTop = member.signed(AT.bit_offset);
  if (fromTop === undefined) return { offset: 8 * offset, size };
  // DWARF 2 counts from the most significant bit of the storage unit.
  const storage = member.number(AT.byte_size) ?? (type === undefined ? undefined : sizeOf(type)) ?? 4;
  return { offset: 8 * offset + 8 * storage - Number(fromTop) - size, size };
}

function countsOf(entry: Entry): readonly (number | undefined)[] {
  const counts: (number | undefined)[] = [];
  for (const child of childEntries(entry)) {
    if (child.tag !== TAG.subrange_type && child.tag !== TAG.enumeration_type) continue;
    const count = child.number(AT.count);
    const upper = child.signed(AT.upper_bound);
    // gcc gives a flexible array member, and one of length 0, an upper bound of -1 or none at all.
    counts.push(count ?? (upper === undefined ? undefined : Math.max(0, Number(upper) + 1)));
  }
  return counts;
}

function enumerators(entry: Entry): {
  readonly enumerators: readonly { readonly name: string; readonly value: bigint }[];
  readonly signed: boolean;
} {
  const found: { readonly name: string; readonly value: bigint }[] = [];
  for (const child of childEntries(entry)) {
    if (child.tag !== TAG.enumerator) continue;
    const value = child.get(AT.const_value);
    if (value?.kind !== 'constant') continue;
    found.push({ name: child.text(AT.name) ?? '', value: value.value });
  }
  const encoding = entry.number(AT.encoding);
  const signed = encoding === undefined ? found.some(({ value }) => value < 0n) : encoding === ENCODING.signed;
  return { enumerators: found, signed };
}

function parametersOf(entry: Entry): {
  readonly parameters: readonly (number | undefined)[];
  readonly isVariadic: boolean;
} {
  const parameters: (number | undefined)[] = [];
  let isVariadic = false;
  for (const child of childEntries(entry)) {
    if (child.tag === TAG.formal_parameter) parameters.push(child.reference(AT.type));
    if (child.tag === TAG.unspecified_parameters) isVariadic = true;
  }
  return { parameters, isVariadic };
}
