/**
 * From a guest's transmit ring to the switch. Rules and answers are those of Linux's netback (drivers/net/xen-netback/
 * netback.c): what a confused front end may send is answered with an error, what only a hostile one would send ends the
 * connection.
 */
import { PAGE_SIZE } from '../../../base/numbers.ts';
import type { RingPlace } from '../../../net/capture.ts';
import { checksumOffset, fillPartialChecksum } from '../../../net/checksum.ts';
import { ETHERNET_HEADER, parseHeaders } from '../../../net/headers.ts';
import { macAt } from '../../../net/mac-address.ts';
import type { Packet, Segmentation } from '../../../net/packet.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { type Refusal, refuse } from '../../common/refusal.ts';
import { newStruct, StructView } from '../../public/struct.ts';
import {
  NETIF_EXTRA_INFO,
  NETIF_TX_REQUEST,
  NETIF_TX_RESPONSE,
  XEN_NETIF_EXTRA_FLAG_MORE,
  XEN_NETIF_EXTRA_TYPE_GSO,
  XEN_NETIF_EXTRA_TYPE_MAX,
  XEN_NETIF_EXTRA_TYPE_MCAST_ADD,
  XEN_NETIF_EXTRA_TYPE_MCAST_DEL,
  XEN_NETIF_GSO_TYPE_TCPV4,
  XEN_NETIF_GSO_TYPE_TCPV6,
  XEN_NETIF_NR_SLOTS_MIN,
  XEN_NETIF_RSP_ERROR,
  XEN_NETIF_RSP_NULL,
  XEN_NETIF_RSP_OKAY,
  XEN_NETTXF_csum_blank,
  XEN_NETTXF_extra_info,
  XEN_NETTXF_more_data,
} from '../../public/xen-4/io/netif.ts';
import type { RequestHistory } from '../../ring/request-history.ts';
import type { RequestRing } from '../../ring/request-ring.ts';
import { copyFromGrant } from './grant-copy.ts';
import type { MulticastFilter } from './multicast-filter.ts';

/** A packet of that many slots behind its first is no mistake any more (netback's fatal_skb_slots). */
const FATAL_SLOTS = 20;

interface Slot {
  readonly gref: number;
  readonly offset: number;
  readonly flags: number;
  readonly id: number;
  readonly size: number;
}

type Extra = StructView<keyof (typeof NETIF_EXTRA_INFO)[64]['offset']>;

export interface TransmitQueueOwner {
  readonly xen: Hypervisor;
  readonly domain: Domain;
  readonly ring: RequestRing;
  readonly history: RequestHistory;
  readonly filter: MulticastFilter;
  send(packet: Packet, place: RingPlace): void;
  /** A packet was refused, with why. */
  dropped(problem: Refusal): void;
}

export class TransmitQueue {
  constructor(private readonly owner: TransmitQueueOwner) {}

  /** Takes all packets there are. Answers whether the guest is to be told; a refusal ends the connection. */
  drain(): boolean | Refusal {
    const { ring } = this.owner;
    do {
      while (ring.waiting > 0) {
        if (!ring.sound) return refuse('EINVAL', `${ring.waiting} requests in a ring of ${ring.size}`);
        const problem = this.takePacket();
        if (problem !== undefined) return problem;
      }
    } while (ring.finalCheck());
    return ring.push();
  }

  private takePacket(): Refusal | undefined {
    const { ring } = this.owner;
    const place = ring.requestConsumer % ring.size;
    const first = this.takeSlot();
    const extras: Extra[] = [];
    if ((first.flags & XEN_NETTXF_extra_info) !== 0) {
      const problem = this.takeExtras(extras);
      if (problem !== undefined) return problem;
    }
    const control = extras.find((extra) => isMulticastControl(extra.get('type')));
    if (control !== undefined) {
      this.respond(first.id, this.controlMulticast(control) ? XEN_NETIF_RSP_OKAY : XEN_NETIF_RSP_ERROR, extras.length);
      return undefined;
    }
    const rest: Slot[] = [];
    const chain = this.takeChain(first, rest);
    if (chain?.fatal === true) return chain.problem;
    const size = first.size - rest.reduce((sum, slot) => sum + slot.size, 0);
    const small = first.size < ETHERNET_HEADER ? refuse('EINVAL', `a packet of ${first.size} bytes`) : undefined;
    const bad = chain?.problem ?? small;
    if (bad !== undefined) {
      this.owner.dropped(bad);
      this.answer(first, extras.length, rest, XEN_NETIF_RSP_ERROR);
      return undefined;
    }
    if (first.offset + size > PAGE_SIZE) return crossesPage(first.offset, size);
    const segmentation = segmentationOf(extras);
    if (segmentation !== undefined && 'errno' in segmentation) return segmentation;
    this.copy([{ ...first, size }, ...rest], first.size, extras.length, segmentation, {
      slot: place,
      grant: first.gref,
    });
    return undefined;
  }

  private takeSlot(): Slot {
    const { ring, history, xen } = this.owner;
    const bytes = ring.take();
    history.add({ direction: 'toHost', instructions: xen.clock.instructions, bytes, end: ring.requestConsumer });
    const view = new StructView(NETIF_TX_REQUEST, ring.width, bytes);
    return {
      gref: view.get('gref'),
      offset: view.get('offset'),
      flags: view.get('flags'),
      id: view.get('id'),
      size: view.get('size'),
    };
  }

  private takeExtras(extras: Extra[]): Refusal | undefined {
    const { ring } = this.owner;
    let more = true;
    while (more) {
      if (ring.waiting === 0) return refuse('ENODATA', 'an extra_info was announced and is not there');
      const extra = new StructView(NETIF_EXTRA_INFO, ring.width, ring.take());
      const type = extra.get('type');
      if (type === 0 || type >= XEN_NETIF_EXTRA_TYPE_MAX) return refuse('EINVAL', `an extra_info of type ${type}`);
      extras.push(extra);
      more = (extra.get('flags') & XEN_NETIF_EXTRA_FLAG_MORE) !== 0;
    }
    return undefined;
  }

