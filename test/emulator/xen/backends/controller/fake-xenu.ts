import type { MachineAddress, Port } from '../../../../../emulator/base/numbers.ts';
import { MemoryDisk } from '../../../../../emulator/host/browser/memory-disk.ts';
import type { CapturedFrame } from '../../../../../emulator/net/capture.ts';
import { type MacAddress, macAt } from '../../../../../emulator/net/mac-address.ts';
import { Network } from '../../../../../emulator/net/network.ts';
import { type Packet, PLAIN_PORT } from '../../../../../emulator/net/packet.ts';
import type { SwitchPort } from '../../../../../emulator/net/switch.ts';
import { Disk } from '../../../../../emulator/xen/backends/block/disk.ts';
import { DomainController } from '../../../../../emulator/xen/backends/controller/domain-controller.ts';
import { networkTime } from '../../../../../emulator/xen/backends/net/network-time.ts';
import { summarizeControlMessage } from '../../../../../emulator/xen/ring/describe-control-ring.ts';
import { ScriptedGuest } from '../scripted-frontend.ts';

export const CONTROL_PFN = 20;
export const BLK_PFN = 21;
export const TX_PFN = 22;
export const RX_PFN = 23;
export const BRIDGE = 'xenbr0';
/** Virtual nanoseconds in which every disk request is done, and every frame delivered. */
export const DONE = 60_000;
export const RING = 64;

/** One message as 4 bytes of header and its payload. */
export interface Message {
  readonly type: number;
  readonly subtype: number;
  readonly id: number;
  readonly payload: Uint8Array;
}

export function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(new Uint32Array(values).buffer);
}

/**
 * A Xen 2.0 domain whose part the test plays, at raw offsets of the headers (abi-xen-2.0.md, sections 13 and 14). The
 * hypervisor below is real; that its domain is a 64-bit one matters to nobody here, but that the control interface
 * lies in a page of its own.
 */
export class FakeXenU {
  readonly guest: ScriptedGuest;
  readonly network: Network;
  readonly output: number[] = [];
  readonly reports: string[] = [];
  readonly trace: string[] = [];
  readonly frames: CapturedFrame[] = [];
  /** What arrives at the switch's other port. */
  readonly received: Packet[] = [];
  readonly port: Port;
  controller: DomainController;
  peer: SwitchPort;
  blkPort = 0 as Port;
  netPort = 0 as Port;
  private sent = 0;
  private answered = 0;
  private blkProduced = 0;
  private blkConsumed = 0;
  private txProduced = 0;
  private txConsumed = 0;
  private rxProduced = 0;
  private rxConsumed = 0;

  constructor(readonly controlOffset = 0) {
    this.guest = new ScriptedGuest();
    this.network = new Network(networkTime(this.xen));
    this.network.onFrame((frame) => this.frames.push(frame));
    this.port = this.guest.allocatePort();
    this.controller = this.makeController();
    this.peer = this.plugPeer();
  }

  get xen() {
    return this.guest.machine.xen;
  }

  makeController(): DomainController {
    const { xen, port, guest } = this;
    const services = {
      network: this.network,
      onOutput: (bytes: Uint8Array) => this.output.push(...bytes),
      onReport: (text: string) => this.reports.push(text),
      onMessage: ({ from, message }: { from: string; message: Message }) =>
        this.trace.push(`${from}: ${summarizeControlMessage(message)}`),
    };
    const address = (guest.machine.mfn(CONTROL_PFN) * 4096 + this.controlOffset) as MachineAddress;
    return new DomainController(xen, guest.domain, port, services, address);
  }

  plugPeer(): SwitchPort {
    this.peer = this.network.switch(BRIDGE).attach(
      { name: 'peer', owner: 'the test', mac: 2 as MacAddress },
      {
        capabilities: () => PLAIN_PORT,
        receive: (packet) => {
          this.received.push(packet);
          this.peer.delivered(packet);
        },
      },
    );
    return this.peer;
  }

  /** A disk of so many sectors, each filled with its number. */
  addDisk(virtualDevice: number, sectors = 64, readOnly = false): Uint8Array {
    const image = Uint8Array.from({ length: sectors * 512 }, (_, index) => index >> 9);
    this.attach(virtualDevice, image, readOnly);
    return image;
  }

