/**
 * The host's end of a virtual disk: xen-blkback's place. Requests are taken from the ring at once and carried out, in
 * order, a fixed virtual time later; an acknowledged flush is on the host's disk.
 *
 * NOT IMPLEMENTED: sectors of other sizes than 512, secure discard, cdrom.
 */
import type { Port } from '../../../base/numbers.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { isRefusal, type Refusal, refuse } from '../../common/refusal.ts';
import { StructView, type Width } from '../../public/struct.ts';
import {
  BLKIF_OP_INDIRECT,
  BLKIF_OP_NAMES,
  BLKIF_REQUEST,
  BLKIF_RESPONSE,
  BLKIF_RSP_OKAY,
  BLKIF_SECTOR_BYTES,
  VDISK_READONLY,
} from '../../public/xen-4/io/blkif.ts';
import { describeRequestRing } from '../../ring/describe-request-ring.ts';
import type { RingDescription } from '../../ring/describe-ring.ts';
import { RequestHistory, type RingEntry } from '../../ring/request-history.ts';
import { RequestRing, type RequestRingState } from '../../ring/request-ring.ts';
import type { BackendDriver, Entries } from '../xenbus/driver.ts';
import type { FrontendLink } from '../xenbus/frontend-link.ts';
import { BLKIF_RING } from './blkif-ring.ts';
import { type Disk, type DiskStatistics, REQUEST_LATENCY } from './disk.ts';
import { MAX_RING_PAGE_ORDER, protocolWidth, ringReferences } from './frontend-keys.ts';
import { GrantedPages } from './granted-pages.ts';
import { MAX_INDIRECT_SEGMENTS, parseRequest } from './request.ts';

const MAX_QUEUES = 4;

interface Queue {
  readonly ring: RequestRing;
  readonly port: Port;
  readonly history: RequestHistory;
}

/** A request between its taking and its response. */
interface Pending {
  readonly queue: number;
  readonly entry: Uint8Array;
  readonly deadline: number;
}

/** Everything about the connection; undefined between connections. */
interface Connection {
  readonly link: FrontendLink;
  readonly width: Width;
  readonly pages: GrantedPages;
  readonly queues: readonly Queue[];
  readonly pending: Pending[];
}

interface SavedState {
  readonly statistics: DiskStatistics;
  readonly connection:
    | {
        readonly width: Width;
        readonly persistent: boolean;
        readonly kept: readonly (readonly [ref: number, mfn: number])[];
        readonly queues: readonly {
          readonly ring: RequestRingState;
          readonly mfns: readonly number[];
          readonly port: number;
          readonly history: readonly RingEntry[];
        }[];
        readonly pending: readonly Pending[];
      }
    | undefined;
}

