import type { Domid, Port } from '../../base/numbers.ts';

/** States of a port, with the numbers of evtchn_status. */
export const EVTCHNSTAT_CLOSED = 0;
export const EVTCHNSTAT_UNBOUND = 1;
export const EVTCHNSTAT_INTERDOMAIN = 2;
export const EVTCHNSTAT_PIRQ = 3;
export const EVTCHNSTAT_VIRQ = 4;
export const EVTCHNSTAT_IPI = 5;

export interface EventChannel {
  state: 0 | 1 | 2 | 3 | 4 | 5;
  /** Unbound: who may bind. Interdomain: the other side. */
  remoteDomid: Domid;
  remotePort: Port;
  virq: number;
  /** vCPU that is told (bind_vcpu). */
  notifyVcpu: number;
  /** The far end is the host itself: a back end, xenstore, the console (dom0's place). */
  host: boolean;
  priority: number;
}

/** Event channels of one domain. Bits live in the guest's shared pages; this is who is connected to whom. */
export class EventChannels {
  /** Index is the port; port 0 never exists. */
  readonly ports: (EventChannel | undefined)[] = [undefined];
  /** Two-level bitmaps until the guest calls EVTCHNOP_init_control. */
  fifo = false;
}
