/**
 * The host's end of a network interface of Xen 2.0 or 1.2, between its two rings and a port of a switch: whole frames
 * of at most 1514 bytes in one page each, sent by machine address, received by getting a page. What differs between the
 * two is the dialect's matter. A frame for which the guest has put out no buffer is dropped, as netback did.
 *
 * NOT IMPLEMENTED: rate limits.
 */

import { copyPlain, type PlainObject } from '../../../machine/plain-data.ts';
import type { Network } from '../../../net/network.ts';
import { type Packet, PLAIN_PORT, type PortCapabilities, plainPacket } from '../../../net/packet.ts';
import type { PortClient, SwitchPort } from '../../../net/switch.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { isRefusal, type Refusal, refuse } from '../../common/refusal.ts';
import { describeIndexedRing } from '../../ring/describe-indexed-ring.ts';
import type { RingDescription } from '../../ring/describe-ring.ts';
import type { IndexedRing } from '../../ring/indexed-ring.ts';
import { RequestHistory, type RingEntry } from '../../ring/request-history.ts';
import type { VifOptions } from './backend.ts';

/** Without frame check sequence (ETH_FRAME_LEN). */
export const MAX_FRAME_BYTES = 1514;

export interface NetDialect {
  /** The frame that a transmit request names, copied; or why there is none. */
  fetch(xen: Hypervisor, domain: Domain, request: Uint8Array): Uint8Array | Refusal;
  transmitResponse(request: Uint8Array, outcome: Outcome): Uint8Array;
  /**
   * Takes the page of a receive request, at once when it is put in; plain data that `give` needs. Absent where the guest
   * has given its pages away itself, and requests wait in the ring.
   */
  take?(xen: Hypervisor, domain: Domain, request: Uint8Array): PlainObject | Refusal;
  /** Gives the guest a frame in a page, for the buffer of a receive request; the response, or why it cannot be. */
  give(xen: Hypervisor, domain: Domain, buffer: Buffer, frame: Uint8Array): Uint8Array | Refusal;
  /** The response to a receive request that came to nothing. */
  receiveFailure(request: Uint8Array, outcome: Outcome): Uint8Array;
}

/** What became of a request: done; refused, as the guest's error; given back unused. */
export type Outcome = 'done' | 'refused' | 'unused';

/** A receive request, with what `take` made of it. Plain data. */
export interface Buffer {
  readonly request: Uint8Array;
  readonly taken: PlainObject | undefined;
}

/** How a connection's other end is reached. */
export interface NetConnection {
  readonly transmit: IndexedRing;
  readonly receive: IndexedRing;
  readonly notify: () => void;
}

