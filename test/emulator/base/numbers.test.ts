import { expect, test } from 'vitest';
import { formatAddress, highHalf, isCanonical, lowHalf, signed64, unsigned64 } from '../../../emulator/base/numbers.ts';

test('a kernel address is exact as a signed double and prints as the manual writes it', () => {
  const address = signed64(0x81000000, 0xffffffff);
  expect(address).toBe(-2130706432);
  expect(formatAddress(address)).toBe('0xffffffff81000000');
  expect([lowHalf(address), highHalf(address)]).toEqual([0x81000000 | 0, -1]);
});

test('halves come back from every corner of the canonical range', () => {
  const halves = [
    [0, 0],
    [0xffffffff, 0],
    [0, 1],
    [0xffffffff, 0x7fff],
    [0, 0xffff8000],
    [0xffffffff, 0xffffffff],
    [0x80000000, 0xffff8000],
  ] as const;
  for (const [low, high] of halves) {
    const value = signed64(low, high);
    expect([lowHalf(value) >>> 0, highHalf(value) >>> 0]).toEqual([low, high]);
    expect(isCanonical(high | 0)).toBe(true);
  }
  expect(unsigned64(0xffffffff, 0x000fffff)).toBe(2 ** 52 - 1);
});

test('addresses with bit 47 unlike the bits above are not canonical', () => {
  expect(isCanonical(0x8000)).toBe(false);
  expect(isCanonical(0xffff7fff | 0)).toBe(false);
});
