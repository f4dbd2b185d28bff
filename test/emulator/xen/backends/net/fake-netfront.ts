import type { Port } from '../../../../../emulator/base/numbers.ts';
import type { CapturedFrame } from '../../../../../emulator/net/capture.ts';
import { type MacAddress, macAt } from '../../../../../emulator/net/mac-address.ts';
import { Network } from '../../../../../emulator/net/network.ts';
import { type Packet, PLAIN_PORT, type PortCapabilities } from '../../../../../emulator/net/packet.ts';
import type { SwitchPort } from '../../../../../emulator/net/switch.ts';
import { VifBackend } from '../../../../../emulator/xen/backends/net/backend.ts';
import { networkTime } from '../../../../../emulator/xen/backends/net/network-time.ts';
import { isRefusal } from '../../../../../emulator/xen/common/refusal.ts';
import { hex, MAC_A } from '../../../net/frames.ts';
import { ScriptedGuest } from '../scripted-frontend.ts';

/** Layout of the guest's memory: rings, buffers to send from, buffers to receive into. */
const TX_RING_PFN = 100;
const RX_RING_PFN = 101;
export const TX_PFN = 110;
export const RX_PFN = 140;
const TX_RING_REF = 10;
const RX_RING_REF = 11;
/** Reference of a buffer's grant is that much more than its pfn. */
export const REF = 100;
const RING = 256;
const ADDRESS = { kind: 'vif', handle: 0 } as const;
export const BRIDGE = 'xenbr0';
/** What Linux's netfront says of itself. */
export const LINUX: Readonly<Record<string, string>> = {
  'request-rx-copy': '1',
  'feature-rx-notify': '1',
  'feature-sg': '1',
  'feature-gso-tcpv4': '1',
  'feature-gso-tcpv6': '1',
  'feature-ipv6-csum-offload': '1',
};

/** One transmit request, numbers as in netif.h. */
export interface Slot {
  readonly gref: number;
  readonly offset?: number;
  readonly flags?: number;
  readonly id?: number;
  readonly size: number;
}

/** A guest whose part of one vif the test plays, and the switch behind it with one other port. */
export class FakeNetfront {
  readonly guest = new ScriptedGuest();
  readonly network = new Network(networkTime(this.guest.machine.xen));
  readonly frames: CapturedFrame[] = [];
  /** What arrives at the switch's other port. */
  readonly received: Packet[] = [];
  peer: SwitchPort;
  /** Of the other port. */
  capabilities: PortCapabilities = PLAIN_PORT;
  port = 0 as Port;
  private txProduced = 0;
  private txConsumed = 0;
  private rxProduced = 0;
  private rxConsumed = 0;

  constructor(features: Readonly<Record<string, string>> = LINUX) {
    const { guest } = this;
    const device = guest.xenbus.attach(guest.domain, (domain) => {
      const options = { handle: 0, mac: macAt(hex(MAC_A), 0), bridge: BRIDGE, name: undefined };
      return new VifBackend(guest.machine.xen, domain, this.network, options);
    });
    if (isRefusal(device)) throw new Error(device.reason);
    this.peer = this.plugPeer();
    this.network.onFrame((frame) => this.frames.push(frame));
    this.write('tx-ring-ref', String(guest.grant(TX_RING_REF, TX_RING_PFN)));
    this.write('rx-ring-ref', String(guest.grant(RX_RING_REF, RX_RING_PFN)));
    for (const ring of [this.txRing, this.rxRing]) {
      ring.setUint32(4, 1, true);
      ring.setUint32(12, 1, true);
    }
    for (const [key, value] of Object.entries(features)) this.write(key, value);
  }

  /** The switch's other port; again after a restore. */
  plugPeer(): SwitchPort {
    this.peer = this.network.switch(BRIDGE).attach(
      { name: 'peer', owner: 'the test', mac: 2 as MacAddress },
      {
        capabilities: () => this.capabilities,
        receive: (packet) => {
          this.received.push(packet);
          this.peer.delivered(packet);
        },
      },
    );
    return this.peer;
  }

  get vif(): VifBackend {
    return this.guest.xenbus.device({ domid: this.guest.domain.domid, ...ADDRESS })?.driver as VifBackend;
  }

  /** With one event channel for both directions. */
  connect(): this {
    this.port = this.guest.allocatePort();
    this.write('event-channel', String(this.port));
    return this.ready();
  }

  ready(): this {
    this.write('state', '4');
    this.guest.advance();
    return this;
  }

  write(key: string, value: string): void {
    this.guest.write(this.guest.front(ADDRESS, key), value);
  }

