/** How many page-table pages a mapping needs and where they lie: xg_dom_x86.c's count_pgtables. */
import { PAGE_SHIFT, PAGE_SIZE } from '../../base/numbers.ts';
import { notEnoughMemory, overlappingMappings } from './errors.ts';

export interface PagingGeometry {
  /** Levels of page tables: 4, or 3 with PAE. */
  readonly levels: number;
  readonly addressBits: number;
  /** Size of a P2M entry. */
  readonly frameBytes: 8 | 4;
}

export const X86_64: PagingGeometry = { levels: 4, addressBits: 48, frameBytes: 8 };
export const PAE: PagingGeometry = { levels: 3, addressBits: 32, frameBytes: 4 };

/** Bits of an address that one level resolves. */
export const LEVEL_BITS = 9;

/** Tables of one level: they cover `from … to` (inclusive, addresses without sign extension). None: tables is 0. */
export interface TableLevel {
  readonly from: number;
  readonly to: number;
  readonly pfn: number;
  readonly tables: number;
}

export interface PageTableMapping {
  /** Inclusive, without sign extension. */
  readonly from: number;
  readonly to: number;
  /** What `from` maps to; following pages follow. */
  readonly pfn: number;
  /** Index 0 is the lowest level (L1). */
  readonly levels: readonly TableLevel[];
  /** Sum over the levels. */
  readonly tables: number;
  /** First page-table page of this mapping. */
  readonly tablesPfn: number;
}

/**
 * `area.from` and `area.to` are signed addresses. Tables that an earlier mapping already has are not counted again;
 * the top-level table belongs to the first mapping.
 * @throws UserError when the pages do not exist or mappings overlap
 */
export function countPageTables(
  geometry: PagingGeometry,
  earlier: readonly PageTableMapping[],
  area: { readonly from: number; readonly to: number; readonly pfn: number },
  tablesPfn: number,
  totalPages: number,
): PageTableMapping {
  const from = unsigned(area.from, geometry);
  const to = unsigned(area.to, geometry);
  const lastPfn = area.pfn + Math.floor((area.to - area.from) / PAGE_SIZE);
  if (lastPfn >= totalPages) throw notEnoughMemory('the initial mapping', lastPfn + 1, totalPages);
  if (earlier.some((mapping) => from < mapping.to && to > mapping.from)) throw overlappingMappings(area.from);

  const levels: TableLevel[] = new Array(geometry.levels);
  const top = geometry.levels - 1;
  let tables = 0;
  levels[top] = { from: 0, to: -1, pfn: tablesPfn, tables: 0 };
  if (earlier.length === 0) {
    levels[top] = { from: 0, to: 2 ** geometry.addressBits - 1, pfn: tablesPfn, tables: 1 };
    tables = 1;
  }
  for (let level = top - 1; level >= 0; level--) {
    const span = 2 ** levelShift(level + 1);
    let first = Math.floor(from / span) * span;
    let last = Math.floor(to / span) * span + span - 1;
    // A PAE guest always gets the L2 of its highest gigabyte: Xen's own entries go there.
    if (needsHighestL2(geometry, earlier, level, to)) last = 2 ** geometry.addressBits - 1;
    for (const mapping of earlier) {
      const other = mapping.levels[level] as TableLevel;
      if (other.tables === 0) continue;
      if (first >= other.from && last <= other.to) {
        first = 0;
        last = -1;
        break;
      }
      if (first >= other.from && first <= other.to) first = other.to + 1;
      if (last >= other.from && last <= other.to) last = other.from - 1;
    }
    const count = first < last ? (last - first + 1) / span : 0;
    levels[level] = { from: first, to: last, pfn: tablesPfn + tables, tables: count };
    tables += count;
  }
  return { from, to, pfn: area.pfn, levels, tables, tablesPfn };
}

export function needsHighestL2(
  geometry: PagingGeometry,
  earlier: readonly PageTableMapping[],
  level: number,
  to: number,
): boolean {
  return geometry === PAE && earlier.length === 0 && level === 1 && to < 0xc0000000;
}

/** Shift of an entry at `level` (0 is L1): 12, 21, 30, 39. */
export function levelShift(level: number): number {
  return PAGE_SHIFT + level * LEVEL_BITS;
}

function unsigned(address: number, geometry: PagingGeometry): number {
  return address < 0 ? address + 2 ** geometry.addressBits : address;
}
