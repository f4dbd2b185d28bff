import type { Domid, VirtualAddress } from '../../base/numbers.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import type { StructView } from '../public/struct.ts';
import type { SCHED_POLL, SCHED_REMOTE_SHUTDOWN, SCHED_SHUTDOWN, SCHED_WATCHDOG } from '../public/xen-4/sched.ts';
import { channel, isPending } from './event-channel.ts';
import { faultAt, isGuestHandle } from './guest-access.ts';
import { refuse } from './refusal.ts';
import { eventsNeedDelivery, setUpcallMask } from './shared-info.ts';
import { NEVER } from './vcpu.ts';

/** sched_op and set_timer_op (common/sched/core.c). */

const MAX_POLLED_PORTS = 128;
const SECOND = 1_000_000_000;
/** Xen keeps reasons in a byte. */
const REASON_MASK = 0xff;

type View<T extends { readonly 64: { readonly offset: object } }> = StructView<keyof T[64]['offset'] & string>;

export function doYield({ xen, vcpu }: HypercallContext): HypercallResult {
  xen.yieldProcessor(vcpu);
  return 0;
}

/** Enables events and sleeps until one comes. */
export function doBlock({ xen, vcpu }: HypercallContext): HypercallResult {
  setUpcallMask(xen.ram, vcpu, false);
  if (!eventsNeedDelivery(xen.ram, vcpu)) xen.block(vcpu);
  return 0;
}

export function doShutdown({ xen, domain, vcpu }: HypercallContext, op: View<typeof SCHED_SHUTDOWN>): HypercallResult {
  xen.shutDown(domain, op.get('reason') & REASON_MASK, undefined, vcpu);
  return 0;
}

/** The old form carries the reason in the second argument. */
export function doShutdownCompat({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  xen.shutDown(domain, args.u32(1) & REASON_MASK, undefined, vcpu);
  return 0;
}

/** The first code that is announced stays. */
export function doShutdownCode({ domain }: HypercallContext, op: View<typeof SCHED_SHUTDOWN>): HypercallResult {
  domain.shutdownCode ??= op.get('reason') & REASON_MASK;
  return 0;
}

export function doRemoteShutdown({ xen }: HypercallContext, op: View<typeof SCHED_REMOTE_SHUTDOWN>): HypercallResult {
  const domid = op.get('domain_id');
  const known = domid === 0 || xen.domains.has(domid as Domid);
  return known ? refuse('EPERM', 'shutting domains down is dom0’s') : refuse('ESRCH', `there is no domain ${domid}`);
}

/** Sleeps until one of the ports is pending, masked or not, or the timeout (absolute system time) is over. */
export function doPoll({ xen, domain, vcpu }: HypercallContext, op: View<typeof SCHED_POLL>): HypercallResult {
  const count = op.get('nr_ports');
  if (count > MAX_POLLED_PORTS) return refuse('EINVAL', `${count} ports polled, at most ${MAX_POLLED_PORTS}`);
  const address = op.get('ports') as VirtualAddress;
  if (!isGuestHandle(domain, address)) return faultAt('list of ports', address);
  if (eventsNeedDelivery(xen.ram, vcpu)) return 0;
  const bytes = count === 0 ? new Uint8Array() : xen.processor.readVirtual(address, count * 4);
  if (bytes === undefined) return faultAt('list of ports', address);
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ports = Array.from({ length: count }, (_, index) => data.getUint32(index * 4, true));
  for (const port of ports) {
    if (channel(domain, port) === undefined) return refuse('EINVAL', `port ${port} is not open`);
    if (isPending(xen, domain, port)) return 0;
  }
  const timeout = op.get('timeout');
  vcpu.pollTimeout = timeout === 0 ? NEVER : timeout;
  vcpu.polling = ports;
  xen.block(vcpu);
  return 0;
}

/** Two watchdogs a domain; each shuts it down unless rearmed within its seconds. */
export function doWatchdog({ xen, domain }: HypercallContext, op: View<typeof SCHED_WATCHDOG>): HypercallResult {
  const id = op.get('id');
  const timeout = op.get('timeout');
  const deadline = xen.clock.now() + timeout * SECOND;
  if (id > domain.watchdogs.length) return refuse('EINVAL', `there is no watchdog ${id}`);
  if (id === 0) {
    const free = domain.watchdogs.indexOf(NEVER);
    if (free < 0) return refuse('ENOSPC', 'both watchdogs are in use');
    domain.watchdogs[free] = deadline;
    return free + 1;
  }
  if (domain.watchdogs[id - 1] === NEVER) return refuse('EINVAL', `watchdog ${id} is not in use`);
  domain.watchdogs[id - 1] = timeout === 0 ? NEVER : deadline;
  return 0;
}

/**
 * Linux 2.6 once asked for times in the past or very far ahead when it meant "soon": 2^50 ns from now counts as that,
 * and 100 ms is what it gets.
 */
const FAR_AHEAD = 2 ** 50;
const LINUX_GRACE = 100_000_000;

/** HYPERVISOR_set_timer_op(timeout): absolute system time, 0 to stop. */
export function doSetTimerOp({ xen, vcpu, args }: HypercallContext): HypercallResult {
  const timeout = args.address(0);
  const distant = timeout < 0 || timeout - xen.clock.now() > FAR_AHEAD;
  vcpu.singleshotTimer = timeout === 0 ? NEVER : distant ? xen.clock.now() + LINUX_GRACE : timeout;
  return 0;
}
