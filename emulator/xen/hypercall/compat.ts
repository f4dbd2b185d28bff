import type { VirtualAddress } from '../../base/numbers.ts';
import { faultAt } from '../common/guest-access.ts';
import { refuse } from '../common/refusal.ts';
import { HypercallArguments, type HypercallContext, type HypercallResult } from './call.ts';
import type { SuboperationRow } from './row.ts';
import { runSuboperation } from './suboperation.ts';
import { EVENT_CHANNEL_OPS, PHYSDEV_OPS } from './suboperations.ts';

/**
 * The old single-argument hypercalls (event_channel_op 16, physdev_op 19): the command, then the operation's structure
 * at the structure's own alignment. Only the operations that existed then.
 */
const EVENT_CHANNEL_COMPAT_LAST = 8;
/** physdev_op of Xen 2: numbers 4 (irq unmask notify) to 10. */
const PHYSDEV_COMPAT_LAST = 10;

export function doEventChannelOpCompat(call: HypercallContext): HypercallResult {
  return unwrap(call, EVENT_CHANNEL_OPS, EVENT_CHANNEL_COMPAT_LAST, 4);
}

export function doPhysdevOpCompat(call: HypercallContext): HypercallResult {
  return unwrap(call, PHYSDEV_OPS, PHYSDEV_COMPAT_LAST, call.domain.width / 8);
}

function unwrap(
  call: HypercallContext,
  rows: readonly SuboperationRow[],
  last: number,
  offset: number,
): HypercallResult {
  const address = call.args.address(0);
  const bytes = call.xen.processor.readVirtual(address, 4);
  if (bytes === undefined) return faultAt('operation', address);
  const command = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const row = rows.find(({ number }) => number === command);
  if (row === undefined || command > last) return refuse('ENOSYS', `operation ${command} in the old form`);
  const args = new HypercallArguments();
  args.set(0, command, 0);
  const inside = (address + offset) as VirtualAddress;
  args.set(1, inside | 0, Math.floor(inside / 4294967296));
  return runSuboperation({ ...call, args }, row);
}