  backend(key: string): string | undefined {
    return this.guest.store.read(this.guest.back(ADDRESS, key));
  }

  get backendState(): string | undefined {
    return this.backend('state');
  }

  error(): string | undefined {
    return this.guest.store.read(`/local/domain/0/error/backend/vif/${this.guest.domain.domid}/0/error`);
  }

  get txRing(): DataView {
    return this.guest.page(TX_RING_PFN);
  }

  get rxRing(): DataView {
    return this.guest.page(RX_RING_PFN);
  }

  /** A page of the guest with these bytes in it, granted for reading; its reference. */
  buffer(index: number, bytes: Uint8Array, offset = 0): number {
    const pfn = TX_PFN + index;
    const page = this.guest.page(pfn);
    bytes.forEach((byte, at) => {
      page.setUint8(offset + at, byte);
    });
    return this.guest.grant(pfn + REF, pfn, true);
  }

  /** Puts requests (or the 8 bytes of an extra_info) into the ring, without telling. */
  put(...slots: readonly (Slot | Uint8Array)[]): this {
    const ring = this.txRing;
    for (const slot of slots) {
      const at = 64 + (this.txProduced++ % RING) * 12;
      if (slot instanceof Uint8Array) slot.forEach((byte, index) => void ring.setUint8(at + index, byte));
      else {
        ring.setUint32(at, slot.gref, true);
        ring.setUint16(at + 4, slot.offset ?? 0, true);
        ring.setUint16(at + 6, slot.flags ?? 0, true);
        ring.setUint16(at + 8, slot.id ?? this.txProduced - 1, true);
        ring.setUint16(at + 10, slot.size, true);
      }
    }
    ring.setUint32(0, this.txProduced, true);
    return this;
  }

  /** Puts requests in and tells; what has come back since, as [id, status]. */
  send(...slots: readonly (Slot | Uint8Array)[]): (readonly [id: number, status: number])[] {
    this.put(...slots);
    this.guest.send(this.port);
    return this.txResponses();
  }

  txResponses(): (readonly [id: number, status: number])[] {
    const ring = this.txRing;
    const responses: (readonly [number, number])[] = [];
    while (this.txConsumed !== ring.getUint32(8, true)) {
      const at = 64 + (this.txConsumed++ % RING) * 12;
      responses.push([ring.getUint16(at, true), ring.getInt16(at + 2, true)]);
    }
    ring.setUint32(12, this.txConsumed + 1, true);
    return responses;
  }

  /** Offers receive buffers; their identifiers are their numbers, counted from 0 modulo 100. */
  offer(count: number, notify = true): this {
    const ring = this.rxRing;
    for (let index = 0; index < count; index++) {
      const buffer = this.rxProduced % 100;
      const at = 64 + (this.rxProduced++ % RING) * 8;
      ring.setUint16(at, buffer, true);
      ring.setUint32(at + 4, this.guest.grant(RX_PFN + buffer + REF, RX_PFN + buffer), true);
    }
    ring.setUint32(0, this.rxProduced, true);
    if (notify) this.guest.send(this.port);
    return this;
  }

  /** Responses in the receive ring since the last look, 8 bytes each. */
  rxSlots(): Uint8Array[] {
    const ring = this.rxRing;
    const slots: Uint8Array[] = [];
    while (this.rxConsumed !== ring.getUint32(8, true)) {
      const at = ring.byteOffset + 64 + (this.rxConsumed++ % RING) * 8;
      slots.push(new Uint8Array(ring.buffer.slice(at, at + 8)));
    }
    ring.setUint32(12, this.rxConsumed + 1, true);
    return slots;
  }

  /** The same as [id, flags, status]; the offset must be 0. */
  rxResponses(): (readonly [id: number, flags: number, status: number])[] {
    return this.rxSlots().map((bytes) => {
      const view = new DataView(bytes.buffer);
      if (view.getUint16(2, true) !== 0) throw new Error('a receive response with an offset');
      return [view.getUint16(0, true), view.getUint16(4, true), view.getInt16(6, true)] as const;
    });
  }

  /** Bytes of a receive buffer. */
  receiveBuffer(buffer: number, length: number): Uint8Array {
    const { buffer: memory, byteOffset } = this.guest.page(RX_PFN + buffer);
    return new Uint8Array(memory.slice(byteOffset, byteOffset + length));
  }

  /** The switch's other port sends; the frame arrives. */
  inject(packet: Packet): void {
    this.peer.send(packet);
    this.guest.advance(10_000);
  }
}
