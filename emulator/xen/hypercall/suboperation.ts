import { readStruct, writeStruct } from '../common/guest-access.ts';
import { isRefusal, refuse } from '../common/refusal.ts';
import type { HypercallContext, HypercallResult } from './call.ts';
import type { HypercallRow, SuboperationRow } from './row.ts';

export function findSuboperation(row: HypercallRow, number: number): SuboperationRow | undefined {
  const command = (number & (row.commandMask ?? -1)) >>> 0;
  return row.suboperations?.find((suboperation) => suboperation.number === command);
}

/** Copies the structure in, runs, copies it out. */
export function runSuboperation(call: HypercallContext, row: SuboperationRow): HypercallResult {
  if (row.run !== undefined) return row.run(call);
  if (row.op === undefined || row.struct === undefined) return refuse('ENOSYS', `${row.name} is not implemented`);
  const address = call.args.address(row.argument ?? 1);
  const view = readStruct(call.xen, call.domain, address, row.struct);
  if (isRefusal(view)) return view;
  const result = row.op(call, view);
  if (isRefusal(result) || !hasOutFields(row)) return result;
  return writeStruct(call.xen, address, view) ?? result;
}

function hasOutFields(row: SuboperationRow): boolean {
  return row.struct?.[64].fields.some((field) => field.spec.out === true) ?? false;
}
