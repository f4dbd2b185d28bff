import { type Domid, type MachineAddress, PAGE_SIZE } from '../../../base/numbers.ts';
import type { HypercallContext, HypercallResult } from '../../hypercall/call.ts';
import { EVENT_EVTCHN, SHARED_INFO } from '../../public/xen-1.2/xen.ts';
import type { Domain } from '../domain.ts';
import type { Hypervisor } from '../hypervisor.ts';
import { refuse } from '../refusal.ts';
import { setBit } from '../shared-info.ts';
import { raiseEvent } from './events.ts';

/**
 * Event channels of Xen 1.2 (common/event_channel.c): one for each pair of domains, connected once both have opened
 * theirs. The number of a new one is not told: its owner finds it by looking.
 */

/** One end; `remote` is the other's number once they are connected. */
export interface EventLink {
  target: number;
  inUse: boolean;
  connected: boolean;
  remote: number;
}

const MAX_EVENT_CHANNELS = 1024;
const OFFSET = SHARED_INFO[32].offset;

/** Tells a domain about its channel: that it was connected or rung, or that it was disconnected. */
function tell(xen: Hypervisor, domain: Domain, id: number, what: 'pend' | 'disc'): void {
  const base = domain.sharedInfoMfn * PAGE_SIZE;
  const bits = (base + OFFSET[`event_channel_${what}`]) as MachineAddress;
  const selector = (base + OFFSET[`event_channel_${what}_sel`]) as MachineAddress;
  if (setBit(xen.ram, bits, id) || setBit(xen.ram, selector, id >>> 5)) return;
  raiseEvent(xen, domain, EVENT_EVTCHN);
}

/** event_channel_op(open, domain). */
export function doOpen({ xen, domain, args }: HypercallContext): HypercallResult {
  const target = args.u32(1) & 0xffff;
  const { links } = domain;
  if (links.some((link) => link.inUse && link.target === target))
    return refuse('EEXIST', `there is a channel to domain ${target} already`);
  const free = links.findIndex(({ inUse }) => !inUse);
  const id = free < 0 ? links.length : free;
  if (id >= MAX_EVENT_CHANNELS) return refuse('ENOSPC', `all ${MAX_EVENT_CHANNELS} event channels are in use`);
  const link: EventLink = { target, inUse: true, connected: false, remote: 0 };
  links[id] = link;
  const peer = xen.domains.get(target as Domid);
  if (peer === undefined || peer.abiVersion !== '1.2') return 0;
  const remote = peer.links.findIndex((other) => other.inUse && other.target === domain.domid);
  const far = peer.links[remote];
  if (far === undefined || (peer === domain && remote === id)) return 0;
  far.connected = true;
  far.remote = id;
  link.connected = true;
  link.remote = remote;
  tell(xen, peer, remote, 'pend');
  return 0;
}

/** event_channel_op(close, id). */
export function doCloseChannel({ xen, domain, args }: HypercallContext): HypercallResult {
  const id = args.u32(1) & 0xffff;
  return closeLink(xen, domain, id) ? 0 : refuse('EINVAL', `event channel ${id} is not open`);
}

export function closeLink(xen: Hypervisor, domain: Domain, id: number): boolean {
  const link = domain.links[id];
  if (link === undefined || !link.inUse) return false;
  const peer = xen.domains.get(link.target as Domid);
  const far = link.connected ? peer?.links[link.remote] : undefined;
  if (peer !== undefined && far !== undefined) {
    far.connected = false;
    tell(xen, peer, link.remote, 'disc');
  }
  domain.links[id] = { target: 0, inUse: false, connected: false, remote: 0 };
  return true;
}

/** event_channel_op(send, id). */
export function doSendChannel({ xen, domain, args }: HypercallContext): HypercallResult {
  const id = args.u32(1) & 0xffff;
  const link = domain.links[id];
  const peer = link?.connected === true ? xen.domains.get(link.target as Domid) : undefined;
  if (link === undefined || peer === undefined) return refuse('EINVAL', `event channel ${id} is not connected`);
  tell(xen, peer, link.remote, 'pend');
  return 0;
}

/** event_channel_op(status, id): 0 closed, 1 disconnected, 2 connected. */
export function doStatusChannel({ domain, args }: HypercallContext): HypercallResult {
  const link = domain.links[args.u32(1) & 0xffff];
  return link?.connected === true ? 2 : link?.inUse === true ? 1 : 0;
}
