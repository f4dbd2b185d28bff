import { expect, test } from 'vitest';
import { MemoryDisk } from '../../../../../emulator/host/browser/memory-disk.ts';
import { OverlayDisk } from '../../../../../emulator/xen/backends/block/overlay-disk.ts';

/** Writes of any place and length against a plain array that gets the same ones. */
test('an overlay reads as if it had been written to, and leaves what is below alone', () => {
  const size = 3 * 65536 + 1024;
  const image = Uint8Array.from({ length: size }, (_, index) => index % 251);
  const original = image.slice();
  const model = image.slice();
  const overlay = new OverlayDisk(new MemoryDisk(image, true, 'image'));
  let seed = 1;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed % limit;
  };
  for (let step = 0; step < 200; step++) {
    const offset = below(size / 512) * 512;
    const length = Math.min(size - offset, (1 + below(300)) * 512);
    if (step % 5 === 0) {
      expect(overlay.discard(offset, length)).toBeUndefined();
      model.fill(0, offset, offset + length);
    } else {
      const bytes = new Uint8Array(length).fill(step);
      expect(overlay.write(offset, bytes)).toBeUndefined();
      model.set(bytes, offset);
    }
    const back = new Uint8Array(size);
    expect(overlay.read(0, back)).toBeUndefined();
    expect(Buffer.compare(back, model)).toBe(0);
  }
  expect(Buffer.compare(image, original)).toBe(0);
});

test('what was written is saved and restored as plain data', () => {
  const overlay = new OverlayDisk(new MemoryDisk(new Uint8Array(65536 * 2), true, 'image'));
  const read = (): Uint8Array => {
    const bytes = new Uint8Array(512);
    overlay.read(70000 - (70000 % 512), bytes);
    return bytes;
  };
  overlay.write(70000 - (70000 % 512), new Uint8Array(512).fill(1));
  const saved = structuredClone(overlay.save());
  overlay.write(70000 - (70000 % 512), new Uint8Array(512).fill(2));
  overlay.restore(saved);
  expect(read()[0]).toBe(1);
  overlay.restore(new Map());
  expect(read()[0]).toBe(0);
});
