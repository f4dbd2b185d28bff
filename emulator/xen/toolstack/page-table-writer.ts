/** Fills a new domain's page tables: xg_dom_x86.c's setup_pgtables_pv. */
import type { DomainLayout } from './domain-layout.ts';
import { levelShift, type PageTableMapping } from './page-table-layout.ts';

const PRESENT = 0x001;
const WRITABLE = 0x002;
const USER = 0x004;
const ACCESSED = 0x020;
const DIRTY = 0x040;
const PAGE_FLAGS = PRESENT | WRITABLE | ACCESSED;
const TABLE_FLAGS = PRESENT | WRITABLE | USER | ACCESSED | DIRTY;

/** Stores entry `index` of the table at `tablePfn`: it points to `targetPfn`, with these low bits. */
export type WriteEntry = (tablePfn: number, index: number, targetPfn: number, flags: number) => void;

/** Calls `write` for every entry. Pages that are page tables themselves are mapped read-only. */
export function writePageTables(layout: DomainLayout, write: WriteEntry): void {
  for (let level = layout.geometry.levels - 1; level >= 0; level--) {
    for (const owner of layout.mappings) {
      if ((owner.levels[level]?.tables ?? 0) === 0) continue;
      for (const target of layout.mappings) writeLevel(layout, owner, target, level, write);
    }
  }
}

function writeLevel(
  layout: DomainLayout,
  owner: PageTableMapping,
  target: PageTableMapping,
  level: number,
  write: WriteEntry,
): void {
  const tables = owner.levels[level]!;
  const mapped = level === 0 ? target : target.levels[level - 1]!;
  if (level > 0 && target.levels[level - 1]!.tables === 0) return;
  const from = Math.max(tables.from, mapped.from);
  const to = Math.min(tables.to, mapped.to);
  if (from > to) return;
  const span = 2 ** levelShift(level);
  let pfn = Math.floor((from - mapped.from) / span) + mapped.pfn;
  const last = Math.floor((to - tables.from) / span);
  for (let entry = Math.floor((from - tables.from) / span); entry <= last; entry++, pfn++) {
    const flags = level > 0 ? TABLE_FLAGS : isPageTable(layout, pfn) ? PAGE_FLAGS & ~WRITABLE : PAGE_FLAGS;
    write(tables.pfn + (entry >> 9), entry & 511, pfn, flags);
  }
}

function isPageTable(layout: DomainLayout, pfn: number): boolean {
  return layout.mappings.some((mapping) => pfn >= mapping.tablesPfn && pfn < mapping.tablesPfn + mapping.tables);
}
