/** The host's end of a domain's xenstore ring: xenstored's place. */
import { assert } from '../../../base/assert.ts';
import type { Disposable } from '../../../base/disposable.ts';
import { DisposableStore } from '../../../base/disposable.ts';
import type { Mfn, Port } from '../../../base/numbers.ts';
import { type PlainObject, restoreFields, saveFields } from '../../../machine/plain-data.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { isRefusal } from '../../common/refusal.ts';
import { ByteRing } from '../../ring/byte-ring.ts';
import { describeRing, type RingDescription } from '../../ring/describe-ring.ts';
import { MessageHistory } from '../../ring/message-history.ts';
import { XENSTORE_RING } from '../../ring/xenstore-ring.ts';
import { decodeMessage, encodeMessage, messageFields, summarize, type XsMessage } from './protocol.ts';
import { processRequest } from './requests.ts';
import type { Connection, XenStore } from './store.ts';

/** Values of the ring page's `error` field (XENSTORE_ERROR_…). */
const ERROR_RING_INDEX = 2;
const ERROR_PROTOCOL = 3;
/** XENSTORE_SERVER_FEATURE_ERROR: the field above is used. */
const FEATURE_ERROR = 2;
/** Requests wait in the ring while this many replies wait to get out. */
const OUTBOX_LIMIT = 64;

/** Fields that are no state of the connection: its surroundings. */
const NOT_SAVED = [
  'hypervisor',
  'domain',
  'store',
  'onMessage',
  'ring',
  'connection',
  'disposables',
  'history',
  'port',
];

/** One decoded message, for traces. */
export type XenstoreListener = (direction: 'toHost' | 'toGuest', message: XsMessage) => void;

export class XenstoreBackend implements Disposable {
  readonly history = new MessageHistory();
  /** Why the connection was given up, once it was. */
  problem: string | undefined;
  private readonly ring;
  private readonly connection: Connection;
  private readonly disposables = new DisposableStore();
  /** Bytes of a request that has not arrived whole. */
  private incoming: Uint8Array = new Uint8Array(0);
  /** Bytes of a message that has not fitted whole. */
  private outgoing: Uint8Array = new Uint8Array(0);
  private pumping = false;

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly domain: Domain,
    mfn: Mfn,
    readonly port: Port,
    private readonly store: XenStore,
    private readonly onMessage: XenstoreListener = () => {},
  ) {
    this.ring = new ByteRing(hypervisor.ram, mfn, XENSTORE_RING);
    this.ring.write32('server_features', FEATURE_ERROR);
    this.connection = store.introduce(domain.domid);
    const binding = hypervisor.bindHostPort(domain, port, () => this.pump());
    assert(!isRefusal(binding), 'the xenstore port of a new domain is unbound');
    this.disposables.add(binding);
  }

  /** Moves what can be moved both ways, carrying out requests, and tells the guest when something moved. */
  pump(): void {
    if (this.pumping || this.problem !== undefined || this.domain.state === 'destroyed') return;
    this.pumping = true;
    let moved = false;
    for (;;) {
      const sent = this.flushOutbox();
      const received = this.problem === undefined && this.connection.outbox.length < OUTBOX_LIMIT && this.receive();
      if (!sent && !received) break;
      moved = true;
    }
    this.pumping = false;
    if (moved && this.domain.present) this.hypervisor.notifyGuest(this.domain, this.port);
  }

  describe(): RingDescription {
    return describeRing(this.ring, this.port, this.history);
  }

  save(): PlainObject {
    return { ...saveFields(this, NOT_SAVED), history: this.history.save() };
  }

  restore(state: PlainObject): void {
    const { history, ...fields } = state;
    restoreFields(this, fields, NOT_SAVED);
    this.history.restore(history as PlainObject);
  }

  dispose(): void {
    this.disposables.dispose();
    this.store.release(this.domain.domid);
  }

  /** Takes bytes from the ring and carries out the requests that are complete. */
  private receive(): boolean {
    if (!this.ring.sound('toHost') || !this.ring.sound('toGuest')) {
      this.giveUp(ERROR_RING_INDEX, 'the guest broke its ring indexes');
      return false;
    }
    const bytes = this.ring.takeAll();
    if (bytes.length === 0) return false;
    const stream = joined(this.incoming, bytes);
    let at = 0;
    for (;;) {
      const decoded = decodeMessage(stream.subarray(at));
      if (decoded.kind === 'too-long') {
        this.giveUp(ERROR_PROTOCOL, `the guest announced a message of ${decoded.length} bytes`);
        return true;
      }
      if (decoded.kind === 'incomplete') break;
      at += decoded.length;
      this.record('toHost', decoded.message, this.ring.consumer('toHost') - (stream.length - at));
      processRequest(this.store, this.connection, decoded.message);
    }
    this.incoming = stream.slice(at);
    return true;
  }

  private flushOutbox(): boolean {
    let moved = false;
    for (;;) {
      if (this.outgoing.length === 0) {
        const message = this.connection.outbox.shift();
        if (message === undefined) return moved;
        this.outgoing = encodeMessage(message);
        this.record('toGuest', message, this.ring.producer('toGuest') + this.outgoing.length);
      }
      const count = this.domain.present ? this.ring.put(this.outgoing) : 0;
      if (count === 0) return moved;
      moved = true;
      this.outgoing = this.outgoing.slice(count);
    }
  }

  private giveUp(code: number, problem: string): void {
    this.problem = problem;
    this.ring.write32('error', code);
    this.hypervisor.trace.notice?.(this.domain, `xenstore: ${problem}; the connection is closed`);
  }

  private record(direction: 'toHost' | 'toGuest', message: XsMessage, end: number): void {
    const { instructions } = this.hypervisor.clock;
    const fields = messageFields(message);
    this.history.add({ direction, instructions, summary: summarize(message), fields, end: end >>> 0 });
    this.onMessage(direction, message);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
