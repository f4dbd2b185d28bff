import { expect, test } from 'vitest';
import type { DiskBlocks } from '../../../emulator/base/disk-layers.ts';
import type { DiskStore, OpenDisk } from '../../../emulator/base/disk-store.ts';
import { DiskJournal, DisksOfThePast } from '../../../emulator/machine/disk-journal.ts';

/** A disk in memory; 10 sectors more than two blocks. */
class MemoryDisk implements DiskStore {
  readonly bytes = Uint8Array.from({ length: 2 * 4096 + 5120 }, (_, at) => (at * 7) % 251);
  constructor(
    readonly identity: string,
    readonly readOnly: boolean,
  ) {}
  get size(): number {
    return this.bytes.length;
  }
  measure(): void {}
  read(offset: number, into: Uint8Array): undefined {
    into.set(this.bytes.subarray(offset, offset + into.length));
  }
  write(offset: number, bytes: Uint8Array): undefined {
    expect(this.readOnly).toBe(false);
    this.bytes.set(bytes, offset);
  }
  flush(): undefined {}
  discard(offset: number, length: number): undefined {
    this.bytes.fill(0, offset, offset + length);
  }
  close(): void {}
}

const file = new MemoryDisk('f', false);
const openFile: OpenDisk = (_path, _folder, { readOnly }) =>
  Promise.resolve(readOnly ? Object.assign(new MemoryDisk('f', true), { bytes: file.bytes }) : file);

function whole(store: DiskStore): Uint8Array {
  const bytes = new Uint8Array(store.size);
  store.read(0, bytes);
  return bytes;
}

test('a disk that was written reads as it was, is written in memory only, and stays the same when opened again', async () => {
  const original = file.bytes.slice();
  const journal = new DiskJournal(openFile);
  const disk = await journal.open('x', undefined, { readOnly: false });
  const old: DiskBlocks[] = [new Map(), new Map()];
  const keep = (list: DiskBlocks) => (_disk: number, block: number, bytes: Uint8Array) => void list.set(block, bytes);
  const before = journal.begin(keep(old[0] as DiskBlocks));
  disk.write(512, new Uint8Array(1024).fill(0xaa));
  disk.write(1024, new Uint8Array(1024).fill(0xbb));
  expect([...(old[0]?.keys() ?? [])]).toEqual([0]);
  const between = file.bytes.slice();
  const later = journal.begin(keep(old[1] as DiskBlocks));
  disk.write(4096 - 512, new Uint8Array(1024).fill(0xcc));
  disk.discard(2 * 4096 + 512, 1024);
  expect([...(old[1]?.keys() ?? [])]).toEqual([0, 1, 2]);
  expect(later).not.toEqual(before);
  const now = file.bytes.slice();

  for (const [index, contents, bytes] of [
    [0, before, original],
    [1, later, between],
  ] as const) {
    const past = new DisksOfThePast(openFile, [old[index]]);
    const again = await past.open('x', undefined, { readOnly: false });
    expect(Buffer.compare(whole(again), bytes)).toBe(0);
    expect(past.contents()).toEqual(contents);
    again.write(1000, new Uint8Array(8000).fill(1));
    again.discard(8192, 512);
    const expected = bytes.slice();
    expected.fill(1, 1000, 9000);
    expected.fill(0, 8192, 8704);
    expect(Buffer.compare(whole(again), expected)).toBe(0);
    const third = await past.open('x', undefined, { readOnly: true });
    expect(Buffer.compare(whole(third), expected)).toBe(0);
    expect(Buffer.compare(file.bytes, now)).toBe(0);
  }
});

test('a disk that somebody else has changed since is not what it was', async () => {
  const journal = new DiskJournal(openFile);
  await journal.open('x', undefined, { readOnly: false });
  const contents = journal.begin(() => {});
  file.bytes[5000] = 0x77;
  const past = new DisksOfThePast(openFile, []);
  await past.open('x', undefined, { readOnly: false });
  expect(past.contents()).not.toEqual(contents);
});
