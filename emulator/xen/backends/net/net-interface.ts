/**
 * The host's end of a network interface of Xen 2.0 or 1.2, between its two rings and a port of a switch: whole frames
 * of at most 1514 bytes in one page each, sent by machine address, received by getting a page. What differs between the
 * two is the dialect's matter. A frame for which the guest has put out no buffer is dropped, as netback did.
 *
 * NOT IMPLEMENTED: rate limits.
 */

import type { PlainObject } from '../../../machine/plain-data.ts';
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
  transmitResponse(request: Uint8Array, sent: boolean): Uint8Array;
  /** Gives the guest a frame in a page, for the buffer of a receive request; the response, or why it cannot be. */
  give(xen: Hypervisor, domain: Domain, request: Uint8Array, frame: Uint8Array): Uint8Array | Refusal;
  /** The response to a receive request that came to nothing. */
  receiveFailure(request: Uint8Array): Uint8Array;
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
      const response = this.dialect.transmitResponse(request, !isRefusal(frame));
      if (transmit.put(response)) wanted = true;
      history.add({ direction: 'toGuest', instructions, bytes: response, end: transmit.responseProducer });
      if (isRefusal(frame)) this.refuseFrame(frame);
      else this.port.send(plainPacket(frame), { slot });
    }
    if (wanted) notify();
    return undefined;
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
    return { transmitHistory: copy(this.transmitHistory), receiveHistory: copy(this.receiveHistory) };
  }

  restore(state: PlainObject, connection: NetConnection | undefined): void {
    this.connection = connection;
    this.transmitHistory = new RequestHistory(state.transmitHistory as unknown as RingEntry[]);
    this.receiveHistory = new RequestHistory(state.receiveHistory as unknown as RingEntry[]);
  }

  dispose(): void {
    this.disconnect();
    this.port.dispose();
  }

  /** Why a frame was dropped. */
  private accept(packet: Packet): string | undefined {
    const { connection, hypervisor, domain, receiveHistory: history } = this;
    if (connection === undefined || !domain.alive) return 'no front end is connected';
    const { bytes } = packet;
    if (bytes.length > MAX_FRAME_BYTES) return `${bytes.length} bytes are more than an interface of its time takes`;
    const { receive, notify } = connection;
    if (!receive.sound) return unsound(receive).reason;
    if (receive.waiting === 0) return 'the guest gives no receive buffers';
    const slot = receive.requestConsumer % receive.size;
    const request = receive.take();
    const { instructions } = hypervisor.clock;
    history.add({ direction: 'toHost', instructions, bytes: request, end: receive.requestConsumer });
    const given = this.dialect.give(hypervisor, domain, request, bytes);
    const response = isRefusal(given) ? this.dialect.receiveFailure(request) : given;
    const wanted = receive.put(response);
    history.add({ direction: 'toGuest', instructions, bytes: response, end: receive.responseProducer });
    if (!isRefusal(given)) this.port.delivered(packet, { slot });
    if (wanted) notify();
    if (!isRefusal(given)) return undefined;
    this.report(`a frame was lost: ${given.reason}`);
    return given.reason;
  }

  private refuseFrame(problem: Refusal): void {
    this.port.statistics.droppedIn++;
    this.hypervisor.notice(this.domain, this.name, problem);
  }
}

function unsound(ring: IndexedRing): Refusal {
  return refuse('EINVAL', `req_prod ${ring.read('req_prod')} is no index of a ring of ${ring.size} requests`);
}
