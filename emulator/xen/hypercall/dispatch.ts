import { errnoName, isRefusal, type Refusal, refuse } from '../common/refusal.ts';
import type { HypercallRecord } from '../common/trace.ts';
import type { HypercallContext, HypercallResult } from './call.ts';
import { hypercallRow } from './columns.ts';
import { decodeHypercall } from './decode.ts';
import { type HypercallRow, joinWideArguments } from './row.ts';
import { commandOf, findSuboperation, runSuboperation } from './suboperation.ts';

/** Finds the row, runs it, remembers a refusal, tells the trace. */
export function executeHypercall(
  call: HypercallContext,
  number: number,
  multicallIndex: number | undefined,
): HypercallResult {
  const { xen, domain } = call;
  const { instructions } = xen.clock;
  const row = hypercallRow(domain, number);
  if (multicallIndex !== undefined) joinWideArguments(call.args, domain.width, row);
  const traced = xen.wantsHypercallRecords;
  // Arguments of a call that replaces registers or address space are decoded before it.
  const before = traced ? decodeHypercall(call, number, multicallIndex) : undefined;
  const result = row === undefined ? refuse('ENOSYS', `there is no hypercall ${number}`) : runRow(call, row);
  if (isRefusal(result)) {
    domain.recordRefusal({ ...result, instructions, what: callName(call, number) });
  }
  if (before !== undefined) report(call, number, before, result, multicallIndex);
  return result;
}

function runRow(call: HypercallContext, row: HypercallRow): HypercallResult {
  if (row.run !== undefined) return row.run(call);
  if (row.suboperations === undefined) return refuse('ENOSYS', `${row.name} is not available`);
  const suboperation = findSuboperation(call, row);
  if (suboperation === undefined) {
    const command = commandOf(call, row);
    if (command === undefined) return refuse('EFAULT', `the structure of ${row.name} cannot be read`);
    return row.unknown?.(call) ?? refuse('ENOSYS', `${row.name} has no sub-operation ${command}`);
  }
  return runSuboperation(call, suboperation);
}

/** "event_channel_op.send". */
export function callName(call: HypercallContext, number: number): string {
  const row = hypercallRow(call.domain, number);
  if (row === undefined) return `hypercall ${number}`;
  if (row.suboperations === undefined) return row.name;
  return `${row.name}.${findSuboperation(call, row)?.name ?? commandOf(call, row) ?? '?'}`;
}

function report(
  call: HypercallContext,
  number: number,
  before: HypercallRecord,
  result: HypercallResult,
  multicallIndex: number | undefined,
): void {
  const replaced = typeof result === 'symbol';
  // Out fields are shown as they are after the call, unless the call went to another address space.
  const after = replaced || isRefusal(result) ? before : decodeHypercall(call, number, multicallIndex);
  const record: HypercallRecord = {
    ...before,
    arguments: after.arguments,
    result: {
      value: replaced ? undefined : isRefusal(result) ? -result.errno : (result as number),
      errno: isRefusal(result) ? errnoName(result.errno) : undefined,
      reason: isRefusal(result) ? (result as Refusal).reason : undefined,
    },
  };
  call.xen.reportHypercall(record);
}
