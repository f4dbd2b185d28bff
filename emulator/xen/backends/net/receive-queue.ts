/**
 * From the switch into a guest's receive ring. Frames wait for buffers up to a bound, in order; then they are dropped
 * (drivers/net/xen-netback/rx.c).
 */
import { PAGE_SIZE } from '../../../base/numbers.ts';
import type { RingPlace } from '../../../net/capture.ts';
import type { Packet } from '../../../net/packet.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { type Refusal, refuse } from '../../common/refusal.ts';
import { newStruct, StructView } from '../../public/struct.ts';
import {
  NETIF_EXTRA_INFO,
  NETIF_RX_REQUEST,
  NETIF_RX_RESPONSE,
  XEN_NETIF_EXTRA_TYPE_GSO,
  XEN_NETIF_GSO_TYPE_TCPV4,
  XEN_NETIF_GSO_TYPE_TCPV6,
  XEN_NETIF_RSP_ERROR,
  XEN_NETRXF_csum_blank,
  XEN_NETRXF_data_validated,
  XEN_NETRXF_extra_info,
  XEN_NETRXF_more_data,
} from '../../public/xen-4/io/netif.ts';
import type { RequestHistory } from '../../ring/request-history.ts';
import type { RequestRing } from '../../ring/request-ring.ts';
import { copyToGrant } from './grant-copy.ts';

/** XENVIF_RX_QUEUE_BYTES: half a ring of pages. */
export const RECEIVE_QUEUE_BYTES = 128 * PAGE_SIZE;

export interface ReceiveQueueOwner {
  readonly xen: Hypervisor;
  readonly domain: Domain;
  readonly ring: RequestRing;
  readonly history: RequestHistory;
  delivered(packet: Packet, place: RingPlace): void;
  dropped(packet: Packet, problem: Refusal): void;
}

export class ReceiveQueue {
  private waiting: Packet[] = [];
  private bytes = 0;

  constructor(private readonly owner: ReceiveQueueOwner) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  add(packet: Packet): void {
    if (this.bytes + packet.bytes.length > RECEIVE_QUEUE_BYTES) {
      this.owner.dropped(packet, refuse('ENOSPC', 'the guest gives no receive buffers, and enough frames wait'));
      return;
    }
    this.waiting.push(packet);
    this.bytes += packet.bytes.length;
  }

  /** Fills the buffers there are. Answers whether the guest is to be told; a refusal ends the connection. */
  drain(): boolean | Refusal {
    const { ring } = this.owner;
    let filled = 0;
    for (const packet of this.waiting) {
      if (!ring.sound) return refuse('EINVAL', `${ring.waiting} requests in a ring of ${ring.size}`);
      if (ring.waiting < slotsOf(packet)) {
        ring.askForMore();
        break;
      }
      this.bytes -= packet.bytes.length;
      this.fill(packet);
      filled++;
    }
    this.waiting.splice(0, filled);
    return filled > 0 && ring.push();
  }

  save(): readonly Packet[] {
    return [...this.waiting];
  }

  restore(waiting: readonly Packet[]): void {
    this.waiting = [...waiting];
    this.bytes = waiting.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  private fill(packet: Packet): void {
    const { ring, xen, domain } = this.owner;
    const { bytes, segmentation } = packet;
    const slot = ring.requestConsumer % ring.size;
    let grant = 0;
    let failed: Refusal | undefined;
    for (let at = 0; at < bytes.length; at += PAGE_SIZE) {
      const request = new StructView(NETIF_RX_REQUEST, ring.width, ring.take());
      const piece = bytes.subarray(at, at + PAGE_SIZE);
      const gref = request.get('gref');
      const problem = copyToGrant(xen, domain, gref, piece);
      failed ??= problem;
      let flags = at + PAGE_SIZE < bytes.length ? XEN_NETRXF_more_data : 0;
      if (at === 0) {
        grant = gref;
        if (packet.checksum === 'partial') flags |= XEN_NETRXF_csum_blank | XEN_NETRXF_data_validated;
        if (segmentation !== undefined) flags |= XEN_NETRXF_extra_info;
      }
      this.respond(request.get('id'), flags, problem === undefined ? piece.length : XEN_NETIF_RSP_ERROR);
      if (at === 0 && segmentation !== undefined) this.putExtra(segmentation.kind, segmentation.size);
    }
    if (failed === undefined) this.owner.delivered(packet, { slot, grant });
    else this.owner.dropped(packet, failed);
  }

  private respond(id: number, flags: number, status: number): void {
    const { ring, history, xen } = this.owner;
    const response = newStruct(NETIF_RX_RESPONSE, ring.width);
    response.set('id', id);
    response.set('flags', flags);
    response.set('status', status);
    ring.put(response.bytes);
    const { instructions } = xen.clock;
    history.add({ direction: 'toGuest', instructions, bytes: response.bytes, end: ring.responseProducer });
  }

  /** Uses up a request: its buffer goes back to the guest with the extra_info in its place. */
  private putExtra(kind: 'tcpv4' | 'tcpv6', size: number): void {
    const { ring } = this.owner;
    ring.take();
    const extra = newStruct(NETIF_EXTRA_INFO, ring.width);
    extra.set('type', XEN_NETIF_EXTRA_TYPE_GSO);
    extra.set('gso_size', size);
    extra.set('gso_type', kind === 'tcpv4' ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6);
    ring.put(extra.bytes);
  }
}

function slotsOf({ bytes, segmentation }: Packet): number {
  return Math.ceil(bytes.length / PAGE_SIZE) + (segmentation === undefined ? 0 : 1);
}
