/** The page-table walk of one address in words, for `monitor walk`. */
import type { DebugTarget } from '../../emulator/debug/target.ts';

/** Bits of an entry (SDM vol. 3, table 4-20), in the order they are shown. */
const FLAGS: readonly (readonly [bit: bigint, word: string])[] = [
  [1n << 0n, 'P'],
  [1n << 1n, 'RW'],
  [1n << 2n, 'US'],
  [1n << 3n, 'PWT'],
  [1n << 4n, 'PCD'],
  [1n << 5n, 'A'],
  [1n << 6n, 'D'],
  [1n << 7n, 'PS'],
  [1n << 8n, 'G'],
  [1n << 63n, 'NX'],
];
const PRESENT = 1n;
const LARGE = 1n << 7n;
const ADDRESS_MASK = 0x000ffffffffff000n;

interface Tables {
  readonly levels: number;
  readonly entryBytes: 8 | 4;
  /** Bits of an address that one level resolves. */
  readonly levelBits: bigint;
  readonly topIndexMask: bigint;
}

/** By the code of the domain; a guest before Xen 3 has two levels of 32-bit entries. */
const TABLES: Readonly<Record<64 | 32 | '2-level', Tables>> = {
  64: { levels: 4, entryBytes: 8, levelBits: 9n, topIndexMask: 511n },
  32: { levels: 3, entryBytes: 8, levelBits: 9n, topIndexMask: 3n },
  '2-level': { levels: 2, entryBytes: 4, levelBits: 10n, topIndexMask: 1023n },
};

/** One line a level, then the machine address or where the walk ended. `cr3` as the guest sees it. */
export async function describeWalk(
  target: DebugTarget,
  paging: 32 | 64 | '2-level',
  cr3: bigint,
  address: bigint,
): Promise<readonly string[]> {
  const { levels, entryBytes, levelBits, topIndexMask } = TABLES[paging];
  const lines: string[] = [];
  let table = cr3 & ADDRESS_MASK;
  for (let level = levels; level >= 1; level--) {
    const shift = 12n + levelBits * BigInt(level - 1);
    const index = (address >> shift) & (level === levels ? topIndexMask : (1n << levelBits) - 1n);
    const entry = await readEntry(target, table + index * BigInt(entryBytes), entryBytes);
    const where = `L${level} table at 0x${table.toString(16)}, entry ${index}`;
    if (entry === undefined) return [...lines, `${where}: no such machine frame`];
    lines.push(`${where}: 0x${entry.toString(16).padStart(entryBytes * 2, '0')} ${flagWords(entry)}`);
    if ((entry & PRESENT) === 0n) return [...lines, 'not mapped'];
    table = entry & ADDRESS_MASK;
    if (level === 1 || (level === 2 && (entry & LARGE) !== 0n)) {
      const offset = address & ((1n << shift) - 1n);
      return [...lines, `machine address 0x${((table & ~((1n << shift) - 1n)) + offset).toString(16)}`];
    }
  }
  return lines;
}

async function readEntry(target: DebugTarget, machine: bigint, size: 8 | 4): Promise<bigint | undefined> {
  const bytes = await target.readMemory('machine', `0x${machine.toString(16)}`, size);
  if (bytes.length < size) return undefined;
  const data = new DataView(bytes.buffer, bytes.byteOffset, size);
  return size === 8 ? data.getBigUint64(0, true) : BigInt(data.getUint32(0, true));
}

function flagWords(entry: bigint): string {
  return FLAGS.filter(([bit]) => (entry & bit) !== 0n)
    .map(([, word]) => word)
    .join(' ');
}
