/** The host's end of a domain's console ring: xenconsoled's place. */

import { assert } from '../../../base/assert.ts';
import { DisposableStore } from '../../../base/disposable.ts';
import type { Mfn, Port } from '../../../base/numbers.ts';
import { type PlainObject, restoreFields, saveFields } from '../../../machine/plain-data.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { isRefusal } from '../../common/refusal.ts';
import { ByteRing } from '../../ring/byte-ring.ts';
import { CONSOLE_RING } from '../../ring/console-ring.ts';
import { describeRing, escapeBytes, type RingDescription } from '../../ring/describe-ring.ts';
import { MessageHistory } from '../../ring/message-history.ts';
import type { DomainConsole } from './domain-console.ts';

/** Fields that are no state of the connection: its surroundings. */
const NOT_SAVED = ['hypervisor', 'domain', 'onOutput', 'ring', 'disposables', 'history', 'port'];

/** Called synchronously from within the guest's event-channel send, so that whoever listens knows the instruction. */
export type ConsoleListener = (bytes: Uint8Array) => void;

export class ConsoleBackend implements DomainConsole {
  readonly history = new MessageHistory();
  private readonly ring;
  private readonly disposables = new DisposableStore();
  /** Typed and not yet taken by the guest's ring. */
  private input: number[] = [];
  private pumping = false;

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly domain: Domain,
    mfn: Mfn,
    readonly port: Port,
    private readonly onOutput: ConsoleListener,
  ) {
    this.ring = new ByteRing(hypervisor.ram, mfn, CONSOLE_RING);
    const binding = hypervisor.bindHostPort(domain, port, () => this.pump());
    assert(!isRefusal(binding), 'the console port of a new domain is unbound');
    this.disposables.add(binding);
  }

  /** Bytes that were typed; what does not fit into the ring waits until the guest has read. */
  sendInput(bytes: Uint8Array): void {
    this.input.push(...bytes);
    this.pump();
  }

  /** Typed bytes that the guest has not taken out of the ring yet. */
  get pendingInput(): number {
    return this.input.length + this.ring.used('toGuest');
  }

  /** Bytes that have not got into the ring, for another connection to the same guest. */
  takeInput(): Uint8Array {
    return Uint8Array.from(this.input.splice(0));
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
  }

  /** Moves bytes both ways and tells the guest when something moved. */
  private pump(): void {
    // The page of a domain that is gone may be another's.
    if (this.domain.state === 'destroyed') return;
    if (this.pumping) return; // A listener typed something: the loop below sees it.
    this.pumping = true;
    let moved: boolean;
    do {
      const output = this.ring.takeAll();
      if (output.length > 0) {
        this.record('toHost', output, this.ring.consumer('toHost'));
        this.onOutput(output);
      }
      const accepted = this.domain.present ? this.ring.put(new Uint8Array(this.input)) : 0;
      if (accepted > 0) {
        this.record('toGuest', new Uint8Array(this.input.slice(0, accepted)), this.ring.producer('toGuest'));
        this.input = this.input.slice(accepted);
      }
      moved = output.length > 0 || accepted > 0;
      if (moved && this.domain.present) this.hypervisor.notifyGuest(this.domain, this.port);
    } while (moved);
    this.pumping = false;
  }

  private record(direction: 'toHost' | 'toGuest', bytes: Uint8Array, end: number): void {
    const { instructions } = this.hypervisor.clock;
    this.history.add({ direction, instructions, summary: escapeBytes(bytes), fields: [], end });
  }
}
