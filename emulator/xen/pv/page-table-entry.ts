import type { Width } from '../public/struct.ts';

/**
 * 64-bit page-table entries as low and high halves: bits, what guests may set per level, and what Xen forces
 * (asm-x86/page.h, x86_64/page.h, pv/mm.h of Xen 4.17).
 */
export const PAGE_PRESENT = 1 << 0;
export const PAGE_RW = 1 << 1;
export const PAGE_USER = 1 << 2;
export const PAGE_PWT = 1 << 3;
export const PAGE_PCD = 1 << 4;
export const PAGE_ACCESSED = 1 << 5;
export const PAGE_DIRTY = 1 << 6;
/** PAT in an L1 entry, page size above. */
export const PAGE_PSE = 1 << 7;
export const PAGE_GLOBAL = 1 << 8;
/** In the high half: bit 52 marks a guest-kernel page, as all entries carry U in a 64-bit guest. */
export const PAGE_GUEST_KERNEL_HIGH = 1 << 20;
/** In the high half: bit 62, entries made through the grant table (debug builds set it); guests must not. */
export const PAGE_GNTTAB_HIGH = 1 << 30;

/** Low-half bits that a guest must leave 0, by level. PWT, PCD and PAT are for domains with device access only. */
const L1_DISALLOWED = PAGE_PWT | PAGE_PCD | PAGE_PSE;
const UPPER_DISALLOWED = PAGE_PWT | PAGE_PCD | PAGE_PSE | PAGE_GLOBAL;

/** Changing only these does not change what is mapped, so no reference moves (FASTPATH_FLAG_WHITELIST). */
const FASTPATH_LOW = 0xe00 | PAGE_GLOBAL | PAGE_DIRTY | PAGE_ACCESSED | PAGE_USER;
const FASTPATH_HIGH = 0xfff00000 | 0;

/** Frame number in bits 51:12. */
export function entryFrame(low: number, high: number): number {
  return (high & 0xfffff) * 0x100000 + (low >>> 12);
}

export function entryLow(mfn: number, flags: number): number {
  return (mfn << 12) | flags | 0;
}

export function entryHigh(mfn: number): number {
  return Math.floor(mfn / 0x100000) & 0xfffff;
}

/** L3 entries of 32-bit guests have nothing above their frame number (l3_disallow_mask, 0xFFFFF198). */
const PAE_L3_HIGH = 0xfff00000 | 0;
/** Stands for those bits in what `disallowedBits` answers. */
const HIGH_BITS = 1 << 29;

/** Bits of the low half (or 1 << 30 for bit 62) that are set though the level forbids them; 0 when all is well. */
export function disallowedBits(level: number, low: number, high: number, width: Width): number {
  if (level === 3 && width === 32) return (low & UPPER_DISALLOWED) | ((high & PAE_L3_HIGH) !== 0 ? HIGH_BITS : 0);
  if (level > 1) return low & UPPER_DISALLOWED;
  return (low & L1_DISALLOWED) | (high & PAGE_GNTTAB_HIGH);
}

const BIT_NAMES: readonly [bit: number, name: string][] = [
  [PAGE_PWT, 'PWT'],
  [PAGE_PCD, 'PCD'],
  [PAGE_PSE, 'PSE/PAT'],
  [PAGE_GLOBAL, 'GLOBAL'],
  [PAGE_GNTTAB_HIGH, 'bit 62'],
  [HIGH_BITS, 'bits 63:52'],
];

export function bitNames(bits: number): string {
  return BIT_NAMES.filter(([bit]) => (bits & bit) !== 0)
    .map(([, name]) => name)
    .join(', ');
}

/**
 * Low half as Xen stores a present entry (adjust_guest_l?e). Of a 32-bit guest's, only L3 entries change: the processor
 * walks them as those of long mode, where their rights count.
 */
export function adjustedLow(level: number, low: number, high: number, width: Width): number {
  if (width === 32) return level === 3 ? low | PAGE_USER | PAGE_RW : low;
  if (level === 4) return low | PAGE_USER | PAGE_ACCESSED;
  if (level > 1) return low | PAGE_USER;
  const guestKernel = (low & PAGE_USER) === 0 || (high & PAGE_GUEST_KERNEL_HIGH) !== 0;
  return low | PAGE_USER | (guestKernel ? 0 : PAGE_GLOBAL);
}

export function adjustedHigh(level: number, low: number, high: number, width: Width): number {
  return width === 64 && level === 1 && (low & PAGE_USER) === 0 ? high | PAGE_GUEST_KERNEL_HIGH : high;
}

/** Low half as the guest finds it when its L3 table is one no longer (unadjust_guest_l3e). */
export function unadjustedLow(low: number): number {
  return (low & PAGE_PRESENT) === 0 ? low : low & ~(PAGE_USER | PAGE_RW | PAGE_ACCESSED);
}

/** Whether both entries map the same frame with the same rights, so that references stay where they are. */
export function mapsTheSame(low: number, high: number, otherLow: number, otherHigh: number): boolean {
  return ((low ^ otherLow) & ~FASTPATH_LOW) === 0 && ((high ^ otherHigh) & ~FASTPATH_HIGH) === 0;
}
