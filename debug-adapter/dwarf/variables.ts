import { AT, TAG } from './constants.ts';
import type { Entry } from './entry.ts';
import { type FunctionInstance, inherited, nameOf, typeOf } from './functions.ts';
import { evaluateLocation, evaluateValue, type Location, type LocationContext, OPTIMIZED_OUT } from './location.ts';
import { locationAt } from './location-lists.ts';
import type { Unit } from './unit.ts';
import { childrenOf } from './unit-tree.ts';

/** A variable or parameter; `entry` is read again when its value is wanted. */
export interface Variable {
  readonly name: string;
  readonly kind: 'parameter' | 'local' | 'global';
  readonly entry: Entry;
  readonly type: number | undefined;
  readonly line: number | undefined;
}

/** Parameters and locals of an instance that are in scope: those of inner blocks first. */
export function variablesOf({ unit, blocks }: FunctionInstance): readonly Variable[] {
  const { tree } = unit;
  const found: Variable[] = [];
  for (const block of [...blocks].reverse()) {
    const here: Variable[] = [];
    for (const child of childrenOf(tree, block)) {
      const tag = tree.tags[child];
      if (tag !== TAG.variable && tag !== TAG.formal_parameter) continue;
      const kind = tag === TAG.variable ? 'local' : 'parameter';
      const variable = describe(unit.entry(tree.offsets[child] as number), kind);
      if (variable.name !== '') here.push(variable);
    }
    // gcc lists those of inlined functions backwards; their origins stand as the source does.
    const place = ({ entry }: Variable): number => entry.reference(AT.abstract_origin) ?? entry.offset;
    found.push(...here.sort((left, right) => place(left) - place(right)));
  }
  return found;
}

/** Variables of a unit outside its functions, declarations left out. */
export function globalsOf(unit: Unit): readonly Variable[] {
  return fileScope(unit).filter(({ entry }) => entry.has(AT.location) || entry.has(AT.const_value));
}

/** The same with those that are only declared: `extern` ones, whose address is elsewhere. */
export function fileScope(unit: Unit): readonly Variable[] {
  const { tree } = unit;
  const found: Variable[] = [];
  for (const child of childrenOf(tree, 0)) {
    if (tree.tags[child] !== TAG.variable) continue;
    const variable = describe(unit.entry(tree.offsets[child] as number), 'global');
    if (variable.name !== '') found.push(variable);
  }
  return found;
}

function describe(entry: Entry, kind: Variable['kind']): Variable {
  const line = inherited(entry, (at) => at.number(AT.decl_line));
  return { name: nameOf(entry), kind, entry, type: typeOf(entry), line };
}

/** Where a variable is while the program stands at `pc`. May throw `MalformedDwarf`. */
export async function locateVariable({ entry }: Variable, pc: number, context: LocationContext): Promise<Location> {
  const expression = locationAt(entry, AT.location, pc);
  if (expression !== undefined) return await evaluateLocation(expression, context);
  const constant = inherited(entry, (at) => at.get(AT.const_value));
  if (constant?.kind === 'constant') return { kind: 'value', value: constant.value };
  if (constant?.kind === 'block') return { kind: 'bytes', bytes: constant.bytes };
  return OPTIMIZED_OUT;
}

/** DW_AT_frame_base of a function: a register, the canonical frame address, or an expression. */
export async function frameBaseOf(
  { unit, index }: FunctionInstance,
  pc: number,
  context: LocationContext,
): Promise<bigint | undefined> {
  const entry = unit.entry(unit.tree.offsets[index] as number);
  const expression = locationAt(entry, AT.frame_base, pc);
  return expression === undefined ? undefined : await evaluateValue(expression, context);
}
