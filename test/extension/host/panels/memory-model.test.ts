import { expect, test } from 'vitest';
import {
  addressPlus,
  ChangeTracker,
  indexOfBytes,
  parsePattern,
  searchMemory,
} from '../../../../extension/host/panels/memory-model.ts';

test('addresses add up in 64 bits', () => {
  expect(addressPlus('0xffffffff81000000', 0x10)).toBe('0xffffffff81000010');
  expect(addressPlus('0x0', -16)).toBe('0xfffffffffffffff0');
  expect(addressPlus('0xfffffffffffffff8', 8)).toBe('0x0');
});

test('bytes count as changed against the stop before, by address and space', () => {
  const tracker = new ChangeTracker();
  expect(tracker.changes('virtual', '0x1000', Uint8Array.of(1, 2, 3))).toEqual([]);
  tracker.nextStop();
  // Scrolled by one: what is compared goes by address, not by place on the screen.
  expect(tracker.changes('virtual', '0x1001', Uint8Array.of(2, 9, 4))).toEqual([1]);
  expect(tracker.changes('machine', '0x1001', Uint8Array.of(7, 7, 7))).toEqual([]);
  // Shown again within the same stop: still the same change.
  expect(tracker.changes('virtual', '0x1001', Uint8Array.of(2, 9, 4))).toEqual([1]);
  tracker.nextStop();
  expect(tracker.changes('virtual', '0x1001', Uint8Array.of(2, 9, 4))).toEqual([]);
});

test('patterns are bytes or text', () => {
  expect(parsePattern('0f 05', 'bytes')).toEqual(Uint8Array.of(0x0f, 0x05));
  expect(parsePattern('0x0f,0x05', 'bytes')).toEqual(Uint8Array.of(0x0f, 0x05));
  expect(['', '0', 'xy', '0f 5'].map((text) => parsePattern(text, 'bytes'))).toEqual(Array(4).fill(undefined));
  expect(parsePattern('é', 'text')).toEqual(Uint8Array.of(0xc3, 0xa9));
});

test('bytes are found where a first attempt fails halfway', () => {
  expect(indexOfBytes(Uint8Array.of(1, 1, 1, 2), Uint8Array.of(1, 1, 2))).toBe(1);
  expect(indexOfBytes(Uint8Array.of(1, 2), Uint8Array.of(2, 3))).toBe(-1);
});

test('a search crosses chunk borders and holes', async () => {
  const memory = new Uint8Array(0x40000);
  memory.set([0xca, 0xfe], 0xffff);
  memory.set([0xbe, 0xef], 0x30010);
  // Readable but for the pages 0x20000–0x2ffff, as a guest's address space is.
  const read = async (address: string, count: number): Promise<Uint8Array> => {
    const at = Number(address);
    if (at >= memory.length || (at >= 0x20000 && at < 0x30000)) return new Uint8Array();
    return memory.slice(at, Math.min(at + count, at < 0x20000 ? 0x20000 : memory.length));
  };
  expect(await searchMemory(read, '0x0', Uint8Array.of(0xca, 0xfe), 0x40000)).toBe('0xffff');
  expect(await searchMemory(read, '0x100', Uint8Array.of(0xbe, 0xef), 0x40000)).toBe('0x30010');
  expect(await searchMemory(read, '0x0', Uint8Array.of(0xde, 0xad), 0x40000)).toBeUndefined();
});
