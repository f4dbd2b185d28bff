import type { Entry } from './entry.ts';
import { MalformedDwarf } from './malformed.ts';
import { baseAddress } from './ranges.ts';
import type { Unit } from './unit.ts';

/** DW_LLE_* (DWARF 5, 7.7.3), and GNU's for the views of locations. */
const LLE = {
  end_of_list: 0,
  base_addressx: 1,
  startx_endx: 2,
  startx_length: 3,
  offset_pair: 4,
  default_location: 5,
  base_address: 6,
  start_end: 7,
  start_length: 8,
  GNU_view_pair: 9,
} as const;

const MAXIMUM_ENTRIES = 1_000_000;

/** The location expression of an attribute that holds at an address; undefined: there is none there. */
export function locationAt(entry: Entry, attribute: number, pc: number): Uint8Array | undefined {
  const value = entry.get(attribute);
  if (value === undefined) return undefined;
  if (value.kind === 'block') return value.bytes;
  const { unit } = entry;
  if (unit.header.version < 5) return findOld(unit, entry.sectionOffset(attribute) ?? 0, pc);
  if (value.kind !== 'index') return find(unit, entry.sectionOffset(attribute) ?? 0, pc);
  const { is64 } = unit.header;
  const base = unit.bases.locations;
  const offset = unit.sections.reader('loclists', base + value.index * (is64 ? 8 : 4)).offset(is64);
  return find(unit, base + offset, pc);
}

/** .debug_loc of DWARF 2 to 4: as .debug_ranges, with an expression behind each pair. */
function findOld(unit: Unit, offset: number, pc: number): Uint8Array | undefined {
  const { addressSize } = unit.header;
  const reader = unit.sections.reader('loc', offset);
  const highest = addressSize === 8 ? -1 : 0xffffffff;
  let base = baseAddress(unit);
  for (let count = 0; count < MAXIMUM_ENTRIES; count++) {
    const low = reader.address(addressSize);
    const high = reader.address(addressSize);
    if (low === 0 && high === 0) return undefined;
    if (low === highest) {
      base = high;
      continue;
    }
    const expression = reader.block(reader.u16());
    if (pc >= base + low && pc < base + high) return expression;
  }
  throw new MalformedDwarf('A list of locations does not end.');
}

function find(unit: Unit, offset: number, pc: number): Uint8Array | undefined {
  const { addressSize } = unit.header;
  const reader = unit.sections.reader('loclists', offset);
  let base = baseAddress(unit);
  let otherwise: Uint8Array | undefined;
  for (let count = 0; count < MAXIMUM_ENTRIES; count++) {
    const kind = reader.u8();
    let low = 0;
    let high = 0;
    switch (kind) {
      case LLE.end_of_list:
        return otherwise;
      case LLE.base_addressx:
        base = unit.address(reader.uleb());
        continue;
      case LLE.base_address:
        base = reader.address(addressSize);
        continue;
      case LLE.GNU_view_pair:
        reader.skipLeb();
        reader.skipLeb();
        continue;
      case LLE.default_location:
        otherwise = reader.block(reader.uleb());
        continue;
      case LLE.startx_endx:
        low = unit.address(reader.uleb());
        high = unit.address(reader.uleb());
        break;
      case LLE.startx_length:
        low = unit.address(reader.uleb());
        high = low + reader.uleb();
        break;
      case LLE.offset_pair:
        low = base + reader.uleb();
        high = base + reader.uleb();
        break;
      case LLE.start_end:
        low = reader.address(addressSize);
        high = reader.address(addressSize);
        break;
      case LLE.start_length:
        low = reader.address(addressSize);
        high = low + reader.uleb();
        break;
      default:
        throw new MalformedDwarf(`A list of locations has an entry of kind ${kind}.`);
    }
    const expression = reader.block(reader.uleb());
    if (pc >= low && pc < high) return expression;
  }
  throw new MalformedDwarf('A list of locations does not end.');
}
