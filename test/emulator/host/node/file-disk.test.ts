import { chmodSync, mkdirSync, mkdtempSync, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { FileDisk, openDisk } from '../../../../emulator/host/node/file-disk.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'xenoscope-disk-'));
const image = (name: string, size: number): string => {
  const file = path.join(folder, name);
  writeFileSync(
    file,
    Uint8Array.from({ length: size }, (_, index) => index >> 9),
  );
  return file;
};

test('reads and writes a file in place, relative to a folder, path or URI', async () => {
  const file = image('a.img', 4096);
  const disk = await openDisk('a.img', pathToFileURL(folder).href, { readOnly: false });
  expect(disk.size).toBe(4096);
  const bytes = new Uint8Array(1024);
  expect(disk.read(512, bytes)).toBeUndefined();
  expect([bytes[0], bytes[512]]).toEqual([1, 2]);
  expect(disk.write(3584, bytes.fill(0xaa, 0, 512).subarray(0, 512))).toBeUndefined();
  expect(disk.flush()).toBeUndefined();
  // Before it is closed: what was written is the file's already.
  expect(readFileSync(file)[4095]).toBe(0xaa);
  const same = await openDisk(file, undefined, { readOnly: true });
  expect(same.identity).toBe(disk.identity);
  disk.close();
  same.close();
});

test('a discarded range reads as zeros, and nothing beside it', async () => {
  const file = image('discard.img', 3 << 20);
  const disk = await openDisk(file, undefined, { readOnly: false });
  const before = readFileSync(file);
  expect(disk.discard(512, (2 << 20) + 512)).toBeUndefined();
  const after = readFileSync(file);
  expect(after.subarray(512, (2 << 20) + 1024).every((byte) => byte === 0)).toBe(true);
  // toEqual takes seconds for a megabyte.
  expect(after.subarray(0, 512).equals(before.subarray(0, 512))).toBe(true);
  expect(after.subarray((2 << 20) + 1024).equals(before.subarray((2 << 20) + 1024))).toBe(true);
  disk.close();
});

test('a file that grew or shrank has its new size, in whole sectors, when asked', async () => {
  const file = image('grow.img', 4096);
  const disk = await openDisk(file, undefined, { readOnly: false });
  truncateSync(file, 8192 + 100);
  expect(disk.size).toBe(4096);
  disk.measure();
  expect(disk.size).toBe(8192);
  truncateSync(file, 512);
  expect(disk.read(1024, new Uint8Array(512))).toBe(`${file} cannot be read: the file ends before byte 1024`);
  disk.close();
});

test("the host's own words for a disk that is full, and for one that is not there any more", () => {
  const name = '/dev/full';
  const full = new FileDisk(openSync(name, 'r+'), name, false, { size: 4096, dev: 0, ino: 0 } as never);
  expect(full.write(0, new Uint8Array(512))).toBe("/dev/full cannot be written: the host's disk is full");
  expect(full.flush()).toContain('/dev/full cannot be flushed: ');
});

describe('what cannot be a disk is refused in words', () => {
  const open = (name: string, readOnly = false): Promise<unknown> => openDisk(name, folder, { readOnly });
  test.each([
    ['missing.img', 'file.unreadable', 'there is no such file'],
    ['folder', 'disk.not-a-file', 'it is a folder'],
    ['/dev/null', 'disk.not-a-file', 'not a regular file'],
    ['odd.img', 'disk.size', '1000 bytes, is not a multiple of 512'],
    ['empty.img', 'disk.empty', 'is empty'],
  ])('%s', async (name, id, text) => {
    mkdirSync(path.join(folder, 'folder'), { recursive: true });
    image('odd.img', 1000);
    image('empty.img', 0);
    await expect(open(name)).rejects.toMatchObject({ id, message: expect.stringContaining(text) });
    await expect(open(name, true)).rejects.toMatchObject({ id, message: expect.stringContaining(text) });
  });

  test('a file without write permission, unless it is only read', async () => {
    chmodSync(image('protected.img', 512), 0o444);
    await asNobody(async () => {
      await expect(open('protected.img')).rejects.toMatchObject({ id: 'disk.read-only' });
      await expect(open('protected.img', true)).resolves.toMatchObject({ readOnly: true });
    });
  });
});

const NOBODY = 65534;

/** Root may write everything; CI runs as root. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return await work();
  chmodSync(folder, 0o755);
  process.seteuid?.(NOBODY);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}
