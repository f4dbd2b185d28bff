/**
 * A network interface of a domain (vif): netback's place. Between the front end's rings and a port of a switch.
 *
 * NOT IMPLEMENTED: several queues (multi-queue-max-queues is not offered), the control ring (hashing), XDP headroom,
 * receive by page flipping, rate limits.
 */
import { PAGE_SIZE, type Port } from '../../../base/numbers.ts';
import type { RingPlace } from '../../../net/capture.ts';
import { formatMac, type MacAddress, macAt } from '../../../net/mac-address.ts';
import type { Network } from '../../../net/network.ts';
import { type Packet, PLAIN_PORT, type PortCapabilities } from '../../../net/packet.ts';
import type { PortClient, SwitchPort } from '../../../net/switch.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { isRefusal, type Refusal, refuse } from '../../common/refusal.ts';
import { describeRequestRing } from '../../ring/describe-request-ring.ts';
import type { RingDescription } from '../../ring/describe-ring.ts';
import { RequestHistory } from '../../ring/request-history.ts';
import type { RequestRingDeclaration, RequestRingState } from '../../ring/request-ring.ts';
import { RequestRing } from '../../ring/request-ring.ts';
import type { BackendDriver, Entries } from '../xenbus/driver.ts';
import { type FrontendLink, printable } from '../xenbus/frontend-link.ts';
import { MulticastFilter, type MulticastFilterState } from './multicast-filter.ts';
import { ReceiveQueue } from './receive-queue.ts';
import { NETIF_RX_RING, NETIF_TX_RING } from './rings.ts';
import { TransmitQueue } from './transmit-queue.ts';

/** How often a front end without feature-rx-notify is looked after, in ns: netback's rx_drain_timeout then. */
const POLL_TIME = 30_000_000;

export interface VifOptions {
  /** Number among the domain's interfaces: eth0 is 0. */
  readonly handle: number;
  readonly mac: MacAddress;
  readonly bridge: string;
  /** "vif1.0" by default. */
  readonly name: string | undefined;
}

interface Connection {
  readonly link: FrontendLink;
  readonly transmitPort: Port;
  readonly receivePort: Port;
  readonly transmitRing: RequestRing;
  readonly receiveRing: RequestRing;
  readonly transmit: TransmitQueue;
  readonly receive: ReceiveQueue;
  readonly filter: MulticastFilter;
  readonly features: FrontendFeatures;
}

/** What a front end said of itself when it connected. */
interface FrontendFeatures {
  readonly scatterGather: boolean;
  readonly receiveNotify: boolean;
  readonly capabilities: PortCapabilities;
}

export interface VifState {
  readonly connection:
    | {
        readonly ports: readonly [transmit: Port, receive: Port];
        readonly pages: readonly [transmit: number, receive: number];
        readonly rings: readonly [transmit: RequestRingState, receive: RequestRingState];
        readonly waiting: readonly Packet[];
        readonly filter: MulticastFilterState;
        readonly features: FrontendFeatures;
      }
    | undefined;
}

