/**
 * Numbers that must not be mixed up carry a brand: a frame number handed where an address is wanted is a compile
 * error. A brand costs nothing at run time.
 */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
declare const brand: unique symbol;

/** Machine frame number: which 4 KiB frame of the machine's RAM. */
export type Mfn = Brand<number, 'mfn'>;
/** Pseudo-physical frame number: what a domain calls its own n-th page. */
export type Pfn = Brand<number, 'pfn'>;
/** Guest frame number: a pfn for translated guests, an mfn for PV ones (Xen's word for "whichever it uses"). */
export type Gfn = Brand<number, 'gfn'>;
/** Machine address in bytes; up to 52 bits, exact in a double. */
export type MachineAddress = Brand<number, 'machine address'>;
/**
 * Virtual address as the *signed* canonical value: 48-bit addresses sign-extended, so that the kernel half is negative
 * and every canonical address is exact in a double. 32-bit guests use 0 … 2^32-1.
 */
export type VirtualAddress = Brand<number, 'virtual address'>;
/** Event-channel port of one domain. */
export type Port = Brand<number, 'event-channel port'>;
/** Domain identifier. */
export type Domid = Brand<number, 'domid'>;
/** Grant reference: index into one domain's grant table. */
export type GrantRef = Brand<number, 'grant reference'>;

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 4096;
const TWO32 = 4294967296;

/** The two 32-bit halves of a 64-bit value as one number; exact for values within ±2^53 (addresses always are). */
export const signed64 = (low: number, high: number): number => (high | 0) * TWO32 + (low >>> 0);
export const unsigned64 = (low: number, high: number): number => (high >>> 0) * TWO32 + (low >>> 0);
export const lowHalf = (value: number): number => value | 0 || (value % TWO32) | 0;
export const highHalf = (value: number): number => Math.floor(value / TWO32) | 0;

/** Whether a 64-bit value is a canonical 48-bit address (SDM vol. 1, 3.3.7.1). */
export const isCanonical = (high: number): boolean => {
  const top = high >> 15;
  return top === 0 || top === -1;
};

/** "0xffffffff81000000" for a signed virtual address. */
export const formatAddress = (address: number): string => {
  const low = (lowHalf(address) >>> 0).toString(16);
  const high = (highHalf(address) >>> 0).toString(16);
  return high === '0' ? `0x${low}` : `0x${high}${low.padStart(8, '0')}`;
};
