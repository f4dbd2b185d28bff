import { entryFrame, PAGE_PRESENT } from '../pv/page-table-entry.ts';

/** Values that mean more than their number, in words. */

const DOMIDS: Readonly<Record<number, string>> = {
  32752: 'DOMID_SELF',
  32753: 'DOMID_IO',
  32754: 'DOMID_XEN',
  32755: 'DOMID_COW',
  32756: 'DOMID_INVALID',
};

export function hexadecimal(low: number, high: number): string {
  const text = (high >>> 0).toString(16) + (low >>> 0).toString(16).padStart(8, '0');
  return `0x${text.replace(/^0+(?=.)/, '')}`;
}

export function formatDomid(domid: number): string {
  return DOMIDS[domid] ?? String(domid);
}

/** Bits 0 to 8 of an entry, and 52 and 63, by Xen's names. */
const LOW_FLAGS: readonly string[] = ['P', 'RW', 'U', 'PWT', 'PCD', 'A', 'D', 'PSE', 'G'];

/** "0x41712067 (mfn 0x41712 P RW U A D)"; an entry that is not present is just a number. */
export function formatPageTableEntry(low: number, high: number): string {
  const value = hexadecimal(low, high);
  if ((low & PAGE_PRESENT) === 0) return low === 0 && high === 0 ? '0x0 (not present)' : `${value} (not present)`;
  const flags = LOW_FLAGS.filter((_, bit) => (low & (1 << bit)) !== 0);
  if ((high & (1 << 20)) !== 0) flags.push('guest-kernel');
  if (high < 0) flags.push('NX');
  return `${value} (mfn ${hexadecimal(entryFrame(low, high), 0)} ${flags.join(' ')})`;
}

const MMU_COMMANDS: readonly string[] = [
  'NORMAL_PT_UPDATE',
  'MACHPHYS_UPDATE',
  'PT_UPDATE_PRESERVE_AD',
  'PT_UPDATE_NO_TRANSLATE',
];

/** mmu_update.ptr: "0x42c76008 NORMAL_PT_UPDATE". */
export function formatMmuPointer(low: number, high: number): string {
  const command = low & 7;
  return `${hexadecimal(low & ~7, high)} ${MMU_COMMANDS[command] ?? `command ${command}`}`;
}

const FLUSH_TYPES: readonly string[] = ['no flush', 'TLB_FLUSH', 'INVLPG', 'flush type 3'];

/** UVMF_*: what to flush and where. */
export function formatFlush(low: number, high: number): string {
  const type = FLUSH_TYPES[low & 3] as string;
  const scope = low & ~3;
  if (scope === 0 && high === 0) return (low & 3) === 0 ? 'none' : `${type} (LOCAL)`;
  if (scope === 4 && high === 0) return `${type} (ALL)`;
  return `${type} (vCPU mask at ${hexadecimal(low & ~7, high)})`;
}
