import { readStruct, writeStruct } from '../common/guest-access.ts';
import { isRefusal, refuse } from '../common/refusal.ts';
import type { HypercallContext, HypercallResult } from './call.ts';
import type { HypercallRow, SuboperationRow } from './row.ts';

/** Number of the sub-operation that is asked for; undefined when it cannot be read. */
export function commandOf({ xen, args }: HypercallContext, row: HypercallRow): number | undefined {
  if (row.commandInMemory !== true) return (args.u32(0) & (row.commandMask ?? -1)) >>> 0;
  const bytes = xen.processor.peek(args.address(0), 4);
  return bytes.length < 4 ? undefined : new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}

export function findSuboperation(call: HypercallContext, row: HypercallRow): SuboperationRow | undefined {
  if (row.suboperations === undefined) return undefined;
  const command = commandOf(call, row);
  return row.suboperations.find((suboperation) => suboperation.number === command);
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
