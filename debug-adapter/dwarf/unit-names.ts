import { AT, TAG } from './constants.ts';
import type { Entry } from './entry.ts';
import { childEntries } from './types.ts';
import type { Unit } from './unit.ts';

/** A constant of an enumeration, with the offset of its type. */
export interface Enumerator {
  readonly value: bigint;
  readonly type: number;
}

const TYPE_KEYWORDS: ReadonlyMap<number, string> = new Map([
  [TAG.structure_type, 'struct '],
  [TAG.union_type, 'union '],
  [TAG.class_type, 'class '],
  [TAG.enumeration_type, 'enum '],
  [TAG.typedef, ''],
  [TAG.base_type, ''],
]);

/** "page" of "struct page": as the entry has it. */
export const withoutKeyword = (name: string): string => name.replace(/^(struct|union|class|enum) /, '');

/** Offsets of the types that a unit defines, by name: "u32", "struct page". */
export function namedTypes(unit: Unit): ReadonlyMap<string, number> {
  const { tree } = unit;
  const found = new Map<string, number>();
  for (let index = 1; index < tree.count; index++) {
    const keyword = TYPE_KEYWORDS.get(tree.tags[index] as number);
    if (keyword === undefined) continue;
    const entry: Entry = unit.entry(tree.offsets[index] as number);
    const name = entry.text(AT.name);
    if (name !== undefined && !entry.flag(AT.declaration) && !found.has(`${keyword}${name}`)) {
      found.set(`${keyword}${name}`, entry.offset);
    }
  }
  return found;
}

export function enumeratorsOf(unit: Unit): ReadonlyMap<string, Enumerator> {
  const { tree } = unit;
  const found = new Map<string, Enumerator>();
  for (let index = 1; index < tree.count; index++) {
    if (tree.tags[index] !== TAG.enumeration_type) continue;
    const type = tree.offsets[index] as number;
    for (const child of childEntries(unit.entry(type))) {
      const value = child.get(AT.const_value);
      const name = child.text(AT.name);
      if (value?.kind === 'constant' && name !== undefined) found.set(name, { value: value.value, type });
    }
  }
  return found;
}
