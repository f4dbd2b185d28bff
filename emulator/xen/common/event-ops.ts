import type { Domid, Port } from '../../base/numbers.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import type { StructView } from '../public/struct.ts';
import type * as abi from '../public/xen-4/event-channel.ts';
import type { Domain } from './domain.ts';
import {
  allocateUnbound,
  bindInterdomain,
  bindIpi,
  bindVcpu,
  bindVirq,
  channel,
  closePort,
  EVTCHNSTAT_CLOSED,
  EVTCHNSTAT_INTERDOMAIN,
  EVTCHNSTAT_UNBOUND,
  EVTCHNSTAT_VIRQ,
  isPortValid,
  resetEventChannels,
  sendEvent,
  unmaskPort,
} from './event-channel.ts';
import { fifoExpandArray, fifoInitControl, fifoSetPriority } from './event-fifo.ts';
import { DOMID_SELF } from './frame-table.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';

/** event_channel_op, one function per sub-operation. The structure is copied in before and out after. */

type View<T extends { readonly 64: { readonly offset: object } }> = StructView<keyof T[64]['offset'] & string>;

/** A domain given by a domid argument that an unprivileged caller may set to itself only. */
function self({ xen, domain }: HypercallContext, domid: number): Domain | Refusal {
  if (domid === DOMID_SELF || domid === domain.domid) return domain;
  const other = xen.domains.get(domid as Domid);
  if (other === undefined && domid !== 0) return refuse('ESRCH', `there is no domain ${domid}`);
  return domain.privileged && other !== undefined
    ? other
    : refuse('EPERM', `domain ${domain.domid} may not manage ports of domain ${domid}`);
}

export function doAllocUnbound(call: HypercallContext, op: View<typeof abi.EVTCHN_ALLOC_UNBOUND>): HypercallResult {
  const domain = self(call, op.get('dom'));
  if (isRefusal(domain)) return domain;
  const remote = op.get('remote_dom');
  const port = allocateUnbound(call.xen, domain, (remote === DOMID_SELF ? call.domain.domid : remote) as Domid);
  if (isRefusal(port)) return port;
  op.set('port', port);
  return 0;
}

export function doBindInterdomain(
  call: HypercallContext,
  op: View<typeof abi.EVTCHN_BIND_INTERDOMAIN>,
): HypercallResult {
  const domid = op.get('remote_dom');
  const remote = domid === DOMID_SELF ? call.domain : call.xen.domains.get(domid as Domid);
  if (remote === undefined) {
    // The host is there, but keeps no port for anybody to bind.
    return domid === 0
      ? refuse('EINVAL', `port ${op.get('remote_port')} of the host is not waiting for a domain`)
      : refuse('ESRCH', `there is no domain ${domid}`);
  }
  const port = bindInterdomain(call.xen, call.domain, remote, op.get('remote_port') as Port);
  if (isRefusal(port)) return port;
  op.set('local_port', port);
  return 0;
}

export function doBindVirq(call: HypercallContext, op: View<typeof abi.EVTCHN_BIND_VIRQ>): HypercallResult {
  const port = bindVirq(call.xen, call.domain, op.get('virq'), op.get('vcpu'));
  if (isRefusal(port)) return port;
  op.set('port', port);
  return 0;
}

/** nr_static_irqs of a PC with one I/O APIC, and extra_domU_irqs (common/domain.c): what numbers there are at all. */
const NR_PIRQS = 24 + 32;

export function doBindPirq(_call: HypercallContext, op: View<typeof abi.EVTCHN_BIND_PIRQ>): HypercallResult {
  const pirq = op.get('pirq');
  if (pirq >= NR_PIRQS) return refuse('EINVAL', `there are ${NR_PIRQS} PIRQs, ${pirq} is not among them`);
  return refuse('EPERM', `PIRQ ${pirq} is not the domain's`);
}

export function doBindIpi(call: HypercallContext, op: View<typeof abi.EVTCHN_BIND_IPI>): HypercallResult {
  const port = bindIpi(call.xen, call.domain, op.get('vcpu'));
  if (isRefusal(port)) return port;
  op.set('port', port);
  return 0;
}

export function doBindVcpu(call: HypercallContext, op: View<typeof abi.EVTCHN_BIND_VCPU>): HypercallResult {
  return bindVcpu(call.domain, op.get('port'), op.get('vcpu')) ?? 0;
}

export function doClose(call: HypercallContext, op: View<typeof abi.EVTCHN_CLOSE>): HypercallResult {
  return closePort(call.xen, call.domain, op.get('port')) ?? 0;
}

export function doSend(call: HypercallContext, op: View<typeof abi.EVTCHN_SEND>): HypercallResult {
  return sendEvent(call.xen, call.domain, op.get('port')) ?? 0;
}

export function doUnmask(call: HypercallContext, op: View<typeof abi.EVTCHN_UNMASK>): HypercallResult {
  return unmaskPort(call.xen, call.domain, op.get('port')) ?? 0;
}

export function doStatus(call: HypercallContext, op: View<typeof abi.EVTCHN_STATUS>): HypercallResult {
  const domain = self(call, op.get('dom'));
  if (isRefusal(domain)) return domain;
  const port = op.get('port');
  const found = channel(domain, port);
  if (!isPortValid(domain, port)) return refuse('EINVAL', `port ${port} does not exist`);
  op.set('status', found?.state ?? EVTCHNSTAT_CLOSED);
  op.set('vcpu', found?.notifyVcpu ?? 0);
  if (found?.state === EVTCHNSTAT_UNBOUND) op.set('u_dom', found.remoteDomid);
  if (found?.state === EVTCHNSTAT_INTERDOMAIN) {
    op.set('u_dom', found.remoteDomid);
    op.set('u_port', found.remotePort);
  }
  if (found?.state === EVTCHNSTAT_VIRQ) op.set('u_word', found.virq);
  return 0;
}

export function doReset(call: HypercallContext, op: View<typeof abi.EVTCHN_RESET>): HypercallResult {
  const domain = self(call, op.get('dom'));
  if (isRefusal(domain)) return domain;
  resetEventChannels(call.xen, domain);
  return 0;
}

export function doInitControl(call: HypercallContext, op: View<typeof abi.EVTCHN_INIT_CONTROL>): HypercallResult {
  const frame = op.get('control_gfn');
  const refusal = fifoInitControl(call.xen, call.domain, op.get('vcpu'), frame, op.get('offset'));
  if (refusal !== undefined) return refusal;
  op.set('link_bits', 17);
  return 0;
}

export function doExpandArray(call: HypercallContext, op: View<typeof abi.EVTCHN_EXPAND_ARRAY>): HypercallResult {
  return fifoExpandArray(call.xen, call.domain, op.get('array_gfn')) ?? 0;
}

export function doSetPriority(call: HypercallContext, op: View<typeof abi.EVTCHN_SET_PRIORITY>): HypercallResult {
  const { fifo, ports } = call.domain.eventChannels;
  const port = op.get('port');
  if (ports[port] === undefined) return refuse('EINVAL', `port ${port} does not exist`);
  if (fifo === undefined) return refuse('ENOSYS', 'the two-level ABI has no priorities');
  const found = channel(call.domain, port);
  if (found === undefined) return refuse('EACCES', `port ${port} is not open`);
  return fifoSetPriority(found, op.get('priority'), call.domain.eventChannels.fifo) ?? 0;
}
