import type { DebugSections } from './sections.ts';
import type { Unit } from './unit.ts';

/** A name that is the end of more strings than this is looked for in every unit. */
const MAXIMUM_PLACES = 64;
/** Offsets into .debug_str in 32-bit DWARF. */
const OFFSET_BYTES = 4;

/**
 * Units in which a name may stand, found by looking for the bytes that would refer to it: a kernel has thousands of
 * units, and reading the entries of all of them for one name takes seconds. Some of those found may not have it.
 */
export class NameSearch {
  private readonly found = new Map<string, readonly Unit[]>();

  constructor(
    private readonly sections: DebugSections,
    private readonly units: readonly Unit[],
  ) {}

  /** In the order of the file. All units where names are referred to in ways that bytes do not tell. */
  unitsNaming(name: string): readonly Unit[] {
    const known = this.found.get(name);
    if (known !== undefined) return known;
    const units = this.search(new TextEncoder().encode(`${name}\0`)) ?? this.units;
    this.found.set(name, units);
    return units;
  }

  private search(text: Uint8Array): readonly Unit[] | undefined {
    // Indexes into a table of strings are numbers of any length, and 64-bit DWARF is nobody's kernel.
    if (this.sections.has('str_offsets') || this.units.some(({ header }) => header.is64)) return undefined;
    if (!this.sections.has('info')) return [];
    const { bytes: info } = this.sections.reader('info');
    // The linker lets a string begin inside of a longer one that ends as it does.
    const strings = this.sections.has('str') ? this.sections.reader('str').bytes : new Uint8Array();
    const places = placesOf(strings, text);
    if (places.length > MAXIMUM_PLACES) return undefined;
    const referring = places.flatMap((place) => placesOf(info, littleEndian(place)));
    // Names of a few letters stand in the entries themselves.
    const hits = [...referring, ...placesOf(info, text)].sort((left, right) => left - right);
    return this.unitsAt(hits);
  }

  /** Units that hold any of the offsets, which ascend. */
  private unitsAt(offsets: readonly number[]): readonly Unit[] {
    const found: Unit[] = [];
    let at = 0;
    for (const unit of this.units) {
      while (at < offsets.length && (offsets[at] as number) < unit.header.offset) at++;
      if (at < offsets.length && (offsets[at] as number) < unit.header.end) found.push(unit);
    }
    return found;
  }
}

function littleEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(OFFSET_BYTES);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** All places of a few bytes among many: by the last of them that is not zero, as zeros are everywhere. */
function placesOf(bytes: Uint8Array, wanted: Uint8Array): number[] {
  let key = wanted.length - 1;
  while (key > 0 && wanted[key] === 0) key--;
  const found: number[] = [];
  const byte = wanted[key] as number;
  for (let at = bytes.indexOf(byte, key); at >= 0; at = bytes.indexOf(byte, at + 1)) {
    const start = at - key;
    if (start + wanted.length > bytes.length) break;
    let same = 0;
    while (same < wanted.length && bytes[start + same] === wanted[same]) same++;
    if (same === wanted.length) found.push(start);
  }
  return found;
}
