import type { Domid, Port } from '../../../base/numbers.ts';
import type { HypercallContext, HypercallResult } from '../../hypercall/call.ts';
import type { StructView } from '../../public/struct.ts';
import type * as abi from '../../public/xen-2.0/event-channel.ts';
import { NR_VIRQS, VIRQ_MISDIRECT, VIRQ_NAMES } from '../../public/xen-2.0/xen.ts';
import type { Domain } from '../domain.ts';
import {
  allocatePort,
  allocateUnbound,
  channel,
  closePort,
  DOMID_HOST,
  EVTCHNSTAT_CLOSED,
  EVTCHNSTAT_INTERDOMAIN,
  EVTCHNSTAT_UNBOUND,
  EVTCHNSTAT_VIRQ,
  type EventChannel,
  isPortValid,
  newChannel,
  sendEvent,
  traceEvent,
} from '../event-channel.ts';
import { DOMID_SELF } from '../frame-table.ts';
import type { Hypervisor } from '../hypervisor.ts';
import { isRefusal, type Refusal, refuse } from '../refusal.ts';

/** event_channel_op of Xen 2.0 (common/event_channel.c), one function per command. */

type View<T extends { readonly 32: { readonly offset: object } }> = StructView<keyof T[32]['offset'] & string>;

function target({ xen, domain }: HypercallContext, domid: number): Domain | Refusal {
  if (domid === DOMID_SELF) return domain;
  if (!domain.privileged) return refuse('EPERM', `domain ${domain.domid} may not manage ports of domain ${domid}`);
  return xen.domains.get(domid as Domid) ?? refuse('ESRCH', `there is no domain ${domid}`);
}

export function doAllocUnbound2(
  { xen, domain }: HypercallContext,
  op: View<typeof abi.EVTCHN_ALLOC_UNBOUND>,
): HypercallResult {
  const port = allocateUnbound(xen, domain, op.get('dom') as Domid);
  if (isRefusal(port)) return port;
  op.set('port', port);
  return 0;
}

/** A port of a domain, closed ones included; undefined beyond its table. */
function portOf(domain: Domain, port: number): EventChannel | undefined {
  if (!isPortValid(domain, port)) return undefined;
  const { ports } = domain.eventChannels;
  while (ports.length <= port) ports.push(newChannel());
  return ports[port];
}

interface End {
  readonly domain: Domain;
  /** As the guest gave it: 0 for any. */
  readonly wanted: number;
  port: number;
}

/** bind_interdomain: both ends at once, each either a port that waits for the other, or a free one. */
export function doBindInterdomain2(
  call: HypercallContext,
  op: View<typeof abi.EVTCHN_BIND_INTERDOMAIN>,
): HypercallResult {
  const { xen, domain } = call;
  if (!domain.privileged && op.get('dom1') !== DOMID_SELF)
    return refuse('EPERM', `domain ${domain.domid} may bind its own ports only`);
  const [port1, port2] = [op.get('port1'), op.get('port2')];
  if (port1 > 0x7fffffff || port2 > 0x7fffffff) return refuse('EINVAL', 'a port below 0');
  const self = (domid: number): number => (domid === DOMID_SELF ? domain.domid : domid);
  const domid1 = self(op.get('dom1'));
  const domid2 = self(op.get('dom2'));
  const near = xen.domains.get(domid1 as Domid);
  const far = xen.domains.get(domid2 as Domid);
  if (near === undefined) return refuse('ESRCH', `there is no domain ${domid1}`);
  if (far === undefined) return domid2 === DOMID_HOST ? bindHost(near, port1, port2, op) : noDomain(domid2);
  const ends: [End, End] = [
    { domain: near, wanted: port1, port: port1 },
    { domain: far, wanted: port2, port: port2 },
  ];
  const refusal = bind(xen, domain, op.get('dom2') === DOMID_SELF, ends);
  if (refusal !== undefined) return refusal;
  op.set('port1', ends[0].port);
  op.set('port2', ends[1].port);
  return 0;
}

function noDomain(domid: number): Refusal {
  return refuse('ESRCH', `there is no domain ${domid}`);
}

/** The host keeps no port for anybody to bind; a port that is bound to it already stays so. */
function bindHost(
  near: Domain,
  port1: number,
  port2: number,
  op: View<typeof abi.EVTCHN_BIND_INTERDOMAIN>,
): HypercallResult {
  const bound = channel(near, port1);
  if (bound?.state === EVTCHNSTAT_INTERDOMAIN && bound.host) {
    op.set('port2', bound.remotePort);
    return 0;
  }
  if (port1 !== 0 && !isPortValid(near, port1)) return refuse('EINVAL', `port ${port1} does not exist`);
  return port2 === 0
    ? refuse('EPERM', 'a free port of dom0 is not for others to bind')
    : refuse('EINVAL', `port ${port2} of dom0 is not waiting for domain ${near.domid}`);
}