export class VifBackend implements BackendDriver, PortClient {
  readonly kind = 'vif';
  readonly handle: number;
  readonly name: string;
  readonly port: SwitchPort;
  private readonly transmitHistory = new RequestHistory();
  private readonly receiveHistory = new RequestHistory();
  private connection: Connection | undefined;
  private polling = false;

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly domain: Domain,
    network: Network,
    readonly options: VifOptions,
  ) {
    this.handle = options.handle;
    this.name = options.name ?? `vif${domain.domid}.${options.handle}`;
    const owner = `domain ${domain.domid} (${domain.name})`;
    this.port = network.switch(options.bridge).attach({ name: this.name, owner, mac: options.mac }, this);
  }

  /** libxl__set_xenstore_nic. */
  get frontendEntries(): Entries {
    return [
      ['handle', String(this.handle)],
      ['mac', formatMac(this.options.mac)],
    ];
  }

  get backendEntries(): Entries {
    const { mac, bridge, name } = this.options;
    const ifname: Entries = name === undefined ? [] : [['vifname', name]];
    return [...ifname, ['mac', formatMac(mac)], ['bridge', bridge], ['handle', String(this.handle)], ['type', 'vif']];
  }

  offers(): Entries {
    return [
      ['feature-sg', '1'],
      ['feature-gso-tcpv4', '1'],
      ['feature-gso-tcpv6', '1'],
      ['feature-ipv6-csum-offload', '1'],
      ['feature-rx-copy', '1'],
      ['feature-rx-flip', '0'],
      ['feature-multicast-control', '1'],
      ['feature-split-event-channels', '1'],
    ];
  }

  connect(link: FrontendLink): Entries | Refusal {
    if (!link.flag('request-rx-copy')) {
      return refuse('EOPNOTSUPP', 'the front end wants to receive by page flipping, which nobody offers any more');
    }
    const queues = link.read('multi-queue-num-queues') ?? '1';
    if (queues !== '1') return refuse('EINVAL', `the front end wants ${printable(queues)} queues, and 1 is offered`);
    const features = readFeatures(link);
    const filter = new MulticastFilter(link.flag('request-multicast-control'));
    const transmitRing = this.mapRing(link, 'tx-ring-ref', NETIF_TX_RING);
    if (isRefusal(transmitRing)) return transmitRing;
    const receiveRing = this.mapRing(link, 'rx-ring-ref', NETIF_RX_RING);
    if (isRefusal(receiveRing)) return receiveRing;
    const ports = this.bindPorts(link);
    if (isRefusal(ports)) return ports;
    const { transmit } = this.open(link, ports, [transmitRing, receiveRing], filter, features);
    // The front end may have put requests in before.
    const notify = transmit.drain();
    if (isRefusal(notify)) return notify;
    if (notify) link.notify(ports[0]);
    return [];
  }

  disconnect(): void {
    this.hypervisor.clearHostTimer(this.pollKey);
    this.polling = false;
    this.connection = undefined;
  }

  rings(): readonly RingDescription[] {
    const { connection } = this;
    if (connection === undefined) return [];
    const { transmitRing, receiveRing, transmitPort, receivePort } = connection;
    const device = `vif ${this.handle}`;
    return [
      describeRequestRing(transmitRing, device, transmitPort, this.transmitHistory),
      describeRequestRing(receiveRing, device, receivePort, this.receiveHistory),
    ];
  }

  capabilities(): PortCapabilities {
    return this.connection?.features.capabilities ?? PLAIN_PORT;
  }

  receive(packet: Packet): void {
    const { connection } = this;
    if (connection === undefined || !this.domain.present) {
      this.port.dropped(packet, 'no front end is connected');
      return;
    }
    if (!connection.filter.wants(macAt(packet.bytes, 0))) return;
    if (!connection.features.scatterGather && packet.bytes.length > PAGE_SIZE) {
      this.port.dropped(packet, `${packet.bytes.length} bytes for a front end without feature-sg`);
      return;
    }
    connection.receive.add(packet);
    this.drainReceive(connection);
  }

  save(): VifState {
    const { connection } = this;
    if (connection === undefined) return { connection };
    const { transmitPort, receivePort, transmitRing, receiveRing, receive, filter, features } = connection;
    return {
      connection: {
        ports: [transmitPort, receivePort],
        pages: [transmitRing.mfns[0] as number, receiveRing.mfns[0] as number],
        rings: [transmitRing.save(), receiveRing.save()],
        waiting: receive.save(),
        filter: filter.save(),
        features,
      },
    };
  }

  restore(state: unknown, link: FrontendLink | undefined): void {
    this.disconnect();
    const { connection: saved } = state as VifState;
    if (saved === undefined || link === undefined) return;
    const { ram } = this.hypervisor;
    const [transmitPage, receivePage] = saved.pages;
    const rings: readonly [RequestRing, RequestRing] = [
      new RequestRing(ram, NETIF_TX_RING, [transmitPage as never], this.domain.width, saved.rings[0]),
      new RequestRing(ram, NETIF_RX_RING, [receivePage as never], this.domain.width, saved.rings[1]),
    ];
    this.bindEvents(link, ...saved.ports);
    const filter = new MulticastFilter(false);
    filter.restore(saved.filter);
    this.open(link, saved.ports, rings, filter, saved.features).receive.restore(saved.waiting);
    this.pollIfNeeded();
  }

  dispose(): void {
    this.disconnect();
    this.port.dispose();
  }

  private get pollKey(): string {
    return `vif/${this.domain.domid}/${this.handle}`;
  }

  private mapRing(link: FrontendLink, key: string, declaration: RequestRingDeclaration): RequestRing | Refusal {
    const ref = link.number(key);
    if (isRefusal(ref)) return ref;
    const pages = link.mapPages([ref]);
    if (isRefusal(pages)) return pages;
    return new RequestRing(this.hypervisor.ram, declaration, pages, this.domain.width);
  }

  /** One channel for both directions, or one each (feature-split-event-channels). */
  private bindPorts(link: FrontendLink): readonly [Port, Port] | Refusal {
    const split = link.read('event-channel-tx') !== undefined;
    const transmit = link.number(split ? 'event-channel-tx' : 'event-channel');
    if (isRefusal(transmit)) return transmit;
    const receive = split ? link.number('event-channel-rx') : transmit;
    if (isRefusal(receive)) return receive;
    return this.bindEvents(link, transmit as Port, receive as Port);
  }

  private bindEvents(link: FrontendLink, transmit: Port, receive: Port): readonly [Port, Port] | Refusal {
    const shared = transmit === receive;
    const first = link.bindPort(transmit, () => {
      this.transmitEvent();
      if (shared) this.receiveEvent();
    });
    if (isRefusal(first)) return first;
    const second = shared ? first : link.bindPort(receive, () => this.receiveEvent());
    return isRefusal(second) ? second : [first, second];
  }

  private open(
    link: FrontendLink,
    [transmitPort, receivePort]: readonly [Port, Port],
    [transmitRing, receiveRing]: readonly [RequestRing, RequestRing],
    filter: MulticastFilter,
    features: FrontendFeatures,
  ): Connection {
    const common = { xen: this.hypervisor, domain: this.domain };
    const transmit = new TransmitQueue({
      ...common,
      ring: transmitRing,
      history: this.transmitHistory,
      filter,
      send: (packet, place) => this.port.send(packet, place),
      dropped: (problem) => {
        this.port.statistics.droppedIn++;
        this.notice(problem);
      },
    });
    const receive = new ReceiveQueue({
      ...common,
      ring: receiveRing,
      history: this.receiveHistory,
      delivered: (packet: Packet, place: RingPlace) => this.port.delivered(packet, place),
      dropped: (packet, problem) => {
        this.port.dropped(packet, problem.reason);
        // Being full is a matter of load, a bad buffer one of the guest's errors.
        if (problem.errno !== FULL) this.notice(problem);
      },
    });
    const queues = { transmitRing, receiveRing, transmit, receive };
    this.connection = { link, transmitPort, receivePort, ...queues, filter, features };
    return this.connection;
  }

  private transmitEvent(): void {
    const { connection } = this;
    if (connection === undefined) return;
    const notify = connection.transmit.drain();
    if (isRefusal(notify)) connection.link.device.fail(notify);
    else if (notify) connection.link.notify(connection.transmitPort);
  }

  private receiveEvent(): void {
    if (this.connection !== undefined) this.drainReceive(this.connection);
  }

  private drainReceive(connection: Connection): void {
    const notify = connection.receive.drain();
    if (isRefusal(notify)) {
      connection.link.device.fail(notify);
      return;
    }
    if (notify) connection.link.notify(connection.receivePort);
    this.pollIfNeeded();
  }

  /** A front end that does not tell of new buffers is asked while frames wait. */
  private pollIfNeeded(): void {
    const { connection } = this;
    if (connection === undefined || connection.features.receiveNotify || connection.receive.isEmpty || this.polling)
      return;
    this.polling = true;
    this.hypervisor.setHostTimer(this.pollKey, this.hypervisor.clock.now() + POLL_TIME, () => {
      this.polling = false;
      this.receiveEvent();
    });
  }

  private notice(problem: Refusal): void {
    this.hypervisor.notice(this.domain, this.name, problem);
  }
}

const FULL = refuse('ENOSPC', '').errno;

function readFeatures(link: FrontendLink): FrontendFeatures {
  const scatterGather = link.flag('feature-sg');
  const partialChecksum4 = !link.flag('feature-no-csum-offload');
  const partialChecksum6 = link.flag('feature-ipv6-csum-offload');
  return {
    scatterGather,
    receiveNotify: link.flag('feature-rx-notify'),
    capabilities: {
      partialChecksum4,
      partialChecksum6,
      // Segmentation is nothing without the other two (netdev_fix_features).
      segmentation4: scatterGather && partialChecksum4 && link.flag('feature-gso-tcpv4'),
      segmentation6: scatterGather && partialChecksum6 && link.flag('feature-gso-tcpv6'),
    },
  };
}
