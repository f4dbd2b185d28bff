/** The literals section of a zstd block and its Huffman codes (RFC 8878, 3.1.1.3.1 and 4.2). */
import { corruptPayload } from './errors.ts';
import { highestBit, ReverseBits } from './zstd-bits.ts';
import { readFseTable } from './zstd-fse.ts';

export interface HuffmanTable {
  readonly maxBits: number;
  /** By the next maxBits bits: the symbol and the length of its code. */
  readonly symbol: Uint8Array;
  readonly length: Uint8Array;
}

export interface Literals {
  readonly bytes: Uint8Array;
  /** Offset of the sequences section. */
  readonly next: number;
  /** For a later block without a table of its own. */
  readonly table: HuffmanTable | undefined;
}

const RAW = 0;
const RLE = 1;
const TREELESS = 3;
const MAX_LITERALS = 128 * 1024;
const MAX_CODE_BITS = 11;

export function readLiterals(bytes: Uint8Array, at: number, end: number, previous: HuffmanTable | undefined): Literals {
  if (at >= end) throw corruptPayload('zstd', 'a block is empty');
  const type = bytes[at]! & 3;
  const format = (bytes[at]! >> 2) & 3;
  if (type === RAW || type === RLE) {
    const headerSize = (format & 1) === 0 ? 1 : format === 1 ? 2 : 3;
    const size = headerSize === 1 ? bytes[at]! >> 3 : littleEndian(bytes, at, headerSize) >> 4;
    const start = at + headerSize;
    const stored = type === RAW ? size : 1;
    if (size > MAX_LITERALS || start + stored > end) throw corruptPayload('zstd', 'literals run too far');
    const literals = type === RAW ? bytes.subarray(start, start + size) : new Uint8Array(size).fill(bytes[start]!);
    return { bytes: literals, next: start + stored, table: previous };
  }
  const headerSize = [3, 3, 4, 5][format]!;
  const sizeBits = [10, 10, 14, 18][format]!;
  if (at + headerSize > end) throw corruptPayload('zstd', 'a literals header is cut short');
  const header = littleEndian(bytes, at, headerSize);
  const size = Math.floor(header / 16) % 2 ** sizeBits;
  const packed = Math.floor(header / 2 ** (4 + sizeBits)) % 2 ** sizeBits;
  const next = at + headerSize + packed;
  if (size > MAX_LITERALS || next > end) throw corruptPayload('zstd', 'literals run too far');
  let start = at + headerSize;
  let table = previous;
  if (type !== TREELESS) ({ table, next: start } = readHuffmanTable(bytes, start, next));
  if (table === undefined) throw corruptPayload('zstd', 'literals refer to a table that was never given');
  const literals = new Uint8Array(size);
  if (format === 0) decodeStream(bytes, start, next, table, literals, 0, size);
  else decodeFourStreams(bytes, start, next, table, literals);
  return { bytes: literals, next, table };
}

function decodeFourStreams(bytes: Uint8Array, start: number, end: number, table: HuffmanTable, into: Uint8Array): void {
  if (start + 6 > end) throw corruptPayload('zstd', 'a jump table is cut short');
  const quarter = (into.length + 3) >> 2;
  let from = start + 6;
  for (let stream = 0; stream < 4; stream++) {
    const to = stream === 3 ? end : from + littleEndian(bytes, start + stream * 2, 2);
    const first = Math.min(stream * quarter, into.length);
    const last = stream === 3 ? into.length : Math.min(first + quarter, into.length);
    if (to > end) throw corruptPayload('zstd', 'a literals stream runs too far');
    decodeStream(bytes, from, to, table, into, first, last);
    from = to;
  }
}

function decodeStream(
  bytes: Uint8Array,
  start: number,
  end: number,
  table: HuffmanTable,
  into: Uint8Array,
  first: number,
  last: number,
): void {
  const bits = new ReverseBits(bytes, start, end);
  const { maxBits, symbol, length } = table;
  for (let at = first; at < last; at++) {
    const index = bits.peek(maxBits);
    into[at] = symbol[index]!;
    bits.left -= length[index]!;
  }
  if (bits.left !== 0) throw corruptPayload('zstd', 'a literals stream has the wrong length');
}

function readHuffmanTable(
  bytes: Uint8Array,
  at: number,
  end: number,
): { readonly table: HuffmanTable; readonly next: number } {
  if (at >= end) throw corruptPayload('zstd', 'a table of codes is missing');
  const header = bytes[at]!;
  const direct = header >= 128;
  const count = header - 127;
  const next = at + 1 + (direct ? (count + 1) >> 1 : header);
  if (next > end) throw corruptPayload('zstd', 'a table of codes is cut short');
  const weights = direct
    ? Array.from({ length: count }, (_, index) => (bytes[at + 1 + (index >> 1)]! >> (index % 2 === 0 ? 4 : 0)) & 15)
    : unpackWeights(bytes, at + 1, next);
  return { table: makeHuffmanTable(weights), next };
}

/** Two FSE states take turns until the bits are used up. */
function unpackWeights(bytes: Uint8Array, at: number, end: number): number[] {
  const { table, next } = readFseTable(bytes, at, end, 6, 255);
  const bits = new ReverseBits(bytes, next, end);
  const states = [bits.read(table.log), bits.read(table.log)];
  const weights: number[] = [];
  for (let turn = 0; ; turn = 1 - turn) {
    const state = states[turn]!;
    weights.push(table.symbol[state]!);
    if (weights.length > 254) throw corruptPayload('zstd', 'too many codes');
    if (bits.left < table.bits[state]!) {
      weights.push(table.symbol[states[1 - turn]!]!);
      return weights;
    }
    states[turn] = table.base[state]! + bits.read(table.bits[state]!);
  }
}

/** The last symbol's weight is not stored: it fills the sum up to a power of two. */
function makeHuffmanTable(weights: number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    if (weight > MAX_CODE_BITS) throw corruptPayload('zstd', `a code of ${weight} bits`);
    if (weight > 0) sum += 1 << (weight - 1);
  }
  if (sum === 0) throw corruptPayload('zstd', 'a table without codes');
  const maxBits = highestBit(sum) + 1;
  const rest = (1 << maxBits) - sum;
  if (maxBits > MAX_CODE_BITS || (rest & (rest - 1)) !== 0) throw corruptPayload('zstd', 'codes that do not add up');
  const all = [...weights, highestBit(rest) + 1];
  const symbol = new Uint8Array(1 << maxBits);
  const length = new Uint8Array(1 << maxBits);
  let at = 0;
  for (let weight = 1; weight <= maxBits; weight++) {
    for (const [index, other] of all.entries()) {
      if (other !== weight) continue;
      const entries = 1 << (weight - 1);
      symbol.fill(index, at, at + entries);
      length.fill(maxBits + 1 - weight, at, at + entries);
      at += entries;
    }
  }
  return { maxBits, symbol, length };
}

/** At most 5 bytes, as a double. */
function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = count - 1; index >= 0; index--) value = value * 256 + (bytes[at + index] ?? 0);
  return value;
}
