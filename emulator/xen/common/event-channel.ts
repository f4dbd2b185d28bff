import { assert } from '../../base/assert.ts';
import type { Domid, Port } from '../../base/numbers.ts';
import { EVTCHN_2L_NR_CHANNELS, EVTCHN_FIFO_PRIORITY_DEFAULT } from '../public/xen-4/event-channel.ts';
import { NR_VIRQS, PER_VCPU_VIRQS, VIRQ_NAMES } from '../public/xen-4/xen.ts';
import type { Domain } from './domain.ts';
import { twoLevelClear, twoLevelIsPending, twoLevelSetPending, twoLevelUnmask } from './event-2l.ts';
import {
  type FifoState,
  fifoClear,
  fifoIsBusy,
  fifoIsPending,
  fifoReset,
  fifoSetPending,
  fifoUnmask,
} from './event-fifo.ts';
import type { Hypervisor } from './hypervisor.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { EventAction } from './trace.ts';
import type { Vcpu } from './vcpu.ts';

/** Event channels (common/event_channel.c): who is connected to whom. The bits are in event-2l.ts and event-fifo.ts. */

/** States of a port, with the numbers of evtchn_status. */
export const EVTCHNSTAT_CLOSED = 0;
export const EVTCHNSTAT_UNBOUND = 1;
export const EVTCHNSTAT_INTERDOMAIN = 2;
export const EVTCHNSTAT_PIRQ = 3;
export const EVTCHNSTAT_VIRQ = 4;
export const EVTCHNSTAT_IPI = 5;

/** The domid that stands for the host itself: toolstack, back ends, xenstore. */
export const DOMID_HOST = 0 as Domid;

export interface EventChannel {
  state: 0 | 1 | 2 | 3 | 4 | 5;
  /** Unbound: who may bind. Interdomain: the other side. */
  remoteDomid: Domid;
  remotePort: Port;
  virq: number;
  /** vCPU that is told (bind_vcpu). */
  notifyVcpu: number;
  /** The far end is the host: see Hypervisor.bindHostPort. */
  host: boolean;
  /** FIFO: queue, and the queue it was linked on last. */
  priority: number;
  lastPriority: number;
  lastVcpu: number;
  /** FIFO: pending though its word does not exist yet. */
  pending: boolean;
}

/** The toolstack's default of max_event_channels: ports 1 … 1023. */
const MAX_PORT = 1023;

export class EventChannels {
  /** Index is the port; port 0 never exists. */
  readonly ports: EventChannel[] = [newChannel()];
  /** Highest port that may be allocated. */
  maxPort = MAX_PORT;
  /** Two-level bitmaps until the guest calls EVTCHNOP_init_control. */
  fifo: FifoState | undefined;
}

export function newChannel(): EventChannel {
  return {
    state: EVTCHNSTAT_CLOSED,
    remoteDomid: 0 as Domid,
    remotePort: 0 as Port,
    virq: 0,
    notifyVcpu: 0,
    host: false,
    priority: EVTCHN_FIFO_PRIORITY_DEFAULT,
    lastPriority: EVTCHN_FIFO_PRIORITY_DEFAULT,
    lastVcpu: 0,
    pending: false,
  };
}

/** The channel behind a port that is in use. */
export function channel(domain: Domain, port: number): EventChannel | undefined {
  const found = domain.eventChannels.ports[port];
  return found === undefined || found.state === EVTCHNSTAT_CLOSED || port === 0 ? undefined : found;
}

/** Ports come into being by 64 (a bucket of struct evtchn); a valid one may be closed. */
const PORTS_PER_BUCKET = 64;

export function isPortValid(domain: Domain, port: number): boolean {
  if (domain.abiVersion !== '4') return port < portTableSize(domain);
  return port < Math.ceil(domain.eventChannels.ports.length / PORTS_PER_BUCKET) * PORTS_PER_BUCKET;
}

/** Xen 2.0 starts with a table of 16 ports and doubles it when all are in use. */
export function portTableSize(domain: Domain): number {
  let size = 16;
  while (size < domain.eventChannels.ports.length) size *= 2;
  return size;
}

function noSuchPort(port: number): Refusal {
  return refuse('EINVAL', `port ${port} is not open`);
}

export function allocatePort(xen: Hypervisor, domain: Domain): Port | Refusal {
  const { ports, maxPort } = domain.eventChannels;
  const limit = Math.min(maxPort, EVTCHN_2L_NR_CHANNELS[domain.width] - 1);
  const end = domain.eventChannels.fifo === undefined ? limit : maxPort;
  for (let port = 1; port <= end; port++) {
    const existing = ports[port];
    if (existing === undefined) {
      ports[port] = newChannel();
      return port as Port;
    }
    if (existing.state === EVTCHNSTAT_CLOSED && !fifoIsBusy(xen, domain, port)) {
      ports[port] = newChannel();
      return port as Port;
    }
  }
  return refuse('ENOSPC', `all ${end} event-channel ports are in use`);
}