function bind(xen: Hypervisor, caller: Domain, toSelf: boolean, [first, second]: [End, End]): Refusal | undefined {
  const taken: EventChannel[] = [];
  const release = (refusal: Refusal): Refusal => {
    for (const port of taken) port.state = EVTCHNSTAT_CLOSED;
    return refusal;
  };
  for (const end of [first, second]) {
    if (end.wanted !== 0) {
      if (!isPortValid(end.domain, end.wanted)) return release(refuse('EINVAL', `port ${end.wanted} does not exist`));
      continue;
    }
    const port = allocatePort(xen, end.domain);
    if (typeof port !== 'number') return release(port);
    end.port = port;
    // Not free for the other end, should that be the same domain.
    const channel = portOf(end.domain, port) as EventChannel;
    channel.state = EVTCHNSTAT_UNBOUND;
    taken.push(channel);
  }
  for (const channel of taken) channel.state = EVTCHNSTAT_CLOSED;
  const one = portOf(first.domain, first.port) as EventChannel;
  const other = portOf(second.domain, second.port) as EventChannel;
  const settled = checkEnd(first, second, one) ?? checkEnd(second, first, other, !caller.privileged && !toSelf);
  if (settled !== undefined) return settled === BOUND ? undefined : settled;
  connect(one, second);
  connect(other, first);
  traceEvent(xen, first.domain, first.port, 'bound', `bound to port ${second.port} of domain ${second.domain.domid}`);
  return undefined;
}

const BOUND = Symbol('bound already');

/** Whether one end may be bound to the other; BOUND (with the other's port filled in) when they are already. */
function checkEnd(
  end: End,
  other: End,
  { state, remoteDomid, remotePort, host }: EventChannel,
  freeIsRefused = false,
): Refusal | typeof BOUND | undefined {
  const name = `port ${end.port} of domain ${end.domain.domid}`;
  switch (state) {
    case EVTCHNSTAT_CLOSED:
      return freeIsRefused ? refuse('EPERM', `${name} is free, and not the caller's`) : undefined;
    case EVTCHNSTAT_UNBOUND:
      return remoteDomid === other.domain.domid
        ? undefined
        : refuse('EINVAL', `${name} waits for domain ${remoteDomid}, not domain ${other.domain.domid}`);
    case EVTCHNSTAT_INTERDOMAIN:
      if (host || remoteDomid !== other.domain.domid || (other.wanted !== 0 && remotePort !== other.port))
        return refuse('EINVAL', `${name} is bound to port ${remotePort} of domain ${remoteDomid}`);
      other.port = remotePort;
      return BOUND;
    default:
      return refuse('EINVAL', `${name} carries a VIRQ or PIRQ`);
  }
}

function connect(channel: EventChannel, to: End): void {
  channel.state = EVTCHNSTAT_INTERDOMAIN;
  channel.remoteDomid = to.domain.domid;
  channel.remotePort = to.port as Port;
}

/** bind_virq: the port it has already, or a new one. VIRQ_MISDIRECT has port 0 for good. */
export function doBindVirq2(
  { xen, domain, vcpu }: HypercallContext,
  op: View<typeof abi.EVTCHN_BIND_VIRQ>,
): HypercallResult {
  const virq = op.get('virq');
  if (virq >= NR_VIRQS) return refuse('EINVAL', `there is no VIRQ ${virq}`);
  const bound = vcpu.virqPorts[virq] as number;
  if (bound !== 0 || virq === VIRQ_MISDIRECT) {
    op.set('port', bound);
    return 0;
  }
  const port = allocatePort(xen, domain);
  if (typeof port !== 'number') return port;
  const channel = portOf(domain, port) as EventChannel;
  channel.state = EVTCHNSTAT_VIRQ;
  channel.virq = virq;
  vcpu.virqPorts[virq] = port;
  traceEvent(xen, domain, port, 'bound', `bound to VIRQ ${VIRQ_NAMES[virq]}`);
  op.set('port', port);
  return 0;
}

/** NR_IRQS of an i386 Xen with I/O APICs. */
const NR_IRQS = 224;

export function doBindPirq2(_call: HypercallContext, op: View<typeof abi.EVTCHN_BIND_PIRQ>): HypercallResult {
  const pirq = op.get('pirq');
  if (pirq >= NR_IRQS) return refuse('EINVAL', `there are ${NR_IRQS} PIRQs, ${pirq} is not among them`);
  return refuse('EPERM', 'interrupts of devices are for domains that have devices');
}

export function doClose2(call: HypercallContext, op: View<typeof abi.EVTCHN_CLOSE>): HypercallResult {
  const domain = target(call, op.get('dom'));
  if (isRefusal(domain)) return domain;
  const port = op.get('port');
  if (port === 0) return refuse('EINVAL', 'port 0 is VIRQ_MISDIRECT, and never closed');
  return closePort(call.xen, domain, port) ?? 0;
}

/** send: on ports that are bound to another domain's only. */
export function doSend2({ xen, domain }: HypercallContext, op: View<typeof abi.EVTCHN_SEND>): HypercallResult {
  const port = op.get('local_port');
  if (channel(domain, port)?.state !== EVTCHNSTAT_INTERDOMAIN)
    return refuse('EINVAL', `port ${port} is not bound to another domain's`);
  return sendEvent(xen, domain, port) ?? 0;
}

export function doStatus2(call: HypercallContext, op: View<typeof abi.EVTCHN_STATUS>): HypercallResult {
  const domain = target(call, op.get('dom'));
  if (isRefusal(domain)) return domain;
  const port = op.get('port');
  const found = domain.eventChannels.ports[port];
  if (!isPortValid(domain, port)) return refuse('EINVAL', `port ${port} does not exist`);
  op.set('status', found?.state ?? EVTCHNSTAT_CLOSED);
  if (found?.state === EVTCHNSTAT_UNBOUND) op.set('u_dom', found.remoteDomid);
  if (found?.state === EVTCHNSTAT_INTERDOMAIN) {
    op.set('u_dom', found.remoteDomid);
    op.set('u_port', found.remotePort);
  }
  if (found?.state === EVTCHNSTAT_VIRQ) op.set('u_word', found.virq);
  return 0;
}
