import type { DiskStore } from '../../../../../emulator/base/disk-store.ts';
import { MemoryDisk } from '../../../../../emulator/host/browser/memory-disk.ts';
import { BlockBackend } from '../../../../../emulator/xen/backends/block/backend.ts';
import { Disk } from '../../../../../emulator/xen/backends/block/disk.ts';
import { ScriptedGuest } from '../scripted-frontend.ts';

/** Virtual nanoseconds in which every request is done. */
const DONE = 60_000;
export const RING_PFN = 20;
const RING_REF = 8;

/** Offsets of blkif.h as gcc lays them out for each ABI (abi-xen-4-pv.md, section 9). */
const LAYOUTS = {
  'x86_64-abi': { id: 8, sector: 16, segments: 24, request: 112, discard: 24, grefs: 28, responseId: 0, entry: 112 },
  'x86_32-abi': { id: 4, sector: 12, segments: 20, request: 108, discard: 20, grefs: 24, responseId: 0, entry: 108 },
} as const;

export interface Seg {
  readonly ref: number;
  readonly first?: number;
  readonly last?: number;
}

export interface BlkfrontOptions {
  readonly sectors?: number;
  readonly readOnly?: boolean;
  readonly discard?: boolean;
  readonly protocol?: keyof typeof LAYOUTS;
  readonly store?: DiskStore;
  /** More keys for the front end's directory; undefined leaves a usual one out. */
  readonly keys?: Readonly<Record<string, string | undefined>>;
}

/** A block front end that writes raw bytes into its ring, at the offsets of the header. */
export class Blkfront {
  readonly guest = new ScriptedGuest();
  readonly address = { kind: 'vbd', handle: 51712 } as const;
  readonly image: Uint8Array;
  readonly disk: Disk;
  readonly layout;
  port = this.guest.allocatePort();
  private produced = 0;
  private consumed = 0;
  private nextId = 1;

  constructor(readonly options: BlkfrontOptions = {}) {
    const { sectors = 64, readOnly = false, discard = true, protocol = 'x86_64-abi' } = options;
    this.layout = LAYOUTS[protocol];
    this.image = Uint8Array.from({ length: sectors * 512 }, (_, index) => (index >> 9) + (index & 7) * 16);
    const store = options.store ?? new MemoryDisk(this.image, readOnly, 'test');
    const description = { virtualDevice: 51712, vdev: 'xvda', params: '/x.img', readOnly, discard };
    this.disk = new Disk(this.guest.machine.ram, description, store);
    const { xenbus, domain, machine } = this.guest;
    xenbus.attach(domain, (owner) => new BlockBackend(machine.xen, owner, this.disk));
  }

  get ring(): DataView {
    return this.guest.page(RING_PFN);
  }

  /** The handshake up to the back end's answer; the back end's state. */
  connect(): string | undefined {
    const { guest } = this;
    const usual = {
      'ring-ref': String(RING_REF),
      'event-channel': String(this.port),
      protocol: this.options.protocol ?? 'x86_64-abi',
    };
    guest.grant(RING_REF, RING_PFN);
    this.ring.setUint32(4, 1, true);
    this.ring.setUint32(12, 1, true);
    for (const [key, value] of Object.entries({ ...usual, ...this.options.keys })) {
      if (value !== undefined) guest.write(guest.front(this.address, key), value);
    }
    guest.write(guest.front(this.address, 'state'), '3');
    guest.advance();
    return this.backend('state');
  }

  backend(key: string): string | undefined {
    return this.guest.store.read(this.guest.back(this.address, key));
  }

  /** Puts one request of raw fields into the ring, and publishes it. */
  put(fill: (entry: DataView) => void): bigint {
    const { buffer, byteOffset } = this.ring;
    const entry = new DataView(buffer, byteOffset + 64 + (this.produced % 32) * this.layout.entry, this.layout.entry);
    for (let at = 0; at < this.layout.entry; at++) entry.setUint8(at, 0);
    const id = BigInt(this.nextId++) | (0xabcdn << 48n);
    entry.setBigUint64(this.layout.id, id, true);
    fill(entry);
    this.ring.setUint32(0, ++this.produced, true);
    return id;
  }

  putRequest(operation: number, sector: number | bigint, segments: readonly Seg[]): bigint {
    return this.put((entry) => {
      entry.setUint8(0, operation);
      entry.setUint8(1, segments.length);
      entry.setBigUint64(this.layout.sector, BigInt(sector), true);
      for (const [index, segment] of segments.slice(0, 11).entries()) {
        writeSegment(entry, this.layout.segments + index * 8, segment);
      }
    });
  }

  kick(): void {
    this.guest.send(this.port);
  }

  /** Lets every request finish. */
  settle(): void {
    this.guest.advance(DONE);
  }

  /** Responses since the last look. */
  responses(): { id: bigint; operation: number; status: number }[] {
    const { ring, layout } = this;
    const list = [];
    for (; this.consumed !== ring.getUint32(8, true); this.consumed++) {
      const at = 64 + (this.consumed % 32) * layout.entry;
      list.push({
        id: ring.getBigUint64(at, true),
        operation: ring.getUint8(at + 8),
        status: ring.getInt16(at + 10, true),
      });
    }
    ring.setUint32(12, this.consumed + 1, true);
    return list;
  }

  /** One request to its end: its status. */
  request(operation: number, sector: number | bigint, segments: readonly Seg[]): number | undefined {
    this.putRequest(operation, sector, segments);
    return this.finish();
  }

  /** Kicks, waits, and answers the status of the last response. */
  finish(): number | undefined {
    this.kick();
    this.settle();
    return this.responses().at(-1)?.status;
  }

  get lastNotice(): string {
    return this.guest.machine.notices.at(-1) ?? '';
  }
}

export function writeSegment(view: DataView, at: number, { ref, first = 0, last = 7 }: Seg): void {
  view.setUint32(at, ref, true);
  view.setUint8(at + 4, first);
  view.setUint8(at + 5, last);
}
