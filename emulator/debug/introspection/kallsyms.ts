/**
 * Finds and decodes the symbol table that a Linux kernel carries in its own read-only data (CONFIG_KALLSYMS), for a
 * kernel whose file has none. Knows the layouts of scripts/kallsyms.c from 4.20 (32-bit markers) on: offsets before the
 * names (to 6.3) or behind the token index (since), with and without absolute per-CPU symbols, long names (since 6.1).
 *
 * NOT IMPLEMENTED: tables of absolute addresses (CONFIG_KALLSYMS_BASE_RELATIVE off: no x86 kernel since 4.6); 32-bit
 * kernels.
 */
import { SYMBOL_KINDS, type SymbolList } from '../../base/symbol-list.ts';

const TOKENS = 256;
const BYTES_PER_INDEX = 2;
/** Every so many symbols there is a marker with their offset in the names. */
const MARKED = 256;
/** Fewest markers of a believable table: 2560 symbols. */
const FEWEST_MARKERS = 10;
/** Bytes of 256 names: each has at least a length and a type, and compressed at most 200 bytes or so. */
const LEAST_STRIDE = 512;
const MOST_STRIDE = 51_200;
/** How far in front of the token table the names may begin. */
const REACH = 64 << 20;

const DIGIT_0 = 0x30;

interface TokenTable {
  readonly start: number;
  /** One past the token index. */
  readonly end: number;
  readonly tokens: readonly string[];
}

interface Names {
  readonly start: number;
  readonly count: number;
  readonly names: readonly string[];
}

/**
 * `image` is the kernel as it lies in memory, its first byte at virtual address `base`. Undefined: no table there (or
 * not yet).
 */
export function readKallsyms(image: Uint8Array, base: number): SymbolList | undefined {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  for (let from = 0; ; ) {
    const digits = findDigits(image, from);
    if (digits < 0) return undefined;
    from = digits + 1;
    const table = tokenTableAt(image, view, digits);
    if (table === undefined) continue;
    const names = findNames(image, view, table);
    if (names === undefined) continue;
    const addresses = findAddresses(view, table, names, base);
    if (addresses !== undefined) return toSymbols(names, addresses);
  }
}

/** "0", "1" … "9" stand for themselves in every token table, one after the other, each ended by a zero byte. */
function findDigits(image: Uint8Array, from: number): number {
  const last = image.length - 20;
  for (let at = image.indexOf(DIGIT_0, from); at >= 0 && at <= last; at = image.indexOf(DIGIT_0, at + 1)) {
    let digit = 0;
    while (digit < 10 && image[at + 2 * digit] === DIGIT_0 + digit && image[at + 2 * digit + 1] === 0) digit++;
    if (digit === 10) return at;
  }
  return -1;
}

/** The table whose token 0x30 is at `digits`: the index that follows it says where it begins, and must fit all of it. */
function tokenTableAt(image: Uint8Array, view: DataView, digits: number): TokenTable | undefined {
  let end = digits;
  for (let token = DIGIT_0; token < TOKENS; token++) {
    const zero = image.indexOf(0, end);
    if (zero < 0 || zero - end > 512) return undefined;
    end = zero + 1;
  }
  const index = align(end, 8);
  const indexEnd = index + TOKENS * BYTES_PER_INDEX;
  if (indexEnd > image.length) return undefined;
  const start = digits - view.getUint16(index + DIGIT_0 * BYTES_PER_INDEX, true);
  if (start < 0) return undefined;
  const tokens: string[] = [];
  let at = start;
  for (let token = 0; token < TOKENS; token++) {
    if (view.getUint16(index + token * BYTES_PER_INDEX, true) !== at - start) return undefined;
    const zero = image.indexOf(0, at);
    tokens.push(text(image, at, zero));
    at = zero + 1;
  }
  return at === end ? { start, end: indexEnd, tokens } : undefined;
}

/** Markers in front of the token table, and the names in front of the markers that they fit. */
function findNames(image: Uint8Array, view: DataView, table: TokenTable): Names | undefined {
  const lowest = Math.max(0, table.start - REACH);
  let markersEnd = table.start - (table.start % 4);
  while (markersEnd > lowest) {
    const run = markerRun(view, markersEnd, lowest);
    if (run.count >= FEWEST_MARKERS && view.getUint32(run.start, true) === 0) {
      const names = namesBefore(image, view, table, run);
      if (names !== undefined) return names;
    }
    markersEnd = run.count > 1 ? run.start + 4 : markersEnd - 4;
  }
  return undefined;
}

interface Markers {
  readonly start: number;
  readonly count: number;
}