export function allocateUnbound(xen: Hypervisor, domain: Domain, remote: Domid): Port | Refusal {
  const port = allocatePort(xen, domain);
  if (typeof port !== 'number') return port;
  const allocated = domain.eventChannels.ports[port] as EventChannel;
  allocated.state = EVTCHNSTAT_UNBOUND;
  allocated.remoteDomid = remote;
  traceEvent(xen, domain, port, 'bound', `allocated for domain ${remote}`);
  return port;
}

/** EVTCHNOP_bind_interdomain; the remote port must have been allocated for the caller. */
export function bindInterdomain(xen: Hypervisor, domain: Domain, remote: Domain, remotePort: Port): Port | Refusal {
  const far = channel(remote, remotePort);
  if (far === undefined || far.state !== EVTCHNSTAT_UNBOUND || far.remoteDomid !== domain.domid) {
    return refuse('EINVAL', `port ${remotePort} of domain ${remote.domid} is not waiting for domain ${domain.domid}`);
  }
  const port = allocatePort(xen, domain);
  if (typeof port !== 'number') return port;
  const near = domain.eventChannels.ports[port] as EventChannel;
  near.state = EVTCHNSTAT_INTERDOMAIN;
  near.remoteDomid = remote.domid;
  near.remotePort = remotePort;
  far.state = EVTCHNSTAT_INTERDOMAIN;
  far.remotePort = port;
  traceEvent(xen, domain, port, 'bound', `bound to port ${remotePort} of domain ${remote.domid}`);
  // The far end may have sent before anybody listened.
  setPending(xen, domain, port);
  return port;
}

export function bindVirq(xen: Hypervisor, domain: Domain, virq: number, vcpuIndex: number): Port | Refusal {
  if (virq >= NR_VIRQS) return refuse('EINVAL', `there is no VIRQ ${virq}`);
  if (vcpuIndex !== 0 && !PER_VCPU_VIRQS.has(virq)) {
    return refuse('EINVAL', `VIRQ ${VIRQ_NAMES[virq] ?? virq} is global and can be bound on vCPU 0 only`);
  }
  const vcpu = domain.vcpus[vcpuIndex];
  if (vcpu === undefined) return refuse('ENOENT', `there is no vCPU ${vcpuIndex}`);
  if (vcpu.virqPorts[virq] !== 0) {
    return refuse(
      'EEXIST',
      `VIRQ ${VIRQ_NAMES[virq] ?? virq} of vCPU ${vcpuIndex} is bound to port ${vcpu.virqPorts[virq]}`,
    );
  }
  const port = allocatePort(xen, domain);
  if (typeof port !== 'number') return port;
  const bound = domain.eventChannels.ports[port] as EventChannel;
  bound.state = EVTCHNSTAT_VIRQ;
  bound.virq = virq;
  bound.notifyVcpu = vcpuIndex;
  vcpu.virqPorts[virq] = port;
  traceEvent(xen, domain, port, 'bound', `bound to VIRQ ${VIRQ_NAMES[virq] ?? virq} of vCPU ${vcpuIndex}`);
  return port;
}

export function bindIpi(xen: Hypervisor, domain: Domain, vcpuIndex: number): Port | Refusal {
  if (domain.vcpus[vcpuIndex] === undefined) return refuse('ENOENT', `there is no vCPU ${vcpuIndex}`);
  const port = allocatePort(xen, domain);
  if (typeof port !== 'number') return port;
  const bound = domain.eventChannels.ports[port] as EventChannel;
  bound.state = EVTCHNSTAT_IPI;
  bound.notifyVcpu = vcpuIndex;
  traceEvent(xen, domain, port, 'bound', `bound to IPIs of vCPU ${vcpuIndex}`);
  return port;
}

/** EVTCHNOP_bind_vcpu. Ports that belong to one vCPU by nature stay there. */
export function bindVcpu(domain: Domain, port: number, vcpuIndex: number): Refusal | undefined {
  if (domain.vcpus[vcpuIndex] === undefined) return refuse('ENOENT', `there is no vCPU ${vcpuIndex}`);
  const found = channel(domain, port);
  if (found === undefined) return noSuchPort(port);
  const fixed = found.state === EVTCHNSTAT_IPI || (found.state === EVTCHNSTAT_VIRQ && PER_VCPU_VIRQS.has(found.virq));
  if (fixed) return refuse('EINVAL', `port ${port} belongs to vCPU ${found.notifyVcpu} by its nature`);
  found.notifyVcpu = vcpuIndex;
  return undefined;
}

