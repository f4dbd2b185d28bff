/** Finite-state-entropy tables of zstd (RFC 8878, 4.1). */
import { corruptPayload } from './errors.ts';
import { highestBit } from './zstd-bits.ts';

export interface FseTable {
  /** The table has 2^log states. */
  readonly log: number;
  /** By state: what it stands for, how many bits to read for the next state, and what to add to them. */
  readonly symbol: Uint8Array;
  readonly bits: Uint8Array;
  readonly base: Uint16Array;
}

/** A table that always gives one symbol and reads no bits. */
export function constantTable(symbol: number): FseTable {
  return { log: 0, symbol: new Uint8Array([symbol]), bits: new Uint8Array(1), base: new Uint16Array(1) };
}

/** Reads a table description that starts at a byte; `next` is the byte behind it. */
export function readFseTable(
  bytes: Uint8Array,
  at: number,
  end: number,
  maxLog: number,
  maxSymbol: number,
): { readonly table: FseTable; readonly next: number } {
  let position = at * 8;
  const limit = end * 8;
  const peek = (count: number): number => {
    const byte = position >> 3;
    const word = bytes[byte]! | (bytes[byte + 1]! << 8) | (bytes[byte + 2]! << 16);
    return (word >> (position & 7)) & ((1 << count) - 1);
  };
  if (at >= end) throw corruptPayload('zstd', 'a table description is missing');
  const log = peek(4) + 5;
  position += 4;
  if (log > maxLog) throw corruptPayload('zstd', `a table of 2^${log} states`);
  const counts: number[] = [];
  // One more than what is left to distribute, as the format counts.
  let remaining = (1 << log) + 1;
  while (remaining > 1) {
    if (position >= limit || counts.length > maxSymbol)
      throw corruptPayload('zstd', 'a table description runs too far');
    const width = highestBit(remaining) + 1;
    const half = 1 << (width - 1);
    const short = 2 * half - 1 - remaining;
    const value = peek(width);
    let count = value & (half - 1);
    if (count < short) position += width - 1;
    else {
      count = value >= half ? value - short : value;
      position += width;
    }
    // Stored plus one: -1 stands for "less than one in the table".
    count--;
    remaining -= Math.abs(count);
    counts.push(count);
    if (count === 0) {
      let repeat: number;
      do {
        repeat = peek(2);
        position += 2;
        for (let zero = 0; zero < repeat; zero++) counts.push(0);
        if (counts.length > maxSymbol + 1 || position > limit) {
          throw corruptPayload('zstd', 'a table description runs too far');
        }
      } while (repeat === 3);
    }
  }
  if (remaining !== 1 || position > limit) throw corruptPayload('zstd', 'a table description does not add up');
  return { table: makeFseTable(counts, log), next: (position + 7) >> 3 };
}

/** Builds a table from how often each symbol occurs among 2^log states; -1 counts as one, at the end. */
export function makeFseTable(counts: readonly number[], log: number): FseTable {
  const size = 1 << log;
  const symbol = new Uint8Array(size);
  const next = new Uint16Array(counts.length);
  let high = size;
  for (const [index, count] of counts.entries()) {
    next[index] = Math.abs(count);
    if (count === -1) symbol[--high] = index;
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  for (const [index, count] of counts.entries()) {
    for (let left = count; left > 0; left--) {
      symbol[at] = index;
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  }
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const value = next[symbol[state]!]!++;
    bits[state] = log - highestBit(value);
    base[state] = (value << bits[state]!) - size;
  }
  return { log, symbol, bits, base };
}