export class NetInterface implements PortClient {
  readonly name: string;
  readonly port: SwitchPort;
  private connection: NetConnection | undefined;
  private transmitHistory = new RequestHistory();
  private receiveHistory = new RequestHistory();
  /** Taken and not used yet. */
  private buffers: Buffer[] = [];

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly domain: Domain,
    network: Network,
    readonly options: VifOptions,
    private readonly dialect: NetDialect,
    private readonly report: (text: string) => void,
  ) {
    this.name = options.name ?? `vif${domain.domid}.${options.handle}`;
    const owner = `domain ${domain.domid} (${domain.name})`;
    this.port = network.switch(options.bridge).attach({ name: this.name, owner, mac: options.mac }, this);
  }

  get connected(): boolean {
    return this.connection !== undefined;
  }

  connect(connection: NetConnection): void {
    this.disconnect();
    this.connection = connection;
  }

  disconnect(): void {
    this.connection = undefined;
    this.buffers = [];
    this.transmitHistory = new RequestHistory();
    this.receiveHistory = new RequestHistory();
  }

  capabilities(): PortCapabilities {
    return PLAIN_PORT;
  }

  /** Sends what the front end has put in. A refusal: its index cannot be believed, and the connection is to end. */
  kick(): Refusal | undefined {
    const { connection, transmitHistory: history } = this;
    if (connection === undefined || !this.domain.alive) return undefined;
    const { transmit, notify } = connection;
    if (!transmit.sound) return unsound(transmit);
    const { instructions } = this.hypervisor.clock;
    let wanted = false;
    while (transmit.waiting > 0) {
      const slot = transmit.requestConsumer % transmit.size;
      const request = transmit.take();
      history.add({ direction: 'toHost', instructions, bytes: request, end: transmit.requestConsumer });
      const frame = this.dialect.fetch(this.hypervisor, this.domain, request);
      const response = this.dialect.transmitResponse(request, isRefusal(frame) ? 'refused' : 'done');
      if (transmit.put(response)) wanted = true;
      history.add({ direction: 'toGuest', instructions, bytes: response, end: transmit.responseProducer });
      if (isRefusal(frame)) this.refuseFrame(frame);
      else this.port.send(plainPacket(frame), { slot });
    }
    if (wanted) notify();
    return this.takeBuffers(connection);
  }

  /** Gives everything back that has not been used, and tells (NETOP_FLUSH_BUFFERS). */
  flush(): Refusal | undefined {
    const { connection } = this;
    if (connection === undefined) return undefined;
    const { transmit, receive } = connection;
    if (!transmit.sound) return unsound(transmit);
    if (!receive.sound) return unsound(receive);
    let wanted = false;
    while (receive.waiting > 0) this.buffers.push({ request: receive.take(), taken: undefined });
    for (const buffer of this.buffers.splice(0)) {
      const response = this.dialect.receiveFailure(buffer.request, 'unused');
      if (buffer.taken !== undefined) this.dialect.give(this.hypervisor, this.domain, buffer, new Uint8Array(0));
      if (this.putReceive(connection, response)) wanted = true;
    }
    while (transmit.waiting > 0) {
      if (transmit.put(this.dialect.transmitResponse(transmit.take(), 'unused'))) wanted = true;
    }
    if (wanted) connection.notify();
    return undefined;
  }

  /** Gives pages that were taken back to a guest that is not told. */
  giveBack(): void {
    for (const buffer of this.buffers.splice(0)) {
      if (buffer.taken !== undefined) this.dialect.give(this.hypervisor, this.domain, buffer, new Uint8Array(0));
    }
  }

  /** Whether every request has had its response. */
  get quiescent(): boolean {
    const { connection } = this;
    return connection === undefined || (connection.transmit.unanswered === 0 && connection.receive.unanswered === 0);
  }

  receive(packet: Packet): void {
    const problem = this.accept(packet);
    if (problem !== undefined) this.port.dropped(packet, problem);
  }

  describe(device: string, port: number): readonly RingDescription[] {
    if (this.connection === undefined) return [];
    const { transmit, receive } = this.connection;
    return [
      describeIndexedRing(transmit, device, port, this.transmitHistory),
      describeIndexedRing(receive, device, port, this.receiveHistory),
    ];
  }

  /** All but how it is connected. */
  save(): PlainObject {
    const copy = ({ entries }: RequestHistory): PlainObject[] =>
      entries.map((entry) => ({ ...entry, bytes: entry.bytes.slice() }));
    const buffers = copyPlain(this.buffers) as PlainObject[];
    return { transmitHistory: copy(this.transmitHistory), receiveHistory: copy(this.receiveHistory), buffers };
  }

  restore(state: PlainObject, connection: NetConnection | undefined): void {
    this.connection = connection;
    this.buffers = copyPlain(state.buffers) as unknown as Buffer[];
    this.transmitHistory = new RequestHistory(state.transmitHistory as unknown as RingEntry[]);
    this.receiveHistory = new RequestHistory(state.receiveHistory as unknown as RingEntry[]);
  }

  dispose(): void {
    this.disconnect();
    this.port.dispose();
  }

  /** Why a frame was dropped. */
  private accept(packet: Packet): string | undefined {
    const { connection, hypervisor, domain } = this;
    if (connection === undefined || !domain.alive) return 'no front end is connected';
    const { bytes } = packet;
    if (bytes.length > MAX_FRAME_BYTES) return `${bytes.length} bytes are more than an interface of its time takes`;
    const { receive, notify } = connection;
    if (!receive.sound) return unsound(receive).reason;
    const slot = receive.requestConsumer % receive.size;
    const buffer = this.nextBuffer(connection);
    if (buffer === undefined) return 'the guest gives no receive buffers';
    const given = this.dialect.give(hypervisor, domain, buffer, bytes);
    const wanted = this.putReceive(
      connection,
      isRefusal(given) ? this.dialect.receiveFailure(buffer.request, 'refused') : given,
    );
    if (!isRefusal(given)) this.port.delivered(packet, { slot });
    if (wanted) notify();
    if (!isRefusal(given)) return undefined;
    this.report(`a frame was lost: ${given.reason}`);
    return given.reason;
  }

  private nextBuffer({ receive }: NetConnection): Buffer | undefined {
    if (this.dialect.take !== undefined) return this.buffers.shift();
    return receive.waiting === 0 ? undefined : { request: this.takeReceive(receive), taken: undefined };
  }

  /** Takes pages of requests, where that is done at once. */
  private takeBuffers(connection: NetConnection): Refusal | undefined {
    const { dialect, hypervisor, domain } = this;
    const { receive, notify } = connection;
    if (dialect.take === undefined) return undefined;
    if (!receive.sound) return unsound(receive);
    let wanted = false;
    while (receive.waiting > 0) {
      const request = this.takeReceive(receive);
      const taken = dialect.take(hypervisor, domain, request);
      if (!isRefusal(taken)) this.buffers.push({ request, taken });
      else {
        this.report(`a buffer was refused: ${taken.reason}`);
        if (this.putReceive(connection, dialect.receiveFailure(request, 'refused'))) wanted = true;
      }
    }
    if (wanted) notify();
    return undefined;
  }

  private takeReceive(receive: IndexedRing): Uint8Array {
    const bytes = receive.take();
    const { instructions } = this.hypervisor.clock;
    this.receiveHistory.add({ direction: 'toHost', instructions, bytes, end: receive.requestConsumer });
    return bytes;
  }

  private putReceive({ receive }: NetConnection, bytes: Uint8Array): boolean {
    const wanted = receive.put(bytes);
    const { instructions } = this.hypervisor.clock;
    this.receiveHistory.add({ direction: 'toGuest', instructions, bytes, end: receive.responseProducer });
    return wanted;
  }

  private refuseFrame(problem: Refusal): void {
    this.port.statistics.droppedIn++;
    this.hypervisor.notice(this.domain, this.name, problem);
  }
}

function unsound(ring: IndexedRing): Refusal {
  return refuse('EINVAL', `req_prod ${ring.read('req_prod')} is no index of a ring of ${ring.size} requests`);
}
