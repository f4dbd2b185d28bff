import { skipForm } from './forms.ts';
import type { Unit } from './unit.ts';

/**
 * The entries of a unit in the order of the file, as plain arrays: a unit of Linux has ten thousand. Index 0 is the
 * root. What an entry says is read from the file again when it is looked at.
 */
export interface UnitTree {
  readonly count: number;
  /** In .debug_info, ascending. */
  readonly offsets: Float64Array;
  readonly tags: Uint16Array;
  /** Index of the parent; -1 for the root. */
  readonly parents: Int32Array;
  /** One past the index of the last descendant. */
  readonly ends: Uint32Array;
}

/** Deeper nesting than this is not what compilers write. */
const MAXIMUM_DEPTH = 1000;

export function readTree(unit: Unit): UnitTree {
  const { header } = unit;
  const offsets: number[] = [];
  const tags: number[] = [];
  const parents: number[] = [];
  const ends: number[] = [];
  const reader = unit.reader(header.root);
  const open: number[] = [];
  while (!reader.done) {
    const offset = reader.at;
    const code = reader.uleb();
    if (code === 0) {
      const closed = open.pop();
      if (closed === undefined) break;
      ends[closed] = offsets.length;
      if (open.length === 0) break;
      continue;
    }
    const abbreviation = unit.abbreviation(code, offset);
    const index = offsets.length;
    offsets.push(offset);
    tags.push(abbreviation.tag);
    parents.push(open.at(-1) ?? -1);
    ends.push(index + 1);
    const { specifications, size } = abbreviation;
    if (size >= 0) reader.skip(size);
    else for (let at = 1; at < specifications.length; at += 2) skipForm(reader, specifications[at] as number, header);
    if (abbreviation.hasChildren && open.length < MAXIMUM_DEPTH) open.push(index);
    if (open.length === 0) break;
  }
  for (const index of open) ends[index] = offsets.length;
  return {
    count: offsets.length,
    offsets: Float64Array.from(offsets),
    tags: Uint16Array.from(tags),
    parents: Int32Array.from(parents),
    ends: Uint32Array.from(ends),
  };
}

/** Index of the entry at an offset; -1: none begins there. */
export function indexOfEntry({ offsets }: UnitTree, offset: number): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] as number) < offset) low = middle + 1;
    else high = middle;
  }
  return offsets[low] === offset ? low : -1;
}

/** Indexes of the direct children of an entry. */
export function* childrenOf({ ends }: UnitTree, index: number): Generator<number> {
  const end = ends[index] as number;
  for (let at = index + 1; at < end; at = ends[at] as number) yield at;
}
