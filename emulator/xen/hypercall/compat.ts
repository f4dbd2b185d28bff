import type { VirtualAddress } from '../../base/numbers.ts';
import { readStruct } from '../common/guest-access.ts';
import { isRefusal, refuse } from '../common/refusal.ts';
import type { StructDefinition } from '../public/struct.ts';
import { EVTCHN_OP_COMPAT } from '../public/xen-4/event-channel.ts';
import { PHYSDEV_OP_COMPAT } from '../public/xen-4/physdev.ts';
import { HypercallArguments, type HypercallContext, type HypercallResult } from './call.ts';
import type { SuboperationRow } from './row.ts';
import { runSuboperation } from './suboperation.ts';
import { EVENT_CHANNEL_OPS, PHYSDEV_OPS } from './suboperations.ts';

/**
 * The old single-argument hypercalls (event_channel_op 16, physdev_op 19): the command, then the operation's structure
 * at the structure's own alignment. The whole union is copied in, whichever the operation.
 */
const EVENT_CHANNEL_COMPAT_LAST = 9;

export function doEventChannelOpCompat(call: HypercallContext): HypercallResult {
  return unwrap(call, EVENT_CHANNEL_OPS, EVENT_CHANNEL_COMPAT_LAST, EVTCHN_OP_COMPAT, 4);
}

export function doPhysdevOpCompat(call: HypercallContext): HypercallResult {
  return unwrap(call, PHYSDEV_OPS, Number.POSITIVE_INFINITY, PHYSDEV_OP_COMPAT, call.domain.width / 8);
}

function unwrap(
  call: HypercallContext,
  rows: readonly SuboperationRow[],
  last: number,
  union: StructDefinition<string>,
  offset: number,
): HypercallResult {
  const address = call.args.address(0);
  const view = readStruct(call.xen, call.domain, address, union);
  if (isRefusal(view)) return view;
  const command = view.low('cmd') >>> 0;
  const row = rows.find(({ number }) => number === command);
  if (row === undefined || command > last) return refuse('ENOSYS', `operation ${command} in the old form`);
  const args = new HypercallArguments();
  args.set(0, command, 0);
  const inside = (address + offset) as VirtualAddress;
  args.set(1, inside | 0, Math.floor(inside / 4294967296));
  return runSuboperation({ ...call, args }, row);
}
