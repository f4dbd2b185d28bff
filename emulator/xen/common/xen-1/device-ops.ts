import type { VirtualAddress } from '../../../base/numbers.ts';
import type { HypercallContext, HypercallResult } from '../../hypercall/call.ts';
import { BLOCK_IO_OP } from '../../public/xen-1.2/io/block.ts';
import { NETOP } from '../../public/xen-1.2/io/network.ts';
import { faultAt } from '../guest-access.ts';
import { refuse } from '../refusal.ts';

/** net_io_op and block_io_op of Xen 1.2: a structure that is copied in, looked after by the devices, and copied back. */

export function doNetIoOp({ xen, domain, args }: HypercallContext): HypercallResult {
  const address = args.address(0);
  const op = xen.processor.readVirtual(address, NETOP[32].size);
  if (op === undefined) return faultAt('netop', address);
  const devices = xen.xenDevices.get(domain.domid);
  const refusal = devices === undefined ? refuse('EINVAL', 'the domain has no network interface') : devices.netIoOp(op);
  if (refusal !== undefined) return refusal;
  return xen.processor.writeVirtual(address, op) ? 0 : faultAt('netop', address);
}

export function doBlockIoOp({ xen, domain, args }: HypercallContext): HypercallResult {
  const address = args.address(0);
  const op = xen.processor.readVirtual(address, BLOCK_IO_OP[32].size);
  if (op === undefined) return faultAt('block_io_op', address);
  const write = (at: number, bytes: Uint8Array): boolean => xen.processor.writeVirtual(at as VirtualAddress, bytes);
  const devices = xen.xenDevices.get(domain.domid);
  const refusal = devices === undefined ? refuse('ENOSYS', 'the domain has no disks') : devices.blockIoOp(op, write);
  if (refusal !== undefined) return refusal;
  return xen.processor.writeVirtual(address, op) ? 0 : faultAt('block_io_op', address);
}
