import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../../../emulator/base/user-error.ts';
import { crc32 } from '../../../../../emulator/xen/toolstack/image/crc32.ts';
import { payloadFormat, unpackPayload } from '../../../../../emulator/xen/toolstack/image/payload.ts';
import { unpackRamdisk } from '../../../../../emulator/xen/toolstack/ramdisk.ts';
import { concatenate, u32 } from '../../../elf/build-elf.ts';
import { payloadContents } from './payload-contents.ts';

const contents = payloadContents();

/** A packed file with the size that the Linux build appends. */
function payload(name: string): Uint8Array {
  const file = readFileSync(new URL(`../../../../fixtures/payloads/${name}`, import.meta.url));
  return concatenate(file, u32(contents.length));
}

function idOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return error.id;
    throw error;
  }
  return 'accepted';
}

describe('each way of packing, as the real tools pack', () => {
  test.each([
    ['code.xz', 'XZ'],
    ['plain.xz', 'XZ'],
    ['code.lz4', 'LZ4'],
    ['code.zst', 'zstd'],
    ['stream.zst', 'zstd'],
  ])('%s', (name, format) => {
    expect(payloadFormat(payload(name))).toBe(format);
    expect(Buffer.compare(unpackPayload(payload(name)), contents)).toBe(0);
  });

  test('gzip', () => {
    expect(Buffer.compare(unpackPayload(new Uint8Array(gzipSync(contents))), contents)).toBe(0);
  });

  test('not packed at all', () => {
    expect(unpackPayload(contents)).toBe(contents);
  });
});

test('crc32 of "123456789" is the catalogue value', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
});

describe('damage is found', () => {
  test.each(['code.xz', 'plain.xz'])('%s: any flipped bit', (name) => {
    const good = payload(name);
    for (let at = 8; at < good.length - 40; at += 211) {
      const bad = good.slice();
      bad[at] = (bad[at] ?? 0) ^ (1 << (at & 7));
      expect(
        idOf(() => unpackPayload(bad)),
        `byte ${at}`,
      ).toMatch(/^image\./);
    }
  });

  test('gzip: a flipped bit', () => {
    const bad = new Uint8Array(gzipSync(contents));
    bad[5000] = (bad[5000] ?? 0) ^ 4;
    expect(idOf(() => unpackPayload(bad))).toBe('image.corrupt-payload');
  });

  test.each(['code.xz', 'plain.xz', 'code.lz4', 'code.zst'])('%s: cut anywhere, nothing but a clear error', (name) => {
    const good = payload(name);
    for (let end = 0; end < good.length - 44; end += 97) {
      expect(idOf(() => unpackPayload(good.slice(0, end)))).toMatch(/^(image\.|accepted)/);
    }
  });

  test('LZ4 and zstd have no checksum here: any flipped bit is an error or other contents, soon', () => {
    for (const name of ['code.lz4', 'code.zst', 'stream.zst']) {
      const good = payload(name);
      for (let number = 0; number < 120; number++) {
        const bad = good.slice();
        const at = (number * 7919) % (good.length - 4);
        bad[at] = (bad[at] ?? 0) ^ (1 << (number & 7));
        const started = performance.now();
        expect(idOf(() => unpackPayload(bad))).toMatch(/^(image\.|accepted)/);
        expect(performance.now() - started).toBeLessThan(1000);
      }
    }
  });

  test('sizes that cannot be meant allocate nothing', () => {
    expect(idOf(() => unpackPayload(concatenate(payload('code.zst').slice(0, -4), u32(0x7fffffff))))).toBe(
      'image.payload-too-large',
    );
    expect(idOf(() => unpackPayload(concatenate(gzipSync(contents).subarray(0, -4), u32(0x1fffffff))))).toBe(
      'image.corrupt-payload',
    );
  });

  test('an unknown way of packing is named by its first bytes', () => {
    const bzip2 = concatenate(new TextEncoder().encode('BZh91AY&SY'), new Uint8Array(20));
    expect(() => unpackPayload(bzip2)).toThrow(/starts with 42 5a 68 39 31 41/);
  });
});

describe('ramdisk', () => {
  const cpio = contents.subarray(0, 5000);

  test('gzip is undone, with the 16 bytes that libxenguest adds', () => {
    const unpacked = unpackRamdisk(new Uint8Array(gzipSync(cpio)));
    expect(unpacked).toHaveLength(5016);
    expect(unpacked.subarray(0, 5000)).toEqual(cpio);
    expect(unpacked.subarray(5000)).toEqual(new Uint8Array(16));
  });

  test('anything else, several gzip members included, goes in as it is', () => {
    expect(unpackRamdisk(cpio)).toBe(cpio);
    const two = concatenate(gzipSync(cpio), gzipSync(cpio.subarray(100, 140)));
    expect(unpackRamdisk(two)).toBe(two);
  });
});