  /** The slots behind the first: netback's xenvif_count_requests. */
  private takeChain(first: Slot, rest: Slot[]): { readonly problem: Refusal; readonly fatal: boolean } | undefined {
    const { ring } = this.owner;
    let problem: Refusal | undefined;
    let left = first.size;
    let more = (first.flags & XEN_NETTXF_more_data) !== 0;
    while (more) {
      if (ring.waiting === 0) {
        return { problem: refuse('ENODATA', `the chain of request ${first.id} has no end`), fatal: true };
      }
      if (rest.length >= FATAL_SLOTS) {
        return { problem: refuse('E2BIG', `a packet of more than ${FATAL_SLOTS} slots`), fatal: true };
      }
      if (rest.length >= XEN_NETIF_NR_SLOTS_MIN) {
        problem ??= refuse('E2BIG', `a packet of more than ${XEN_NETIF_NR_SLOTS_MIN} slots`);
      }
      const slot = this.takeSlot();
      // 64 KB and more do not fit the first size: a mistake of front ends that exist.
      if (slot.size > left) {
        problem ??= refuse('EIO', `a slot of ${slot.size} bytes where ${left} are left of the packet`);
      }
      left -= slot.size;
      rest.push(slot);
      if (slot.offset + slot.size > PAGE_SIZE) return { problem: crossesPage(slot.offset, slot.size), fatal: true };
      more = (slot.flags & XEN_NETTXF_more_data) !== 0;
    }
    return problem === undefined ? undefined : { problem, fatal: false };
  }

  private copy(
    slots: readonly Slot[],
    total: number,
    extras: number,
    segmentation: Segmentation | undefined,
    place: RingPlace,
  ): void {
    const { owner } = this;
    const bytes = new Uint8Array(total);
    let at = 0;
    let failed: Refusal | undefined;
    for (const [index, { gref, offset, size, id }] of slots.entries()) {
      const problem = copyFromGrant(owner.xen, owner.domain, gref, offset, size, bytes, at);
      failed ??= problem;
      at += size;
      this.respond(id, problem === undefined ? XEN_NETIF_RSP_OKAY : XEN_NETIF_RSP_ERROR, index === 0 ? extras : 0);
    }
    if (failed !== undefined) {
      owner.dropped(failed);
      return;
    }
    const blank = ((slots[0] as Slot).flags & XEN_NETTXF_csum_blank) !== 0;
    if (!blank && segmentation === undefined) {
      owner.send({ bytes, checksum: 'complete', segmentation }, place);
      return;
    }
    // The checksums of segments are filled in by whoever cuts the packet, whatever its flags say (checksum_setup).
    const headers = parseHeaders(bytes);
    if (
      headers !== undefined &&
      (blank ? checksumOffset(headers) !== undefined : fillPartialChecksum(bytes, headers))
    ) {
      owner.send({ bytes, checksum: 'partial', segmentation }, place);
    } else owner.dropped(refuse('EINVAL', 'a packet without the TCP or UDP checksum that it wants filled in'));
  }

  private controlMulticast(extra: Extra): boolean {
    const { filter } = this.owner;
    const mac = macAt(
      Uint8Array.from({ length: 6 }, (_, index) => extra.get('mcast_addr', index)),
      0,
    );
    if (extra.get('type') === XEN_NETIF_EXTRA_TYPE_MCAST_ADD) return filter.add(mac);
    filter.remove(mac);
    return true;
  }

  private answer(first: Slot, extras: number, rest: readonly Slot[], status: number): void {
    this.respond(first.id, status, extras);
    for (const slot of rest) this.respond(slot.id, status, 0);
  }

  private respond(id: number, status: number, extras: number): void {
    const { ring, history, xen } = this.owner;
    const response = newStruct(NETIF_TX_RESPONSE, ring.width);
    response.set('id', id);
    response.set('status', status);
    ring.put(response.bytes);
    const { instructions } = xen.clock;
    history.add({ direction: 'toGuest', instructions, bytes: response.bytes, end: ring.responseProducer });
    for (let index = 0; index < extras; index++) {
      const nothing = newStruct(NETIF_TX_RESPONSE, ring.width);
      nothing.set('status', XEN_NETIF_RSP_NULL);
      ring.put(nothing.bytes);
    }
  }
}

function isMulticastControl(type: number): boolean {
  return type === XEN_NETIF_EXTRA_TYPE_MCAST_ADD || type === XEN_NETIF_EXTRA_TYPE_MCAST_DEL;
}

function crossesPage(offset: number, size: number): Refusal {
  return refuse('EINVAL', `${size} bytes from offset ${offset} cross the end of a page`);
}

/** xenvif_set_skb_gso; the last extra of a kind counts. */
function segmentationOf(extras: readonly Extra[]): Segmentation | Refusal | undefined {
  const extra = extras.filter((each) => each.get('type') === XEN_NETIF_EXTRA_TYPE_GSO).at(-1);
  if (extra === undefined) return undefined;
  const size = extra.get('gso_size');
  if (size === 0) return refuse('EINVAL', 'segments of 0 bytes');
  switch (extra.get('gso_type')) {
    case XEN_NETIF_GSO_TYPE_TCPV4:
      return { kind: 'tcpv4', size };
    case XEN_NETIF_GSO_TYPE_TCPV6:
      return { kind: 'tcpv6', size };
    default:
      return refuse('EINVAL', `segmentation of type ${extra.get('gso_type')}`);
  }
}
