import type { Refusal } from '../refusal.ts';

/**
 * Block and network devices of a domain of Xen 1.2, where they are Xen's own: what its two hypercalls ask of them. Not
 * state of the hypervisor: whoever plays them is there again after a restore.
 */
export interface XenDevices {
  /** net_io_op. `op`: the guest's `netop_t`, changed in place; to be copied back unless it is refused. */
  netIoOp(op: Uint8Array): Refusal | undefined;
  /** block_io_op, in the same way. `write` stores into the guest's memory; false where that faults. */
  blockIoOp(op: Uint8Array, write: (address: number, bytes: Uint8Array) => boolean): Refusal | undefined;
}

/** Event bits of shared_info.events that devices raise (hypervisor-if.h, _EVENT_…). */
export const EVENT_BLKDEV_BIT = 0;
export const EVENT_NET_BIT = 4;
export const EVENT_VBD_UPD_BIT = 8;
