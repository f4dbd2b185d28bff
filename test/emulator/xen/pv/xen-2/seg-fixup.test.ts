import { expect, test } from 'vitest';
import { turnedDescriptor } from '../../../../../emulator/xen/pv/xen-2/seg-fixup.ts';

/** SDM vol. 3, 3.4.5: 32-bit data of ring 3, page granular; type 2 reaches up, type 6 (expand-down) down. */
function descriptor(base: number, lastPage: number, type: number): { low: number; high: number } {
  const low = (((base & 0xffff) << 16) | (lastPage & 0xffff)) >>> 0;
  const high = ((base & 0xff000000) | (lastPage & 0xf0000) | 0x00c0f000 | (type << 8) | ((base >>> 16) & 0xff)) >>> 0;
  return { low, high };
}

const unsigned = (words: { low: number; high: number } | undefined): unknown =>
  words && { low: words.low >>> 0, high: words.high >>> 0 };

const BASE = 0xb7f00000;
/** As Xen cuts a segment of 4 GiB short: its last page is the one below PAGE_OFFSET (0xfc400000). */
const UP = descriptor(BASE, ((0xfc400000 - BASE) >>> 12) - 1, 2);
/** All offsets that, from the base, wrap to addresses below it. */
const DOWN = descriptor(BASE, ((0x100000000 - BASE) / 4096 - 1) >>> 0, 6);

test('a segment of thread-local data is turned around for a negative offset, and back', () => {
  expect(unsigned(turnedDescriptor(UP.low, UP.high, 0xfffffffc))).toEqual(DOWN);
  expect(unsigned(turnedDescriptor(DOWN.low, DOWN.high, 0))).toEqual(UP);
});

test('an offset that the segment allows already is no reason', () => {
  expect(turnedDescriptor(UP.low, UP.high, 0)).toBeUndefined();
  expect(turnedDescriptor(DOWN.low, DOWN.high, 0xfffffffc)).toBeUndefined();
});

// Linux 2.6.11 runs its kernel with DS = __USER_DS: turned around, that segment would allow nothing.
test('the flat segment of all applications stays as it is, whatever address they touch', () => {
  const flat = descriptor(0, 0xfc3ff, 2);
  expect(turnedDescriptor(flat.low, flat.high, 0xff000000)).toBeUndefined();
  expect(turnedDescriptor(flat.low, flat.high, 0xfc400000)).toBeUndefined();
});

test('a segment that ends before Xen is meant as it is', () => {
  const short = descriptor(BASE, 15, 2);
  expect(turnedDescriptor(short.low, short.high, 0xfffffffc)).toBeUndefined();
});
