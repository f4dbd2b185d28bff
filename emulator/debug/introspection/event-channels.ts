import type { Domid } from '../../base/numbers.ts';
import type { Domain } from '../../xen/common/domain.ts';
import { twoLevelIsMasked } from '../../xen/common/event-2l.ts';
import {
  channel,
  EVTCHNSTAT_INTERDOMAIN,
  EVTCHNSTAT_IPI,
  EVTCHNSTAT_PIRQ,
  EVTCHNSTAT_UNBOUND,
  EVTCHNSTAT_VIRQ,
  type EventChannel,
  isPending,
} from '../../xen/common/event-channel.ts';
import { fifoIsMasked, wordAddress } from '../../xen/common/event-fifo.ts';
import { hex } from '../../xen/common/refusal.ts';
import { sharedInfoAddress } from '../../xen/common/shared-info.ts';
import { VIRQ_NAMES } from '../../xen/public/xen-4/xen.ts';
import type { Machine } from '../../xen/toolstack/machine-boot.ts';

/** One open port of a domain. */
export interface EventChannelInfo {
  readonly port: number;
  readonly kind: 'unbound' | 'interdomain' | 'pirq' | 'virq' | 'ipi';
  /** "port 4 of domain 2", "VIRQ_TIMER", "domain 0 may bind". */
  readonly peer: string;
  /** The vCPU that is told. */
  readonly vcpu: number;
  readonly pending: boolean;
  readonly masked: boolean;
  /** Of the FIFO ABI; 0 is the highest. */
  readonly priority: number | undefined;
  /** Machine address of the word with its pending bit, hexadecimal; undefined where there is none yet. */
  readonly word: string | undefined;
}

export interface EventChannelsInfo {
  readonly domain: number;
  readonly abi: '2-level' | 'fifo';
  /** Highest port that may be allocated. */
  readonly maxPort: number;
  readonly channels: readonly EventChannelInfo[];
  /** For each vCPU: whether Xen has something to tell it, and whether it lets itself be told. */
  readonly vcpus: readonly { readonly vcpu: number; readonly pending: boolean; readonly masked: boolean }[];
}

const KINDS: Readonly<Record<number, EventChannelInfo['kind']>> = {
  [EVTCHNSTAT_UNBOUND]: 'unbound',
  [EVTCHNSTAT_INTERDOMAIN]: 'interdomain',
  [EVTCHNSTAT_PIRQ]: 'pirq',
  [EVTCHNSTAT_VIRQ]: 'virq',
  [EVTCHNSTAT_IPI]: 'ipi',
};

export function eventChannels(machine: Machine, args: { readonly domain: number }): EventChannelsInfo | undefined {
  const xen = machine.hypervisor;
  const domain = xen.domains.get(args.domain as Domid);
  if (domain === undefined) return undefined;
  const { ports, fifo, maxPort } = domain.eventChannels;
  const channels: EventChannelInfo[] = [];
  for (let port = 1; port < ports.length; port++) {
    const found = channel(domain, port);
    if (found === undefined) continue;
    const word =
      fifo === undefined
        ? sharedInfoAddress(domain, 'evtchn_pending') + 4 * Math.floor(port / 32)
        : wordAddress(fifo, port);
    channels.push({
      port,
      kind: KINDS[found.state] ?? 'unbound',
      peer: peerOf(domain, found),
      vcpu: found.notifyVcpu,
      pending: isPending(xen, domain, port),
      masked: fifo === undefined ? twoLevelIsMasked(xen, domain, port) : fifoIsMasked(xen, domain, port),
      priority: fifo === undefined ? undefined : found.priority,
      word: word === undefined ? undefined : hex(word),
    });
  }
  const vcpus = domain.vcpus.map((vcpu) => {
    const at = xen.ram.offsetOf(vcpu.vcpuInfo as Parameters<typeof xen.ram.offsetOf>[0]);
    return { vcpu: vcpu.index, pending: xen.ram.u8[at] !== 0, masked: xen.ram.u8[at + 1] !== 0 };
  });
  return { domain: domain.domid, abi: fifo === undefined ? '2-level' : 'fifo', maxPort, channels, vcpus };
}

function peerOf(domain: Domain, found: EventChannel): string {
  switch (found.state) {
    case EVTCHNSTAT_UNBOUND:
      return `domain ${found.remoteDomid} may bind it`;
    case EVTCHNSTAT_INTERDOMAIN:
      return found.host ? 'the host' : `port ${found.remotePort} of domain ${found.remoteDomid}`;
    case EVTCHNSTAT_VIRQ:
      return `VIRQ_${VIRQ_NAMES[found.virq] ?? found.virq}`;
    case EVTCHNSTAT_IPI:
      return `vCPU ${found.notifyVcpu} of domain ${domain.domid}`;
    default:
      return '';
  }
}

/** "virq VIRQ_TIMER, vCPU 0". */
export function channelState(domain: Domain, found: EventChannel): string {
  return `${KINDS[found.state] ?? 'closed'}, ${peerOf(domain, found)}, vCPU ${found.notifyVcpu}`;
}
