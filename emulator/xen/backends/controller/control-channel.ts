/**
 * The control channel of a Xen 2.0 domain as xend drives it (tools/python/xen/xend/server/channel.py): messages of all
 * device controllers over the two rings of the control interface, requests of ours in a queue while the ring is full.
 */
import { assert } from '../../../base/assert.ts';
import { type Disposable, DisposableStore } from '../../../base/disposable.ts';
import type { MachineAddress, Port } from '../../../base/numbers.ts';
import { copyPlain, type PlainObject } from '../../../machine/plain-data.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { isRefusal, refuse } from '../../common/refusal.ts';
import { CMSG_CONSOLE, CONTROL_ID_NONE } from '../../public/xen-2.0/io/domain-controller.ts';
import { type ControlMessage, ControlRing, type ControlRingState } from '../../ring/control-ring.ts';
import { ControlHistory, type ControlRecord, describeControlRing } from '../../ring/describe-control-ring.ts';
import type { RingDescription } from '../../ring/describe-ring.ts';

/** What the controllers behind a channel do. */
export interface ControlClient {
  /** A request of the guest; the payload of the response. May send requests. */
  request(message: ControlMessage): Uint8Array;
  /** There is room for a request: one that has waited outside the queue, if there is one. */
  produce(): ControlMessage | undefined;
  /** A request went one way or the other. */
  observe(record: ControlRecord): void;
}

export class ControlChannel implements Disposable {
  private readonly ring: ControlRing;
  private readonly history = new ControlHistory();
  private readonly disposables = new DisposableStore();
  private queue: ControlMessage[] = [];
  private nextId = 0;
  private pumping = false;
  private saidBroken = false;

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly domain: Domain,
    /** Of the `control_if`. */
    private readonly address: MachineAddress,
    readonly port: Port,
    private readonly client: ControlClient,
  ) {
    this.ring = new ControlRing(hypervisor.ram, address);
    const binding = hypervisor.bindHostPort(domain, port, () => this.pump());
    assert(!isRefusal(binding), 'the control channel of a new domain is unbound');
    this.disposables.add(binding);
  }

  /** Sends a request, now or when there is room. Numbers are those of the domain's own count. */
  send(type: number, subtype: number, payload: Uint8Array): void {
    const id = this.nextId;
    this.nextId = (id + 1) % CONTROL_ID_NONE;
    this.queue.push({ type, subtype, id, payload });
    this.pump();
  }

  /** Bytes of console requests that the guest has not answered. */
  get consoleBytesUnanswered(): number {
    const first = this.ring.state.responses;
    return this.history.records
      .filter(
        ({ from, message, end }) => from === 'controller' && message.type === CMSG_CONSOLE && ((end - first) | 0) > 0,
      )
      .reduce((sum, { message }) => sum + message.payload.length, 0);
  }

  /** Moves messages both ways, and tells the guest when something moved. */
  pump(): void {
    // The page of a domain that is gone may be another's.
    if (this.pumping || this.domain.state === 'destroyed') return;
    this.pumping = true;
    let moved = false;
    let again: boolean;
    do {
      again = this.takeRequests();
      if (this.takeResponses()) again = true;
      if (this.domain.alive && this.sendRequests()) again = true;
      moved ||= again;
    } while (again);
    this.pumping = false;
    if (moved && this.domain.alive) this.hypervisor.notifyGuest(this.domain, this.port);
  }

  describe(): RingDescription {
    return describeControlRing(this.ring, Math.floor(this.address / 4096), this.port, this.history);
  }

  save(): PlainObject {
    const { nextId, saidBroken } = this;
    return copyPlain({
      nextId,
      saidBroken,
      ring: this.ring.save(),
      queue: this.queue,
      records: this.history.records,
    }) as PlainObject;
  }

  restore(state: PlainObject): void {
    const copy = copyPlain(state) as unknown as {
      nextId: number;
      saidBroken: boolean;
      ring: ControlRingState;
      queue: ControlMessage[];
      records: ControlRecord[];
    };
    this.nextId = copy.nextId;
    this.saidBroken = copy.saidBroken;
    this.queue = copy.queue;
    this.history.records = copy.records;
    this.ring.restore(copy.ring);
  }

  dispose(): void {
    this.disposables.dispose();
  }

  private takeRequests(): boolean {
    const { ring } = this;
    if (this.isBroken()) return false;
    const some = ring.waiting > 0;
    while (ring.waiting > 0 && !this.isBroken()) {
      const message = ring.peekRequest();
      this.record(message, 'guest', (ring.state.answered + 1) >>> 0);
      const payload = this.client.request(message);
      ring.answer({ ...message, payload });
    }
    return some;
  }

  private takeResponses(): boolean {
    if (this.isBroken()) return false;
    let some = false;
    while (this.ring.takeResponse() !== undefined) some = true;
    return some;
  }

  private sendRequests(): boolean {
    let some = false;
    while (this.ring.hasRoom) {
      const message = this.queue.shift() ?? this.client.produce();
      if (message === undefined) break;
      this.ring.send(message);
      this.record(message, 'controller', this.ring.state.sent);
      some = true;
    }
    return some;
  }

  /** A guest that broke its index is not listened to until it has put it right. */
  private isBroken(): boolean {
    const { broken } = this.ring;
    if (broken === undefined) {
      this.saidBroken = false;
      return false;
    }
    if (!this.saidBroken) {
      const problem = refuse(
        'EINVAL',
        `${broken} ${this.ring.read(broken)} is no index that the guest can have reached`,
      );
      this.hypervisor.notice(this.domain, 'control interface', problem);
    }
    this.saidBroken = true;
    return true;
  }

  private record(message: ControlMessage, from: ControlRecord['from'], end: number): void {
    const record = { message, from, instructions: this.hypervisor.clock.instructions, end };
    this.history.add(record);
    this.client.observe(record);
  }
}
