import { expect, test } from 'vitest';
import { memoryDisks } from '../../../../emulator/host/browser/memory-disk.ts';

const files: Readonly<Record<string, Uint8Array>> = {
  'good.img': new Uint8Array(2048).fill(7),
  'odd.img': new Uint8Array(1000),
  'empty.img': new Uint8Array(0),
};
const open = memoryDisks((name) => Promise.resolve(files[name] as Uint8Array));

test('a disk over a file’s bytes keeps its writes to itself', async () => {
  const disk = await open('good.img', undefined, { readOnly: false });
  const other = await open('good.img', undefined, { readOnly: true });
  expect(disk.write(512, new Uint8Array(512).fill(1))).toBeUndefined();
  expect(disk.discard(1024, 512)).toBeUndefined();
  const bytes = new Uint8Array(2048);
  disk.read(0, bytes);
  expect([0, 512, 1024, 1536].map((at) => bytes[at])).toEqual([7, 1, 0, 7]);
  other.read(0, bytes);
  expect(new Set(bytes)).toEqual(new Set([7]));
  expect(files['good.img']?.[512]).toBe(7);
  expect([disk.size, disk.readOnly, other.readOnly]).toEqual([2048, false, true]);
  expect(disk.identity).not.toBe(other.identity);
});

test.each([
  ['odd.img', 'disk.size'],
  ['empty.img', 'disk.empty'],
])('%s is refused', async (name, id) => {
  await expect(open(name, undefined, { readOnly: true })).rejects.toMatchObject({ id });
});