/** The longest run of 32-bit words before `end` that rise by believable strides. */
function markerRun(view: DataView, end: number, lowest: number): Markers {
  let start = end - 4;
  while (start - 4 >= lowest) {
    const stride = view.getUint32(start, true) - view.getUint32(start - 4, true);
    if (stride < LEAST_STRIDE || stride > MOST_STRIDE) break;
    start -= 4;
  }
  return { start, count: (end - start) / 4 };
}

function namesBefore(image: Uint8Array, view: DataView, table: TokenTable, markers: Markers): Names | undefined {
  const marker = (index: number): number => view.getUint32(markers.start + 4 * index, true);
  const lastMarker = marker(markers.count - 1);
  const latest = markers.start - lastMarker;
  for (let start = latest - (latest % 8); start >= 8 && latest - start <= MOST_STRIDE; start -= 8) {
    const count = view.getUint32(start - 8, true);
    if (Math.ceil(count / MARKED) !== markers.count) continue;
    const names = decodeNames(image, table, start, markers.start, count, marker);
    if (names !== undefined) return { start, count, names };
  }
  return undefined;
}

/** All names, each led by its type letter; undefined when they do not agree with the markers. */
function decodeNames(
  image: Uint8Array,
  { tokens }: TokenTable,
  start: number,
  end: number,
  count: number,
  marker: (index: number) => number,
): readonly string[] | undefined {
  const names: string[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    if (index % MARKED === 0 && marker(index / MARKED) !== at - start) return undefined;
    let length = image[at++] as number;
    // Since 6.1 a length above 127 takes two bytes, seven bits first.
    if (length >= 0x80) length = (length & 0x7f) | ((image[at++] as number) << 7);
    if (length === 0 || at + length > end) return undefined;
    let name = '';
    for (const stop = at + length; at < stop; at++) name += tokens[image[at] as number] as string;
    names.push(name);
  }
  return names;
}

/** 32-bit offsets and the base they count from: in front of the names' count, or behind the token index. */
function findAddresses(
  view: DataView,
  table: TokenTable,
  names: Names,
  base: number,
): ((index: number) => number) | undefined {
  const size = align(names.count * 4, 8);
  const before = names.start - 16;
  const after = align(table.end, 8) + size;
  for (const [relativeBase, offsets] of [
    [before, before - size],
    [after, after - size],
  ] as const) {
    if (offsets < 0 || relativeBase + 8 > view.byteLength) continue;
    const origin = view.getInt32(relativeBase + 4, true) * 0x1_0000_0000 + view.getUint32(relativeBase, true);
    // The base is the lowest address of the kernel: in the image, or a little outside of what was handed in.
    if (Math.abs(origin - base) > 0x8000_0000) continue;
    return addressReader(view, offsets, origin, names.count);
  }
  return undefined;
}

/**
 * With CONFIG_KALLSYMS_ABSOLUTE_PERCPU an offset from 0 up is an absolute (per-CPU) value and a negative one counts
 * from base - 1 downwards negated; without, all are unsigned distances from the base (kernel/kallsyms.c,
 * kallsyms_sym_address).
 */
function addressReader(view: DataView, offsets: number, origin: number, count: number): (index: number) => number {
  let negative = 0;
  for (let index = 0; index < count; index++) if (view.getInt32(offsets + 4 * index, true) < 0) negative++;
  if (negative * 2 < count) return (index) => origin + view.getUint32(offsets + 4 * index, true);
  return (index) => {
    const offset = view.getInt32(offsets + 4 * index, true);
    return offset >= 0 ? offset : origin - 1 - offset;
  };
}

/** Kinds by nm's letters; those not named here are neither. */
const FUNCTION_LETTERS = 'tTwW';
const OBJECT_LETTERS = 'bBdDrRvVgGsS';

function kindOf(letter: string): number {
  if (FUNCTION_LETTERS.includes(letter)) return SYMBOL_KINDS.indexOf('function');
  return SYMBOL_KINDS.indexOf(OBJECT_LETTERS.includes(letter) ? 'object' : 'other');
}

function toSymbols({ names }: Names, address: (index: number) => number): SymbolList {
  const kept: string[] = [];
  const addresses = new Float64Array(names.length);
  const kinds = new Uint8Array(names.length);
  for (const [index, name] of names.entries()) {
    const letter = name.charAt(0);
    const place = address(index);
    // Absolute values and per-CPU offsets name no place in the kernel's address space.
    if (letter === 'A' || letter === 'a' || place >= 0) continue;
    addresses[kept.length] = place;
    kinds[kept.length] = kindOf(letter);
    kept.push(name.slice(1));
  }
  const count = kept.length;
  return {
    names: kept.join('\n'),
    addresses: addresses.slice(0, count),
    sizes: new Uint32Array(count),
    kinds: kinds.slice(0, count),
  };
}

const align = (value: number, to: number): number => Math.ceil(value / to) * to;

function text(image: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...image.subarray(start, end));
}
