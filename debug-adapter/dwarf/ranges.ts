import { AT } from './constants.ts';
import type { DataReader } from './data-reader.ts';
import type { Entry } from './entry.ts';
import { MalformedDwarf } from './malformed.ts';
import type { Unit } from './unit.ts';

/** Addresses from `low` to before `high`. */
export interface PcRange {
  readonly low: number;
  readonly high: number;
}

/** DW_RLE_* (DWARF 5, 7.25). */
const RLE = {
  end_of_list: 0,
  base_addressx: 1,
  startx_endx: 2,
  startx_length: 3,
  offset_pair: 4,
  base_address: 5,
  start_end: 6,
  start_length: 7,
} as const;

/** No list of a compiler has more; one that seems to runs through garbage. */
const MAXIMUM_RANGES = 1_000_000;

/** What addresses an entry covers, from its low and high pc or its list of ranges; empty: it has no code. */
export function readRanges(entry: Entry): readonly PcRange[] {
  const list = entry.get(AT.ranges);
  if (list === undefined) {
    const low = entry.address(AT.low_pc);
    const high = entry.highPc;
    return low === undefined || high === undefined || high <= low ? [] : [{ low, high }];
  }
  const { unit } = entry;
  const { version } = unit.header;
  if (version < 5) return readOldList(unit, entry.sectionOffset(AT.ranges) ?? 0);
  const offset = list.kind === 'index' ? indexedOffset(unit, list.index) : entry.sectionOffset(AT.ranges);
  return readList(unit, unit.sections.reader('rnglists', offset));
}

/** Where the list with an index begins: offsets are relative to the table of offsets itself. */
function indexedOffset(unit: Unit, index: number): number {
  const { is64 } = unit.header;
  const base = unit.bases.ranges;
  return base + unit.sections.reader('rnglists', base + index * (is64 ? 8 : 4)).offset(is64);
}

/** Low pc of the unit: what lists are relative to until they say otherwise. */
export const baseAddress = (unit: Unit): number => unit.root.address(AT.low_pc) ?? 0;

/** .debug_ranges of DWARF 2 to 4: pairs up to one of zeros; a first of all ones sets the base. */
function readOldList(unit: Unit, offset: number): readonly PcRange[] {
  const { addressSize } = unit.header;
  const reader = unit.sections.reader('ranges', offset);
  const found: PcRange[] = [];
  let base = baseAddress(unit);
  const highest = addressSize === 8 ? -1 : 0xffffffff;
  while (found.length < MAXIMUM_RANGES) {
    const first = reader.address(addressSize);
    const second = reader.address(addressSize);
    if (first === 0 && second === 0) return found;
    if (first === highest) base = second;
    else if (second > first) found.push({ low: base + first, high: base + second });
  }
  throw new MalformedDwarf('A list of address ranges does not end.');
}

function readList(unit: Unit, reader: DataReader): readonly PcRange[] {
  const { addressSize } = unit.header;
  const found: PcRange[] = [];
  let base = baseAddress(unit);
  const add = (low: number, high: number): void => {
    if (high > low) found.push({ low, high });
  };
  while (found.length < MAXIMUM_RANGES) {
    const kind = reader.u8();
    switch (kind) {
      case RLE.end_of_list:
        return found;
      case RLE.base_addressx:
        base = unit.address(reader.uleb());
        break;
      case RLE.startx_endx:
        add(unit.address(reader.uleb()), unit.address(reader.uleb()));
        break;
      case RLE.startx_length: {
        const low = unit.address(reader.uleb());
        add(low, low + reader.uleb());
        break;
      }
      case RLE.offset_pair: {
        const low = base + reader.uleb();
        add(low, base + reader.uleb());
        break;
      }
      case RLE.base_address:
        base = reader.address(addressSize);
        break;
      case RLE.start_end:
        add(reader.address(addressSize), reader.address(addressSize));
        break;
      case RLE.start_length: {
        const low = reader.address(addressSize);
        add(low, low + reader.uleb());
        break;
      }
      default:
        throw new MalformedDwarf(`A list of address ranges has an entry of kind ${kind}.`);
    }
  }
  throw new MalformedDwarf('A list of address ranges does not end.');
}

export const covers = (ranges: readonly PcRange[], pc: number): boolean =>
  ranges.some(({ low, high }) => pc >= low && pc < high);
