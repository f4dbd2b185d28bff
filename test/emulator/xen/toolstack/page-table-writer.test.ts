import { describe, expect, test } from 'vitest';
import { planDomain } from '../../../../emulator/xen/toolstack/domain-layout.ts';
import { readKernelImage } from '../../../../emulator/xen/toolstack/image/kernel-image.ts';
import { writePageTables } from '../../../../emulator/xen/toolstack/page-table-writer.ts';
import { grubLike, linuxLike } from './synthetic-kernels.ts';

interface Entry {
  readonly pfn: number;
  readonly flags: number;
}

/** The tables as written, and a walk of our own over them. */
function build(kernel: Uint8Array, pages: number, ramdiskSize?: number) {
  const layout = planDomain(readKernelImage(kernel), pages, ramdiskSize);
  const tables = new Map<number, Map<number, Entry>>();
  writePageTables(layout, (table, index, pfn, flags) => {
    const entries = tables.get(table) ?? new Map<number, Entry>();
    if (entries.has(index)) throw new Error(`entry ${index} of table ${table} is written twice`);
    entries.set(index, { pfn, flags });
    tables.set(table, entries);
  });
  const walk = (address: bigint, levels: number): Entry | undefined => {
    let table = layout.pageTables.pfn;
    for (let level = levels - 1; ; level--) {
      const index = Number((address >> BigInt(12 + 9 * level)) & 511n);
      const entry = tables.get(table)?.get(index);
      if (entry === undefined || level === 0) return entry;
      // Tables: present, writable, user, accessed, dirty.
      if (entry.flags !== 0x67) throw new Error(`entry ${index} of table ${table} has flags ${entry.flags}`);
      table = entry.pfn;
    }
  };
  return { layout, tables, walk };
}

/** Pages below `count` for which the check fails. */
function wrongPages(count: number, right: (pfn: number) => boolean): number[] {
  return Array.from({ length: count }, (_, pfn) => pfn).filter((pfn) => !right(pfn));
}

describe("Linux's tables", () => {
  const { layout, tables, walk } = build(linuxLike(), 65536, 0x231eec);
  const BASE = 0xffffffff80000000n;

  test('every page from VIRT_BASE to the end of the mapping is its own pfn, and nothing beyond is mapped', () => {
    const mapped = 0x4c00;
    expect(wrongPages(mapped, (pfn) => walk(BASE + BigInt(pfn) * 4096n, 4)?.pfn === pfn)).toEqual([]);
    expect(walk(BASE + BigInt(mapped) * 4096n, 4)).toBeUndefined();
    expect(walk(BASE - 4096n, 4)).toBeUndefined();
    expect(walk(0n, 4)).toBeUndefined();
  });

  test('page tables are read-only, everything else writable', () => {
    const isTable = (pfn: number): boolean => pfn >= 0x4a03 && pfn < 0x4a2c;
    const flags = (pfn: number): number | undefined => walk(BASE + BigInt(pfn) * 4096n, 4)?.flags;
    expect(wrongPages(0x4c00, (pfn) => flags(pfn) === (isTable(pfn) ? 0x21 : 0x23))).toEqual([]);
  });

  test('the P2M at INIT_P2M: 128 pages, its three tables not mapped there', () => {
    for (let index = 0; index < 0x80; index++) {
      expect(walk(0x8000000000n + BigInt(index) * 4096n, 4)).toEqual({ pfn: 0x4e32 + index, flags: 0x23 });
    }
    expect(walk(0x8000080000n, 4)).toBeUndefined();
  });

  test('only page-table pages are used as tables', () => {
    const own = (pfn: number): boolean => (pfn >= 0x4a03 && pfn < 0x4a2c) || (pfn >= 0x4eb2 && pfn < 0x4eb5);
    expect([...tables.keys()].every(own)).toBe(true);
    expect(tables.size).toBe(0x29 + 3);
    expect(layout.p2m.pages).toBe(0x83);
  });
});

test("GRUB's tables (64 bit): 8 MiB from address 0", () => {
  const { walk } = build(grubLike(64), 16384);
  for (let pfn = 0; pfn < 0x800; pfn++) expect(walk(BigInt(pfn) * 4096n, 4)?.pfn).toBe(pfn);
  expect(walk(0x800000n, 4)).toBeUndefined();
  expect(walk(0x637000n, 4)?.flags).toBe(0x21);
});

test("GRUB's tables (PAE): all four L2 tables are there", () => {
  const { walk, tables, layout } = build(grubLike(32), 16384);
  for (let pfn = 0; pfn < 0x800; pfn++) expect(walk(BigInt(pfn) * 4096n, 3)?.pfn).toBe(pfn);
  expect(walk(0x800000n, 3)).toBeUndefined();
  expect([...(tables.get(layout.pageTables.pfn)?.keys() ?? [])]).toEqual([0, 1, 2, 3]);
});
