/**
 * The host's end of a block interface of Xen 2.0 or 1.2: one ring with requests for any number of disks. They are taken
 * at once and carried out, in order, the same virtual time later as those of Xen 4. What differs between the two is the
 * dialect's matter.
 *
 * These interfaces have no flush: a write that was acknowledged is in the host's file, and on the host's disk once the
 * disk is unplugged or the machine goes.
 */
import type { PlainObject } from '../../../machine/plain-data.ts';
import type { Ram } from '../../../machine/ram.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { type Refusal, refuse } from '../../common/refusal.ts';
import { describeIndexedRing } from '../../ring/describe-indexed-ring.ts';
import type { RingDescription } from '../../ring/describe-ring.ts';
import type { IndexedRing, IndexedRingDeclaration } from '../../ring/indexed-ring.ts';
import { RequestHistory, type RingEntry } from '../../ring/request-history.ts';
import { FramePages, type GuestPages } from '../guest-pages.ts';
import { type Disk, type DiskStatistics, REQUEST_LATENCY } from './disk.ts';

/** What a request comes to. */
export interface Answer {
  readonly response: Uint8Array;
  /** What went wrong, for whoever looks. */
  readonly problem: string | undefined;
}

export interface BlockDialect {
  readonly ring: IndexedRingDeclaration;
  /** Carries a request out. `disks` by number, in order. */
  answer(entry: Uint8Array, disks: readonly Disk[], ram: Ram, pages: GuestPages): Answer;
}

/** How a connection's other end is reached. */
export interface BlockConnection {
  readonly ring: IndexedRing;
  /** Tells the guest of responses. */
  readonly notify: () => void;
}

interface Pending {
  readonly entry: Uint8Array;
  readonly deadline: number;
}

export class BlockInterface {
  private readonly disksByNumber = new Map<number, Disk>();
  private readonly pages: GuestPages;
  private connection: BlockConnection | undefined;
  private pending: Pending[] = [];
  private history = new RequestHistory();

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly domain: Domain,
    private readonly dialect: BlockDialect,
    private readonly report: (text: string) => void,
  ) {
    this.pages = new FramePages(hypervisor, domain.domid);
  }

  /** By number. */
  get disks(): readonly Disk[] {
    return [...this.disksByNumber.values()].sort((one, other) => numberOf(one) - numberOf(other));
  }

  get connected(): boolean {
    return this.connection !== undefined;
  }

  /** False where there is a disk of that number. */
  attach(disk: Disk): boolean {
    if (this.disksByNumber.has(numberOf(disk))) return false;
    this.disksByNumber.set(numberOf(disk), disk);
    return true;
  }

  /** The disk that is gone now; closing it is the caller's. */
  detach(virtualDevice: number): Disk | undefined {
    const disk = this.disksByNumber.get(virtualDevice);
    this.disksByNumber.delete(virtualDevice);
    return disk;
  }

  connect(connection: BlockConnection): void {
    this.disconnect();
    this.connection = connection;
  }

  /** Requests that have no response yet are forgotten: a front end that comes back asks again. */
  disconnect(): void {
    this.hypervisor.clearHostTimer(this.timer);
    this.pending = [];
    this.history = new RequestHistory();
    this.connection = undefined;
  }

  /** Takes what the front end has put in. A refusal: its index cannot be believed, and the connection is to end. */
  kick(): Refusal | undefined {
    const { connection, history, pending } = this;
    if (connection === undefined || !this.domain.alive) return undefined;
    const { ring } = connection;
    const { clock } = this.hypervisor;
    if (!ring.sound) {
      const text = `req_prod ${ring.read('req_prod')} is more than ${ring.size} ahead of the responses`;
      return refuse('EINVAL', `${text} (${ring.responseProducer})`);
    }
    const idle = pending.length === 0;
    while (ring.waiting > 0) {
      const entry = ring.take();
      pending.push({ entry, deadline: clock.now() + REQUEST_LATENCY });
      history.add({ direction: 'toHost', instructions: clock.instructions, bytes: entry, end: ring.requestConsumer });
    }
    if (idle) this.arm();
    return undefined;
  }

  describe(device: string, port: number): RingDescription | undefined {
    const ring = this.connection?.ring;
    return ring && describeIndexedRing(ring, device, port, this.history);
  }

  /** All but how it is connected. */
  save(): PlainObject {
    return {
      statistics: this.disks.map((disk) => [numberOf(disk), { ...disk.statistics }]),
      pending: this.pending.map(({ entry, deadline }) => ({ entry: entry.slice(), deadline })),
      history: this.history.entries.map((entry) => ({ ...entry, bytes: entry.bytes.slice() })),
    };
  }

  /** `connection` as it was; the disks are attached already. */
  restore(state: PlainObject, connection: BlockConnection | undefined): void {
    this.disconnect();
    for (const [number, statistics] of state.statistics as unknown as [number, DiskStatistics][]) {
      const disk = this.disksByNumber.get(number);
      if (disk !== undefined) Object.assign(disk.statistics, statistics);
    }
    this.connection = connection;
    this.pending = [...(state.pending as unknown as Pending[])];
    this.history = new RequestHistory(state.history as unknown as RingEntry[]);
    this.arm();
  }

  private get timer(): string {
    return `blkif ${this.domain.domid}`;
  }

  private arm(): void {
    const deadline = this.pending[0]?.deadline;
    if (deadline !== undefined) this.hypervisor.setHostTimer(this.timer, deadline, () => this.complete());
  }

  /** Carries out and answers what has waited long enough. */
  private complete(): void {
    const { connection, pending } = this;
    if (connection === undefined || !this.domain.alive) return;
    const { clock } = this.hypervisor;
    while (pending[0] !== undefined && pending[0].deadline <= clock.now()) this.answer(connection.ring, pending);
    connection.notify();
    this.arm();
  }

  private answer(ring: IndexedRing, pending: Pending[]): void {
    const { entry } = pending.shift() as Pending;
    const { ram, clock } = this.hypervisor;
    const { response, problem } = this.dialect.answer(entry, this.disks, ram, this.pages);
    if (problem !== undefined) this.report(problem);
    ring.put(response);
    const { instructions } = clock;
    this.history.add({ direction: 'toGuest', instructions, bytes: response, end: ring.responseProducer });
  }
}

function numberOf(disk: Disk): number {
  return disk.options.virtualDevice;
}
