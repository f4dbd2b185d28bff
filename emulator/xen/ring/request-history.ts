import type { Direction } from './byte-ring.ts';

/** One entry that went through a ring of requests and responses, as it was. */
export interface RingEntry {
  readonly direction: Direction;
  /** Executed instructions when it was taken out (request) or put in (response). */
  readonly instructions: number;
  readonly bytes: Uint8Array;
  /** Free-running index just behind it. */
  readonly end: number;
}

const MAX_ENTRIES = 128;

/** The latest entries of a ring, oldest first; decoded only when somebody looks. Plain data. */
export class RequestHistory {
  readonly entries: RingEntry[];

  constructor(entries: readonly RingEntry[] = []) {
    this.entries = [...entries];
  }

  add(entry: RingEntry): void {
    this.entries.push(entry);
    if (this.entries.length > MAX_ENTRIES) this.entries.shift();
  }
}