  attach(virtualDevice: number, image: Uint8Array, readOnly = false): boolean {
    const options = { virtualDevice, vdev: `d${virtualDevice}`, params: '/x.img', readOnly, discard: false };
    const store = new MemoryDisk(image, readOnly, `${virtualDevice}`);
    return this.controller.block.attach(new Disk(this.guest.machine.ram, options, store));
  }

  addVif(handle: number, mac = 'aa0000000001'): boolean {
    const bytes = Uint8Array.from(mac.match(/../g) as string[], (pair) => Number.parseInt(pair, 16));
    return this.controller.net.attach({ handle, mac: macAt(bytes, 0), bridge: BRIDGE, name: undefined });
  }

  get control(): DataView {
    const page = this.guest.page(CONTROL_PFN);
    return new DataView(page.buffer, page.byteOffset + this.controlOffset, 1040);
  }

  /** A request as ctrl_if.c makes it: into the ring, then an event. The response that came back. */
  send(type: number, subtype: number, payload: Uint8Array, id = 0xff): Message | undefined {
    const slot = this.sent++ & 7;
    const { control } = this;
    [type, subtype, id, payload.length].forEach((byte, index) => {
      control.setUint8(slot * 64 + index, byte);
    });
    payload.forEach((byte, index) => {
      control.setUint8(slot * 64 + 4 + index, byte);
    });
    control.setUint32(1024, this.sent, true);
    this.guest.send(this.port);
    return control.getUint32(1028, true) === this.sent ? this.message(slot * 64) : undefined;
  }

  print(text: string): void {
    for (let at = 0; at < text.length; at += 60) this.send(0, 0, new TextEncoder().encode(text.slice(at, at + 60)));
  }

  /** Requests of the controller that wait; each is answered as it is. */
  take(answer = true): Message[] {
    const { control } = this;
    const messages: Message[] = [];
    for (let index = this.answered; index !== control.getUint32(1032, true) && messages.length < 8; index++) {
      messages.push(this.message(512 + (index & 7) * 64));
    }
    if (answer && messages.length > 0) {
      this.answered += messages.length;
      control.setUint32(1036, this.answered, true);
      this.guest.send(this.port);
    }
    return messages;
  }

  /** Everything, until nothing comes any more. */
  takeAll(): Message[] {
    const all: Message[] = [];
    for (let some = this.take(); some.length > 0 && all.length < 1000; some = this.take()) all.push(...some);
    return all;
  }

  /** As blkfront does it; the message that says CONNECTED. */
  connectBlock(pfn = BLK_PFN): Message | undefined {
    this.send(2, 32, words(1, 0));
    this.takeAll();
    this.send(2, 33, words(0, 0, this.guest.machine.mfn(pfn), 0));
    const status = this.takeAll().find(({ type, payload }) => type === 2 && payload[4] === 2);
    this.blkPort = new DataView(status?.payload.slice().buffer ?? new ArrayBuffer(12)).getUint16(8, true) as Port;
    [this.blkProduced, this.blkConsumed] = [0, 0];
    return status;
  }

  /** As netfront does it. */
  connectNet(handle = 0): Message | undefined {
    this.send(4, 32, words(1, 0));
    this.takeAll();
    const { machine } = this.guest;
    this.send(4, 33, words(handle, 0, machine.mfn(TX_PFN), 0, machine.mfn(RX_PFN), 0));
    const status = this.takeAll().find(({ type, subtype, payload }) => type === 4 && subtype === 0 && payload[4] === 2);
    this.netPort = new DataView(status?.payload.slice().buffer ?? new ArrayBuffer(18)).getUint16(8, true) as Port;
    this.txRing.setUint32(12, 1, true);
    this.rxRing.setUint32(8, 1, true);
    return status;
  }

  get blkRing(): DataView {
    return this.guest.page(BLK_PFN);
  }

  get txRing(): DataView {
    return this.guest.page(TX_PFN);
  }

  get rxRing(): DataView {
    return this.guest.page(RX_PFN);
  }