export function closePort(xen: Hypervisor, domain: Domain, port: number): Refusal | undefined {
  const found = channel(domain, port);
  if (found === undefined) return noSuchPort(port);
  if (found.state === EVTCHNSTAT_VIRQ) {
    (domain.vcpus[found.notifyVcpu] as Vcpu).virqPorts[found.virq] = 0;
    for (const vcpu of domain.vcpus) if (vcpu.virqPorts[found.virq] === port) vcpu.virqPorts[found.virq] = 0;
  }
  if (found.state === EVTCHNSTAT_INTERDOMAIN && !found.host) {
    const remote = xen.domains.get(found.remoteDomid);
    const far = remote === undefined ? undefined : channel(remote, found.remotePort);
    if (far !== undefined) {
      far.state = EVTCHNSTAT_UNBOUND;
      far.remoteDomid = domain.domid;
      far.remotePort = 0 as Port;
    }
  }
  if (found.host) xen.unbindHostPort(domain, port as Port);
  // A pending bit must not greet the next user of the port; before Xen 3 it did.
  if (domain.abiVersion !== '4') return closed(xen, domain, port, found);
  if (domain.eventChannels.fifo === undefined) twoLevelClear(xen, domain, port);
  else fifoClear(xen, domain, port);
  return closed(xen, domain, port, found);
}

function closed(xen: Hypervisor, domain: Domain, port: number, found: EventChannel): undefined {
  found.state = EVTCHNSTAT_CLOSED;
  found.host = false;
  traceEvent(xen, domain, port, 'closed', 'closed');
}

/** EVTCHNOP_send. A port nobody has bound yet swallows it. */
export function sendEvent(xen: Hypervisor, domain: Domain, port: number): Refusal | undefined {
  const found = channel(domain, port);
  if (found === undefined) return noSuchPort(port);
  switch (found.state) {
    case EVTCHNSTAT_INTERDOMAIN: {
      traceEvent(xen, domain, port, 'sent', `sent to domain ${found.remoteDomid}`);
      if (found.host) {
        xen.notifyHost(domain, port as Port);
        return undefined;
      }
      const remote = xen.domains.get(found.remoteDomid);
      if (remote !== undefined) setPending(xen, remote, found.remotePort);
      return undefined;
    }
    case EVTCHNSTAT_IPI:
      setPending(xen, domain, port);
      return undefined;
    case EVTCHNSTAT_UNBOUND:
      traceEvent(xen, domain, port, 'sent', `sent, but domain ${found.remoteDomid} has not bound it`);
      return undefined;
    default:
      return refuse('EINVAL', `port ${port} carries a VIRQ or PIRQ: it receives only`);
  }
}

/** Makes a port pending and wakes its vCPU as far as masks allow. */
export function setPending(xen: Hypervisor, domain: Domain, port: number): void {
  const found = domain.eventChannels.ports[port];
  assert(found !== undefined, `event for port ${port}, which never existed`);
  if (!domain.present) return;
  const vcpu = domain.vcpus[found.notifyVcpu] as Vcpu;
  traceEvent(xen, domain, port, 'pending', 'pending');
  if (domain.eventChannels.fifo === undefined) twoLevelSetPending(xen, vcpu, port);
  else fifoSetPending(xen, vcpu, port, found);
}

export function unmaskPort(xen: Hypervisor, domain: Domain, port: number): Refusal | undefined {
  if (!isPortValid(domain, port)) return noSuchPort(port);
  const found = domain.eventChannels.ports[port] ?? newChannel();
  const vcpu = domain.vcpus[found.notifyVcpu] as Vcpu;
  if (domain.eventChannels.fifo === undefined) twoLevelUnmask(xen, vcpu, port);
  else fifoUnmask(xen, vcpu, port, found);
  return undefined;
}

export function isPending(xen: Hypervisor, domain: Domain, port: number): boolean {
  return domain.eventChannels.fifo === undefined
    ? twoLevelIsPending(xen, domain, port)
    : fifoIsPending(xen, domain, port);
}

/** Virtual interrupt of one vCPU; without a bound port nothing happens. */
export function sendVirq(xen: Hypervisor, vcpu: Vcpu, virq: number): void {
  const port = vcpu.virqPorts[virq] as number;
  // Before Xen 3, port 0 is there for VIRQs that are not bound (VIRQ_MISDIRECT).
  if (port !== 0 || vcpu.domain.abiVersion !== '4') setPending(xen, vcpu.domain, port);
}

/** EVTCHNOP_reset and domain destruction: all ports closed, back to the two-level ABI. */
export function resetEventChannels(xen: Hypervisor, domain: Domain): void {
  for (let port = 1; port < domain.eventChannels.ports.length; port++) {
    if (channel(domain, port) !== undefined) closePort(xen, domain, port);
  }
  fifoReset(xen, domain);
}

export function traceEvent(xen: Hypervisor, domain: Domain, port: number, action: EventAction, text: string): void {
  xen.trace.event?.({ domain, port, action, text });
}
