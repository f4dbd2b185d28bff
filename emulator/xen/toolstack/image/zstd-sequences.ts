/** The sequences section of a zstd block: literals and matches in turn (RFC 8878, 3.1.1.3.2 and 3.1.1.4). */
import { corruptPayload } from './errors.ts';
import { copyMatch } from './window-copy.ts';
import { ReverseBits } from './zstd-bits.ts';
import { constantTable, type FseTable, makeFseTable, readFseTable } from './zstd-fse.ts';

/** What one block leaves to the next. */
export interface SequenceState {
  literalLengths: FseTable | undefined;
  offsets: FseTable | undefined;
  matchLengths: FseTable | undefined;
  /** The latest three distances. */
  readonly repeat: [number, number, number];
}

export function newSequenceState(): SequenceState {
  return { literalLengths: undefined, offsets: undefined, matchLengths: undefined, repeat: [1, 4, 8] };
}

/** Extra bits of each code; the codes' values follow from them. */
const LITERAL_LENGTH_BITS = [
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
];
const MATCH_LENGTH_BITS = [
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3,
  3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
];
const LITERAL_LENGTH_BASE = baselines(LITERAL_LENGTH_BITS, 0);
const MATCH_LENGTH_BASE = baselines(MATCH_LENGTH_BITS, 3);
const MAX_OFFSET_CODE = 31;

