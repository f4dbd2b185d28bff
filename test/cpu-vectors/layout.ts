/**
 * The memory that every case sees, on the real CPU (generator/runner.c) as in the replay. Pages before and behind the
 * two areas are not mapped.
 */
export const CODE = 0x10000000;
export const CODE_SIZE = 0x2000;
/** Two writable pages and a read-only one; none is executable. */
export const DATA = 0x10010000;
export const DATA_WRITABLE = 0x2000;
export const DATA_SIZE = 0x3000;
export const FS_BASE = 0x10000000n;
export const GS_BASE = 0x123456789000n;
/** Selectors in force: Linux's user segments (flat), null in FS and GS. */
export const SELECTOR_CS = 0x33;
export const SELECTOR_DATA = 0x2b;
/** What fills the code area around the instruction. */
export const FILLER = 0xcc;

/** What DATA holds outside the case's own window: the top bytes of a linear congruential sequence. */
export function makeBackground(): Uint8Array {
  const bytes = new Uint8Array(DATA_SIZE);
  let x = 0x2545f491;
  for (let i = 0; i < DATA_SIZE; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}