  /** Puts a block request in; segments as [frame, first sector, last sector]. */
  putBlock(
    operation: number,
    device: number,
    sector: number,
    segments: readonly (readonly [frame: number, first: number, last: number])[],
    id = this.blkProduced,
  ): void {
    const ring = this.blkRing;
    const at = 8 + (this.blkProduced++ & 63) * 60;
    ring.setUint8(at, operation);
    ring.setUint8(at + 1, segments.length);
    ring.setUint16(at + 2, device, true);
    ring.setUint32(at + 4, id, true);
    ring.setUint32(at + 8, sector, true);
    ring.setUint32(at + 12, Math.floor(sector / 4294967296), true);
    segments.slice(0, 11).forEach(([frame, first, last], index) => {
      ring.setUint32(at + 16 + index * 4, frame * 4096 + first * 8 + last, true);
    });
    ring.setUint32(0, this.blkProduced, true);
  }

  /** Tells, waits, and takes the responses: [id, operation, status]. */
  finishBlock(): (readonly [id: number, operation: number, status: number])[] {
    this.guest.send(this.blkPort);
    this.guest.advance(DONE);
    return this.blockResponses();
  }

  blockResponses(): (readonly [id: number, operation: number, status: number])[] {
    const ring = this.blkRing;
    const responses: (readonly [number, number, number])[] = [];
    while (this.blkConsumed !== ring.getUint32(4, true) && responses.length < 64) {
      const at = 8 + (this.blkConsumed++ & 63) * 60;
      responses.push([ring.getUint32(at, true), ring.getUint8(at + 4), ring.getInt16(at + 5, true)]);
    }
    return responses;
  }

  /** Sends one frame that lies at an offset of a page; [id, status] of what came back. */
  transmit(bytes: Uint8Array, pfn: number, offset = 0, size = bytes.length): (readonly [id: number, status: number])[] {
    const page = this.guest.page(pfn);
    bytes.forEach((byte, at) => {
      page.setUint8(offset + at, byte);
    });
    return this.transmitFrom(this.guest.machine.mfn(pfn) * 4096 + offset, size);
  }

  transmitFrom(address: number, size: number): (readonly [id: number, status: number])[] {
    const ring = this.txRing;
    const at = 16 + (this.txProduced & 255) * 12;
    ring.setUint32(at, address, true);
    ring.setUint16(at + 8, this.txProduced & 0xffff, true);
    ring.setUint16(at + 10, size, true);
    ring.setUint32(0, ++this.txProduced, true);
    this.guest.send(this.netPort);
    return this.transmitResponses();
  }

  transmitResponses(): (readonly [id: number, status: number])[] {
    const ring = this.txRing;
    const responses: (readonly [number, number])[] = [];
    while (this.txConsumed !== ring.getUint32(8, true) && responses.length < 256) {
      const at = 16 + (this.txConsumed++ & 255) * 12;
      responses.push([ring.getUint16(at, true), ring.getInt8(at + 2)]);
    }
    ring.setUint32(12, this.txConsumed + 1, true);
    return responses;
  }

  /** Gives pages away for buffers, and posts as many ids. */
  post(count: number): void {
    const ring = this.rxRing;
    for (let index = 0; index < count; index++) {
      ring.setUint16(12 + (this.rxProduced & 255) * 12, this.rxProduced & 0xffff, true);
      this.rxProduced++;
    }
    ring.setUint32(0, this.rxProduced, true);
  }

  /** Gives a page of the guest back to Xen (dom_mem_op decrease). */
  giveAway(pfn: number): void {
    const { machine } = this.guest;
    const mfn = machine.mfn(pfn);
    // Its mapping goes first, as netfront zaps it.
    machine.hypercall(14, 0xffffffff80000000 - 2 ** 64 + pfn * 4096, 0, 0);
    this.xen.references.deallocate(mfn);
  }

  receiveResponses(): { readonly id: number; readonly status: number; readonly address: number }[] {
    const ring = this.rxRing;
    const responses: { id: number; status: number; address: number }[] = [];
    while (this.rxConsumed !== ring.getUint32(4, true) && responses.length < 256) {
      const at = 12 + (this.rxConsumed++ & 255) * 12;
      responses.push({
        address: ring.getUint32(at, true),
        id: ring.getUint16(at + 8, true),
        status: ring.getInt16(at + 10, true),
      });
    }
    ring.setUint32(8, this.rxConsumed + 1, true);
    return responses;
  }

  private message(at: number): Message {
    const { control } = this;
    const length = control.getUint8(at + 3);
    const start = control.byteOffset + at + 4;
    return {
      type: control.getUint8(at),
      subtype: control.getUint8(at + 1),
      id: control.getUint8(at + 2),
      payload: new Uint8Array(control.buffer.slice(start, start + length)),
    };
  }
}
