/** A disk and what can be done with it: requests carried out between the guest's pages and the host's store. */
import type { DiskStore } from '../../../base/disk-store.ts';
import { type MachineAddress, PAGE_SIZE } from '../../../base/numbers.ts';
import type { Ram } from '../../../machine/ram.ts';
import { isRefusal } from '../../common/refusal.ts';
import { BLKIF_SECTOR_BYTES } from '../../public/xen-4/io/blkif.ts';
import type { GuestPages } from '../guest-pages.ts';
import {
  type BlockOperation,
  type DiskFacts,
  isProblem,
  problem,
  type RequestProblem,
  type Segment,
} from './request.ts';

/** Nanoseconds of virtual time that every request takes; those that come together are carried out together. */
export const REQUEST_LATENCY = 50_000;

export interface DiskOptions {
  /** Number of the device in the guest: its handle ("xvda": 51712). */
  readonly virtualDevice: number;
  /** As configured: "xvda". */
  readonly vdev: string;
  /** The file, as xl shows it in `params`. */
  readonly params: string;
  readonly readOnly: boolean;
  /** Whether discard is offered. */
  readonly discard: boolean;
  /** What a relative file name starts from. */
  readonly folder?: string | undefined;
}

export interface DiskStatistics {
  reads: number;
  writes: number;
  flushes: number;
  discards: number;
  errors: number;
  bytesRead: number;
  bytesWritten: number;
}

export class Disk {
  readonly statistics: DiskStatistics = {
    reads: 0,
    writes: 0,
    flushes: 0,
    discards: 0,
    errors: 0,
    bytesRead: 0,
    bytesWritten: 0,
  };
  /** For the data of one request. */
  private buffer = new Uint8Array(0);
  private handedOver = false;

  constructor(
    private readonly ram: Ram,
    readonly options: DiskOptions,
    private readonly store: DiskStore,
  ) {}

  get sectors(): number {
    return Math.floor(this.store.size / BLKIF_SECTOR_BYTES);
  }

  /** The same for two disks over the same file. */
  get identity(): string {
    return this.store.identity;
  }

  /** Looks at the file's size anew. */
  measure(): void {
    this.store.measure();
  }

  close(): void {
    if (!this.handedOver) this.store.close();
  }

  /** The store is somebody else's from now on, and does not close with this disk. */
  handOver(): DiskStore {
    this.handedOver = true;
    return this.store;
  }

  /** What whoever reads requests must know of it. */
  get facts(): DiskFacts {
    return { store: this.store, readOnly: this.options.readOnly, discard: this.options.discard };
  }

  /** One operation, or what was wrong with its request, to its end; why it failed, if it did. */
  carryOut(operation: BlockOperation | RequestProblem, pages: GuestPages): RequestProblem | undefined {
    const failed = isProblem(operation) ? operation : this.perform(operation, pages);
    if (failed !== undefined) this.statistics.errors++;
    return failed;
  }

  private perform(operation: BlockOperation, pages: GuestPages): RequestProblem | undefined {
    switch (operation.kind) {
      case 'flush':
        this.statistics.flushes++;
        return hostProblem(this.store.flush());
      case 'discard':
        this.statistics.discards++;
        return hostProblem(this.store.discard(operation.offset, operation.bytes));
      case 'read':
      case 'write':
        return this.transfer(operation, pages);
    }
  }

  private transfer(
    operation: BlockOperation & { kind: 'read' | 'write' },
    pages: GuestPages,
  ): RequestProblem | undefined {
    const { segments, bytes, offset, flush } = operation;
    const toGuest = operation.kind === 'read';
    const addresses = this.useSegments(segments, toGuest, pages);
    if (isProblem(addresses)) return addresses;
    if (this.buffer.length < bytes) this.buffer = new Uint8Array(bytes);
    const data = this.buffer.subarray(0, bytes);
    const failed = toGuest
      ? this.readToGuest(offset, data, segments, addresses)
      : this.writeFromGuest(offset, data, segments, addresses, flush);
    for (const { page } of segments) pages.end(page, toGuest);
    return failed;
  }

  private readToGuest(
    offset: number,
    data: Uint8Array,
    segments: readonly Segment[],
    addresses: readonly MachineAddress[],
  ): RequestProblem | undefined {
    const failed = hostProblem(this.store.read(offset, data));
    if (failed !== undefined) return failed;
    let at = 0;
    segments.forEach(({ length }, index) => {
      this.ram.writeBytes(addresses[index] as MachineAddress, data.subarray(at, at + length));
      at += length;
    });
    this.statistics.reads++;
    this.statistics.bytesRead += data.length;
    return undefined;
  }

  /** A barrier orders: what came before is on the disk before its data, and its data before what comes after. */
  private writeFromGuest(
    offset: number,
    data: Uint8Array,
    segments: readonly Segment[],
    addresses: readonly MachineAddress[],
    flush: boolean,
  ): RequestProblem | undefined {
    const { ram } = this;
    let at = 0;
    segments.forEach(({ length }, index) => {
      const from = ram.offsetOf(addresses[index] as MachineAddress);
      data.set(ram.u8.subarray(from, from + length), at);
      at += length;
    });
    const failed =
      (flush ? this.store.flush() : undefined) ??
      this.store.write(offset, data) ??
      (flush ? this.store.flush() : undefined);
    if (failed !== undefined) return hostProblem(failed);
    this.statistics.writes++;
    if (flush) this.statistics.flushes++;
    this.statistics.bytesWritten += data.length;
    return undefined;
  }

  /** Machine addresses of all segments; when one page is bad, none is in use. */
  private useSegments(
    segments: readonly Segment[],
    toGuest: boolean,
    pages: GuestPages,
  ): MachineAddress[] | RequestProblem {
    const addresses: MachineAddress[] = [];
    for (const { page, offset } of segments) {
      const mfn = pages.use(page, toGuest);
      if (isRefusal(mfn)) {
        for (const used of segments.slice(0, addresses.length)) pages.end(used.page, toGuest);
        return problem(mfn.reason);
      }
      addresses.push((mfn * PAGE_SIZE + offset) as MachineAddress);
    }
    return addresses;
  }

  /** A copy of one of the guest's pages. */
  readPage(page: number, pages: GuestPages): Uint8Array | RequestProblem {
    const mfn = pages.use(page, false);
    if (isRefusal(mfn)) return problem(mfn.reason);
    const copy = this.ram.frame(mfn).slice();
    pages.end(page, false);
    return copy;
  }
}

function hostProblem(reason: string | undefined): RequestProblem | undefined {
  return reason === undefined ? undefined : problem(reason);
}