export class BlockBackend implements BackendDriver {
  readonly kind = 'vbd';
  readonly handle: number;
  private connection: Connection | undefined;

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly domain: Domain,
    readonly disk: Disk,
  ) {
    this.handle = disk.options.virtualDevice;
  }

  get frontendEntries(): Entries {
    return [
      ['virtual-device', String(this.handle)],
      ['device-type', 'disk'],
      ['protocol', this.domain.width === 64 ? 'x86_64-abi' : 'x86_32-abi'],
    ];
  }

  get backendEntries(): Entries {
    const { params, vdev, readOnly, discard } = this.disk.options;
    return [
      ['params', params],
      ['script', '/etc/xen/scripts/block'],
      ['removable', '0'],
      ['bootable', '1'],
      ['dev', vdev],
      ['type', 'phy'],
      ['mode', readOnly ? 'r' : 'w'],
      ['device-type', 'disk'],
      ['discard-enable', discard ? '1' : '0'],
    ];
  }

  offers(): Entries {
    return [
      ['feature-max-indirect-segments', String(MAX_INDIRECT_SEGMENTS)],
      ['multi-queue-max-queues', String(MAX_QUEUES)],
      ['max-ring-page-order', String(MAX_RING_PAGE_ORDER)],
    ];
  }

  connect(link: FrontendLink): Entries | Refusal {
    const width = protocolWidth(link, this.domain.width);
    if (isRefusal(width)) return width;
    const count = link.read('multi-queue-num-queues') === undefined ? 1 : link.number('multi-queue-num-queues');
    if (isRefusal(count)) return count;
    if (count < 1 || count > MAX_QUEUES) return refuse('EINVAL', `${count} queues (1 to ${MAX_QUEUES})`);
    const queues: Queue[] = [];
    for (let index = 0; index < count; index++) {
      const queue = this.connectQueue(link, width, index, count === 1 ? '' : `queue-${index}/`);
      if (isRefusal(queue)) return queue;
      queues.push(queue);
    }
    const pages = new GrantedPages(this.hypervisor, this.domain, link.flag('feature-persistent'));
    this.connection = { link, width, pages, queues, pending: [] };
    // Requests may be there already: a front end need not wait for Connected.
    queues.forEach((_, index) => {
      this.kick(index);
    });
    return this.connectedEntries();
  }

  disconnect(): void {
    this.hypervisor.clearHostTimer(this.timer);
    this.connection?.pages.release();
    this.connection = undefined;
  }

  rings(): readonly RingDescription[] {
    const queues = this.connection?.queues ?? [];
    const name = (index: number): string =>
      queues.length === 1 ? `vbd ${this.handle}` : `vbd ${this.handle} queue ${index}`;
    return queues.map(({ ring, port, history }, index) => describeRequestRing(ring, name(index), port, history));
  }

  /** The file behind the disk may have another size now: the guest is told. */
  resized(): void {
    this.disk.measure();
    if (this.connection === undefined) return;
    const { device } = this.connection.link;
    device.write('sectors', String(this.disk.sectors));
    device.announce();
  }

  save(): SavedState {
    const { connection } = this;
    return {
      statistics: { ...this.disk.statistics },
      connection: connection && {
        width: connection.width,
        persistent: connection.pages.persistent,
        kept: connection.pages.save(),
        queues: connection.queues.map(({ ring, port, history }) => ({
          ...{ ring: ring.save(), mfns: [...ring.mfns], port },
          history: history.entries.map((entry) => ({ ...entry, bytes: entry.bytes.slice() })),
        })),
        pending: connection.pending.map((pending) => ({ ...pending, entry: pending.entry.slice() })),
      },
    };
  }

  restore(state: unknown, link: FrontendLink | undefined): void {
    const saved = state as SavedState;
    this.hypervisor.clearHostTimer(this.timer);
    Object.assign(this.disk.statistics, saved.statistics);
    this.connection = undefined;
    if (saved.connection === undefined || link === undefined) return;
    const { width, persistent, kept, pending } = saved.connection;
    const queues = saved.connection.queues.map(({ ring, mfns, port, history }, index): Queue => {
      link.bindPort(port, () => this.kick(index));
      const restored = new RequestRing(this.hypervisor.ram, BLKIF_RING, mfns as Queue['ring']['mfns'], width, ring);
      return { ring: restored, port: port as Port, history: new RequestHistory(history) };
    });
    const pages = new GrantedPages(this.hypervisor, this.domain, persistent, kept);
    this.connection = { link, width, pages, queues, pending: [...pending] };
    this.arm();
  }

  dispose(): void {
    this.hypervisor.clearHostTimer(this.timer);
    this.disk.close();
  }

  private get timer(): string {
    return `vbd ${this.domain.domid}/${this.handle}`;
  }

  private connectedEntries(): Entries {
    const { readOnly, discard } = this.disk.options;
    const discards: Entries = [
      ['discard-granularity', String(BLKIF_SECTOR_BYTES)],
      ['discard-alignment', '0'],
      ['discard-secure', '0'],
      ['feature-discard', '1'],
    ];
    return [
      ['feature-flush-cache', '1'],
      ...(discard && !readOnly ? discards : []),
      ['feature-barrier', '1'],
      ['feature-persistent', '1'],
      ['sectors', String(this.disk.sectors)],
      ['info', String(readOnly ? VDISK_READONLY : 0)],
      ['sector-size', String(BLKIF_SECTOR_BYTES)],
      ['physical-sector-size', String(BLKIF_SECTOR_BYTES)],
    ];
  }

  private connectQueue(link: FrontendLink, width: Width, index: number, prefix: string): Queue | Refusal {
    const event = link.number(`${prefix}event-channel`);
    if (isRefusal(event)) return event;
    const refs = ringReferences(link, prefix);
    if (isRefusal(refs)) return refs;
    const mfns = link.mapPages(refs);
    if (isRefusal(mfns)) return mfns;
    const port = link.bindPort(event, () => this.kick(index));
    if (isRefusal(port)) return port;
    const ring = new RequestRing(this.hypervisor.ram, BLKIF_RING, mfns, width);
    return { ring, port, history: new RequestHistory() };
  }

  /** Takes what the front end has put in; runs within its EVTCHNOP_send. */
  private kick(index: number): void {
    const { connection } = this;
    const queue = connection?.queues[index];
    if (connection === undefined || queue === undefined || !this.domain.present) return;
    const { clock } = this.hypervisor;
    const { ring, history } = queue;
    const idle = connection.pending.length === 0;
    do {
      if (!ring.sound) {
        const produced = ring.read('req_prod');
        connection.link.device.fail(
          refuse(
            'EINVAL',
            `req_prod ${produced} is more than ${ring.size} ahead of the responses (${ring.responseProducer})`,
          ),
        );
        return;
      }
      while (ring.waiting > 0) {
        const entry = ring.take();
        connection.pending.push({ queue: index, entry, deadline: clock.now() + REQUEST_LATENCY });
        history.add({ direction: 'toHost', instructions: clock.instructions, bytes: entry, end: ring.requestConsumer });
      }
    } while (ring.finalCheck());
    if (idle) this.arm();
  }

  private arm(): void {
    const deadline = this.connection?.pending[0]?.deadline;
    if (deadline !== undefined) this.hypervisor.setHostTimer(this.timer, deadline, () => this.complete());
  }

  /** Carries out and answers what has waited long enough. */
  private complete(): void {
    const { connection } = this;
    if (connection === undefined || !this.domain.present) return;
    const { pending, queues, link } = connection;
    const { clock } = this.hypervisor;
    const answered = new Set<Queue>();
    while (pending[0] !== undefined && pending[0].deadline <= clock.now()) {
      const { entry, queue: index } = pending.shift() as Pending;
      const queue = queues[index] as Queue;
      const response = this.respond(entry, connection);
      queue.ring.put(response);
      const end = queue.ring.responseProducer;
      queue.history.add({ direction: 'toGuest', instructions: clock.instructions, bytes: response, end });
      answered.add(queue);
    }
    for (const { ring, port } of answered) if (ring.push()) link.notify(port);
    this.arm();
  }

  private respond(entry: Uint8Array, connection: Connection): Uint8Array {
    const { width } = connection;
    const { pages } = connection;
    const context = { ...this.disk.facts, width, readPage: (ref: number) => this.disk.readPage(ref, pages) };
    const result = this.disk.carryOut(parseRequest(entry, context), pages);
    if (result !== undefined) {
      const operation = BLKIF_OP_NAMES[entry[0] as number] ?? 'a request';
      connection.link.device.report(`${operation} failed: ${result.reason}`);
    }
    const response = new StructView(BLKIF_RESPONSE, width, new Uint8Array(BLKIF_RESPONSE[width].size));
    const request = new StructView(BLKIF_REQUEST, width, entry);
    response.setHalves('id', request.low('id'), request.high('id'));
    // Of an indirect request, the operation that it indirectly was; Linux takes anything else for a broken back end.
    response.set('operation', entry[entry[0] === BLKIF_OP_INDIRECT ? 1 : 0] as number);
    response.set('status', result?.status ?? BLKIF_RSP_OKAY);
    return response.bytes;
  }
}
