import { AT, TAG } from './constants.ts';
import type { Unit } from './unit.ts';
import { childrenOf } from './unit-tree.ts';

/** Tree index of the entry for the call that returns to an address. */
function findCallSite(unit: Unit, returnAddress: number): number | undefined {
  const { tree } = unit;
  for (let index = 1; index < tree.count; index++) {
    const tag = tree.tags[index];
    if (tag !== TAG.call_site && tag !== TAG.GNU_call_site) continue;
    const entry = unit.entry(tree.offsets[index] as number);
    const at = tag === TAG.call_site ? entry.address(AT.call_return_pc) : entry.address(AT.low_pc);
    if (at === returnAddress) return index;
  }
  return undefined;
}

const sameBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, at) => byte === right[at]);

/**
 * What a call passes in a place that `location` describes, as an expression over the caller's frame: from the entry of
 * the call that returns to `returnAddress`.
 */
export function argumentAt(unit: Unit, returnAddress: number, location: Uint8Array): Uint8Array | undefined {
  const call = findCallSite(unit, returnAddress);
  if (call === undefined) return undefined;
  for (const child of childrenOf(unit.tree, call)) {
    const tag = unit.tree.tags[child];
    if (tag !== TAG.call_site_parameter && tag !== TAG.GNU_call_site_parameter) continue;
    const entry = unit.entry(unit.tree.offsets[child] as number);
    const own = entry.block(AT.location);
    const expression = entry.block(AT.call_value) ?? entry.block(AT.GNU_call_site_value);
    if (own !== undefined && expression !== undefined && sameBytes(own, location)) return expression;
  }
  return undefined;
}
