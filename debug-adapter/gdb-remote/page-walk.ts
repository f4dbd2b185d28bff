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
const ENTRY_BYTES = 8;

/** One line a level, then the machine address or where the walk ended. `cr3` as the guest sees it. */
export async function describeWalk(
  target: DebugTarget,
  bits: 32 | 64,
  cr3: bigint,
  address: bigint,
): Promise<readonly string[]> {
  const lines: string[] = [];
  let table = cr3 & ADDRESS_MASK;
  for (let level = bits === 64 ? 4 : 3; level >= 1; level--) {
    const shift = 12n + 9n * BigInt(level - 1);
    const index = (address >> shift) & (bits === 32 && level === 3 ? 3n : 511n);
    const entry = await readEntry(target, table + index * BigInt(ENTRY_BYTES));
    const where = `L${level} table at 0x${table.toString(16)}, entry ${index}`;
    if (entry === undefined) return [...lines, `${where}: no such machine frame`];
    lines.push(`${where}: 0x${entry.toString(16).padStart(16, '0')} ${flagWords(entry)}`);
    if ((entry & PRESENT) === 0n) return [...lines, 'not mapped'];
    table = entry & ADDRESS_MASK;
    if (level === 1 || (level === 2 && (entry & LARGE) !== 0n)) {
      const offset = address & ((1n << shift) - 1n);
      return [...lines, `machine address 0x${((table & ~((1n << shift) - 1n)) + offset).toString(16)}`];
    }
  }
  return lines;
}

async function readEntry(target: DebugTarget, machine: bigint): Promise<bigint | undefined> {
  const bytes = await target.readMemory('machine', `0x${machine.toString(16)}`, ENTRY_BYTES);
  if (bytes.length < ENTRY_BYTES) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, ENTRY_BYTES).getBigUint64(0, true);
}

function flagWords(entry: bigint): string {
  return FLAGS.filter(([bit]) => (entry & bit) !== 0n)
    .map(([, word]) => word)
    .join(' ');
}