/** The distributions that need no table of their own (RFC 8878, 3.1.1.3.2.2). */
const DEFAULT_LITERAL_LENGTHS = makeFseTable(
  [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
  6,
);
const DEFAULT_MATCH_LENGTHS = makeFseTable(
  [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
  ],
  6,
);
const DEFAULT_OFFSETS = makeFseTable(
  [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
  5,
);

function baselines(bits: readonly number[], first: number): number[] {
  let value = first;
  return bits.map((extra) => {
    const base = value;
    value += 2 ** extra;
    return base;
  });
}

/** Writes the block's output from `position` on and answers where it ends. `frameStart` bounds distances. */
export function executeSequences(
  bytes: Uint8Array,
  at: number,
  end: number,
  literals: Uint8Array,
  state: SequenceState,
  output: Uint8Array,
  position: number,
  frameStart: number,
): number {
  const header = readHeader(bytes, at, end);
  if (header.count === 0) return appendLiterals(literals, 0, literals.length, output, position);
  const bitsStart = readTables(bytes, header.next, end, state);
  const bits = new ReverseBits(bytes, bitsStart, end);
  const { literalLengths, offsets, matchLengths, repeat } = state as Required<SequenceState>;
  let literalState = bits.read(literalLengths!.log);
  let offsetState = bits.read(offsets!.log);
  let matchState = bits.read(matchLengths!.log);
  let literalAt = 0;
  for (let left = header.count; left > 0; left--) {
    const offsetCode = offsets!.symbol[offsetState]!;
    const matchCode = matchLengths!.symbol[matchState]!;
    const literalCode = literalLengths!.symbol[literalState]!;
    if (offsetCode > MAX_OFFSET_CODE) throw corruptPayload('zstd', 'an unknown offset code');
    const offsetValue = 2 ** offsetCode + bits.read(offsetCode);
    const matchLength = MATCH_LENGTH_BASE[matchCode]! + bits.read(MATCH_LENGTH_BITS[matchCode]!);
    const literalLength = LITERAL_LENGTH_BASE[literalCode]! + bits.read(LITERAL_LENGTH_BITS[literalCode]!);
    if (left > 1) {
      literalState = literalLengths!.base[literalState]! + bits.read(literalLengths!.bits[literalState]!);
      matchState = matchLengths!.base[matchState]! + bits.read(matchLengths!.bits[matchState]!);
      offsetState = offsets!.base[offsetState]! + bits.read(offsets!.bits[offsetState]!);
    }
    if (bits.left < 0) throw corruptPayload('zstd', 'the sequences need more bits than there are');
    position = appendLiterals(literals, literalAt, literalLength, output, position);
    literalAt += literalLength;
    const distance = nextDistance(offsetValue, literalLength, repeat);
    if (distance === 0 || distance > position - frameStart)
      throw corruptPayload('zstd', 'a match reaches too far back');
    if (position + matchLength > output.length) throw corruptPayload('zstd', 'it unpacks to more than it promises');
    copyMatch(output, position, distance, matchLength);
    position += matchLength;
  }
  if (bits.left !== 0) throw corruptPayload('zstd', 'the sequences have the wrong length');
  return appendLiterals(literals, literalAt, literals.length - literalAt, output, position);
}

function readHeader(bytes: Uint8Array, at: number, end: number): { readonly count: number; readonly next: number } {
  if (at >= end) throw corruptPayload('zstd', 'the sequences are missing');
  const first = bytes[at]!;
  if (first < 128) return { count: first, next: at + 1 };
  if (at + 3 > end) throw corruptPayload('zstd', 'the sequences header is cut short');
  if (first < 255) return { count: ((first - 128) << 8) + bytes[at + 1]!, next: at + 2 };
  return { count: bytes[at + 1]! + (bytes[at + 2]! << 8) + 0x7f00, next: at + 3 };
}

/** Brings the three tables up to date; answers where the bit stream starts. */
function readTables(bytes: Uint8Array, at: number, end: number, state: SequenceState): number {
  if (at >= end) throw corruptPayload('zstd', 'the sequences header is cut short');
  const modes = bytes[at]!;
  if ((modes & 3) !== 0) throw corruptPayload('zstd', 'reserved bits are set');
  let next = at + 1;
  const table = (
    mode: number,
    standard: FseTable,
    previous: FseTable | undefined,
    maxLog: number,
    maxSymbol: number,
  ): FseTable => {
    if (mode === 0) return standard;
    if (mode === 3) {
      if (previous === undefined) throw corruptPayload('zstd', 'sequences refer to a table that was never given');
      return previous;
    }
    if (mode === 1) {
      const symbol = next < end ? bytes[next++]! : 256;
      if (symbol > maxSymbol) throw corruptPayload('zstd', 'an unknown code');
      return constantTable(symbol);
    }
    const read = readFseTable(bytes, next, end, maxLog, maxSymbol);
    next = read.next;
    return read.table;
  };
  const literalMax = LITERAL_LENGTH_BITS.length - 1;
  const matchMax = MATCH_LENGTH_BITS.length - 1;
  state.literalLengths = table(modes >> 6, DEFAULT_LITERAL_LENGTHS, state.literalLengths, 9, literalMax);
  state.offsets = table((modes >> 4) & 3, DEFAULT_OFFSETS, state.offsets, 8, MAX_OFFSET_CODE);
  state.matchLengths = table((modes >> 2) & 3, DEFAULT_MATCH_LENGTHS, state.matchLengths, 9, matchMax);
  return next;
}

/** Values 1 to 3 mean one of the latest distances; which one depends on whether literals came before. */
function nextDistance(value: number, literalLength: number, repeat: [number, number, number]): number {
  if (value > 3) {
    repeat[2] = repeat[1];
    repeat[1] = repeat[0];
    repeat[0] = value - 3;
    return repeat[0];
  }
  const index = literalLength === 0 ? value : value - 1;
  if (index === 0) return repeat[0];
  const distance = index === 3 ? repeat[0] - 1 : repeat[index]!;
  if (index > 1) repeat[2] = repeat[1];
  repeat[1] = repeat[0];
  repeat[0] = distance;
  return distance;
}

function appendLiterals(
  literals: Uint8Array,
  from: number,
  count: number,
  output: Uint8Array,
  position: number,
): number {
  if (from + count > literals.length) throw corruptPayload('zstd', 'there are too few literals');
  if (position + count > output.length) throw corruptPayload('zstd', 'it unpacks to more than it promises');
  for (let index = 0; index < count; index++) output[position + index] = literals[from + index]!;
  return position + count;
}
