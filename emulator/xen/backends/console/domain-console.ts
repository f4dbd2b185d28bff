import type { Disposable } from '../../../base/disposable.ts';
import type { PlainObject } from '../../../machine/plain-data.ts';
import type { RingDescription } from '../../ring/describe-ring.ts';

/** A domain's console at the host's end, whatever carries it. What the domain prints goes to a `ConsoleListener`. */
export interface DomainConsole extends Disposable {
  /** Bytes that were typed; they wait until the guest takes them. */
  sendInput(bytes: Uint8Array): void;
  /** Typed bytes that the guest has not taken yet. */
  readonly pendingInput: number;
  /** The ring that carries it, if one does. */
  describe(): RingDescription | undefined;
  save(): PlainObject;
  restore(state: PlainObject): void;
}
