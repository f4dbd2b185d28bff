import { type PlainObject, restoreFields, saveFields } from '../../machine/plain-data.ts';
import type { DecodedArgument } from '../common/trace.ts';
import type { Direction } from './byte-ring.ts';

/** One message that went through a ring, decoded. */
export interface RingRecord {
  readonly direction: Direction;
  /** Executed instructions when it was put in (to the guest) or taken out (to the host). */
  readonly instructions: number;
  readonly summary: string;
  readonly fields: readonly DecodedArgument[];
  /** Ring index just behind its last byte. */
  readonly end: number;
}

const MAX_RECORDS = 256;

/** The latest messages of a ring, oldest first. Plain data. */
export class MessageHistory {
  readonly records: RingRecord[] = [];

  save(): PlainObject {
    return saveFields(this);
  }

  restore(state: PlainObject): void {
    restoreFields(this, state, []);
  }

  add(record: RingRecord): void {
    this.records.push(record);
    if (this.records.length > MAX_RECORDS) this.records.shift();
  }
}
