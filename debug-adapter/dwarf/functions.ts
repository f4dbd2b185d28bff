import { AT, TAG } from './constants.ts';
import type { Entry } from './entry.ts';
import { tooDeep } from './malformed.ts';
import { covers, type PcRange, readRanges } from './ranges.ts';
import type { Unit } from './unit.ts';
import { childrenOf } from './unit-tree.ts';

/** A function, or an inlined copy of one, that an address lies in. */
export interface FunctionInstance {
  readonly unit: Unit;
  /** Index of the subprogram or inlined subroutine in the unit's tree. */
  readonly index: number;
  readonly name: string;
  readonly ranges: readonly PcRange[];
  /** Where an inlined one was called from; undefined for a real one. */
  readonly call: { readonly file: number; readonly line: number; readonly column: number } | undefined;
  /** The instance itself and the lexical blocks in it that hold the address, outermost first, as tree indexes. */
  readonly blocks: readonly number[];
}

/** Functions of a unit that have code. */
export interface FunctionIndex {
  /** By start of each range; a function with several ranges is there several times. */
  readonly lows: Float64Array;
  readonly highs: Float64Array;
  readonly indexes: Uint32Array;
}

const MAXIMUM_ORIGINS = 16;

export function readFunctions(unit: Unit): FunctionIndex {
  const { tree } = unit;
  const found: { readonly low: number; readonly high: number; readonly index: number }[] = [];
  for (let index = 0; index < tree.count; index++) {
    if (tree.tags[index] !== TAG.subprogram) continue;
    const entry = unit.entry(tree.offsets[index] as number);
    for (const { low, high } of readRanges(entry)) found.push({ low, high, index });
  }
  found.sort((left, right) => left.low - right.low);
  return {
    lows: Float64Array.from(found, ({ low }) => low),
    highs: Float64Array.from(found, ({ high }) => high),
    indexes: Uint32Array.from(found, ({ index }) => index),
  };
}

/** The functions at an address, innermost inlined one first; empty outside all functions. */
export function functionsAt(unit: Unit, index: FunctionIndex, pc: number): readonly FunctionInstance[] {
  let low = 0;
  let high = index.lows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((index.lows[middle] as number) <= pc) low = middle + 1;
    else high = middle;
  }
  if (low === 0 || pc >= (index.highs[low - 1] as number)) return [];
  const instances: FunctionInstance[] = [];
  collect(unit, index.indexes[low - 1] as number, pc, instances);
  return instances.reverse();
}

function collect(unit: Unit, index: number, pc: number, instances: FunctionInstance[]): void {
  const { tree } = unit;
  const blocks = [index];
  let inner: number | undefined;
  for (let block: number | undefined = index; block !== undefined && inner === undefined; ) {
    let deeper: number | undefined;
    for (const child of childrenOf(tree, block)) {
      const tag = tree.tags[child];
      if (tag !== TAG.lexical_block && tag !== TAG.inlined_subroutine) continue;
      if (!covers(readRanges(unit.entry(tree.offsets[child] as number)), pc)) continue;
      if (tag === TAG.inlined_subroutine) inner = child;
      else {
        blocks.push(child);
        deeper = child;
      }
      break;
    }
    block = deeper;
  }
  const entry = unit.entry(tree.offsets[index] as number);
  const isInlined = entry.tag === TAG.inlined_subroutine;
  instances.push({
    unit,
    index,
    name: nameOf(entry),
    ranges: readRanges(entry),
    call: isInlined
      ? {
          file: entry.number(AT.call_file) ?? 0,
          line: entry.number(AT.call_line) ?? 0,
          column: entry.number(AT.call_column) ?? 0,
        }
      : undefined,
    blocks,
  });
  if (inner !== undefined) collect(unit, inner, pc, instances);
}

/** The entry that an instance or a definition says less than: its abstract origin or its declaration. */
export function originOf(entry: Entry): Entry | undefined {
  const offset = entry.reference(AT.abstract_origin) ?? entry.reference(AT.specification);
  // Units of link-time optimisation refer to one another; those of plain compilations never do.
  return offset === undefined ? undefined : entry.unit.anyEntry(offset);
}

/** The first that `read` finds in an entry or in what it originates from. */
export function inherited<T>(entry: Entry, read: (entry: Entry) => T | undefined): T | undefined {
  let at: Entry | undefined = entry;
  for (let depth = 0; at !== undefined; depth++) {
    const found = read(at);
    if (found !== undefined) return found;
    if (depth > MAXIMUM_ORIGINS) throw tooDeep('Entries');
    at = originOf(at);
  }
  return undefined;
}

export const nameOf = (entry: Entry): string => inherited(entry, (at) => at.text(AT.name)) ?? '';
export const typeOf = (entry: Entry): number | undefined => inherited(entry, (at) => at.reference(AT.type));
