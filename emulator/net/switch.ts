/**
 * A learning switch: one broadcast domain, blind to VLANs (tags travel as they are). What a port's owner sends arrives
 * at the others after a fixed virtual latency, checksummed and segmented as each of them needs.
 *
 * NOT IMPLEMENTED: spanning tree, IGMP snooping, rate limits.
 */
import { adaptPacket } from './adapt.ts';
import type { RingPlace } from './capture.ts';
import { ETHERNET_HEADER } from './headers.ts';
import { isGroup, isLinkLocal, MAC_BYTES, type MacAddress, macAt } from './mac-address.ts';
import { MacTable, type MacTableRow } from './mac-table.ts';
import type { Packet, PortCapabilities } from './packet.ts';
import type { VirtualTime } from './virtual-time.ts';

/** From a frame's arrival to its delivery, in ns of virtual time: what a software bridge takes. */
export const LATENCY = 10_000;

/** What a port's owner does for the switch. */
export interface PortClient {
  capabilities(): PortCapabilities;
  /** Takes a frame that it can, or drops it: `delivered` or `dropped` of the port is called in the end. */
  receive(packet: Packet): void;
}

export interface PortStatistics {
  /** From the owner into the switch. */
  framesIn: number;
  bytesIn: number;
  droppedIn: number;
  /** To the owner. */
  framesOut: number;
  bytesOut: number;
  droppedOut: number;
}

export interface PortDescription {
  /** Unique in the switch: "vif1.0". */
  readonly name: string;
  readonly owner: string;
  readonly mac: MacAddress;
}

/** Told of every frame at every port. */
export type PortObserver = (
  port: SwitchPort,
  direction: 'in' | 'out' | 'dropped',
  packet: Packet,
  place: RingPlace | undefined,
  reason: string | undefined,
) => void;

/** A frame on its way to a port. */
export interface Flight {
  readonly due: number;
  readonly port: number;
  readonly packet: Packet;
}

export interface SwitchState {
  readonly nextPort: number;
  readonly ports: readonly { readonly id: number; readonly name: string; readonly statistics: PortStatistics }[];
  readonly table: readonly MacTableRow[];
  readonly flights: readonly Flight[];
}

/** One place to plug something in; dispose to unplug it. */
export class SwitchPort {
  statistics: PortStatistics = { framesIn: 0, bytesIn: 0, droppedIn: 0, framesOut: 0, bytesOut: 0, droppedOut: 0 };

  constructor(
    private readonly network: LearningSwitch,
    readonly id: number,
    readonly description: PortDescription,
    readonly client: PortClient,
  ) {}

  get networkName(): string {
    return this.network.name;
  }

  /** The owner sends a packet; `place` is where it was in the owner's ring. */
  send(packet: Packet, place?: RingPlace): void {
    this.network.send(this, packet, place);
  }

  /** The owner has got a packet that `receive` gave it. */
  delivered(packet: Packet, place?: RingPlace): void {
    this.statistics.framesOut++;
    this.statistics.bytesOut += packet.bytes.length;
    this.network.observe(this, 'out', packet, place, undefined);
  }

  /** The owner could not take it. */
  dropped(packet: Packet, reason: string): void {
    this.statistics.droppedOut++;
    this.network.observe(this, 'dropped', packet, undefined, reason);
  }

  dispose(): void {
    this.network.detach(this);
  }
}

export class LearningSwitch {
  /** By number, in this order. */
  readonly ports = new Map<number, SwitchPort>();
  readonly table = new MacTable();
  private nextPort = 1;
  /** In order of `due`. */
  private flights: Flight[] = [];
  /** Of ports that a restored state knows and nobody has plugged in yet. */
  private awaited: SwitchState['ports'] = [];

  constructor(
    readonly name: string,
    private readonly time: VirtualTime,
    readonly observe: PortObserver = () => {},
  ) {}

  attach(description: PortDescription, client: PortClient): SwitchPort {
    const known = this.awaited.find(({ name }) => name === description.name);
    const port = new SwitchPort(this, known?.id ?? this.nextPort++, description, client);
    if (known !== undefined) {
      port.statistics = { ...known.statistics };
      this.awaited = this.awaited.filter((other) => other !== known);
    }
    this.ports.set(port.id, port);
    if (known !== undefined) this.sortPorts();
    return port;
  }

  /** Frames are flooded in this order, which must not depend on who came back first. */
  private sortPorts(): void {
    const sorted = [...this.ports].sort(([one], [other]) => one - other);
    this.ports.clear();
    for (const [id, port] of sorted) this.ports.set(id, port);
  }

  /** Frames on their way to the port are lost with it. */
  detach(port: SwitchPort): void {
    if (this.ports.get(port.id) !== port) return;
    this.ports.delete(port.id);
    this.table.forgetPort(port.id);
    this.flights = this.flights.filter((flight) => flight.port !== port.id);
    this.arm();
  }

  send(from: SwitchPort, packet: Packet, place: RingPlace | undefined): void {
    const { bytes } = packet;
    if (bytes.length < ETHERNET_HEADER || this.ports.get(from.id) !== from) {
      from.statistics.droppedIn++;
      return;
    }
    from.statistics.framesIn++;
    from.statistics.bytesIn += bytes.length;
    this.observe(from, 'in', packet, place, undefined);
    const now = this.time.now();
    const source = macAt(bytes, MAC_BYTES);
    if (!isGroup(source)) this.table.learn(source, from.id, now);
    const due = now + LATENCY;
    for (const port of this.targets(macAt(bytes, 0), from, now)) this.flights.push({ due, port, packet });
    this.arm();
  }

  /** Ports that a frame goes to: the one that is known, or all but its own. */
  private targets(destination: MacAddress, from: SwitchPort, now: number): readonly number[] {
    if (isLinkLocal(destination)) return [];
    const known = isGroup(destination) ? undefined : this.table.find(destination, now);
    if (known !== undefined) return known === from.id ? [] : [known];
    return [...this.ports.keys()].filter((id) => id !== from.id);
  }

  private arm(): void {
    const first = this.flights[0];
    const key = `net/${this.name}`;
    if (first === undefined) this.time.clearTimer(key);
    else this.time.setTimer(key, first.due, () => this.deliver());
  }

  private deliver(): void {
    const now = this.time.now();
    const count = this.flights.findIndex(({ due }) => due > now);
    const arrived = this.flights.splice(0, count < 0 ? this.flights.length : count);
    for (const { port: id, packet } of arrived) {
      const port = this.ports.get(id);
      if (port !== undefined) this.hand(port, packet);
    }
    this.arm();
  }

  private hand(port: SwitchPort, packet: Packet): void {
    const frames = adaptPacket(packet, port.client.capabilities());
    if (frames === undefined) port.dropped(packet, 'it is not the TCP packet that its segmentation offload claims');
    else for (const frame of frames) port.client.receive(frame);
  }

  save(): SwitchState {
    const ports = Array.from(this.ports.values(), ({ id, description, statistics }) => ({
      id,
      name: description.name,
      statistics: { ...statistics },
    }));
    return { nextPort: this.nextPort, ports, table: this.table.rows(), flights: [...this.flights] };
  }

  /** All ports are unplugged; each finds its place again, by name, when its owner plugs it in. */
  restore(state: SwitchState): void {
    this.nextPort = state.nextPort;
    this.awaited = state.ports;
    this.table.restore(state.table);
    this.flights = [...state.flights];
    this.ports.clear();
    this.arm();
  }
}
