import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../../../emulator/base/user-error.ts';
import { readKernelImage } from '../../../../../emulator/xen/toolstack/image/kernel-image.ts';
import { buildElf, type TestElf, type TestNote, text, u32, u64 } from '../../../elf/build-elf.ts';
import { grubLike, linuxLike, machLike, wrapBzImage } from '../synthetic-kernels.ts';

function idOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return error.id;
    throw error;
  }
  return 'accepted';
}

const LOADER: TestNote = { type: 8, description: text('generic') };
const VERSION: TestNote = { type: 5, description: text('xen-3.0') };

function kernel(changes: Partial<TestElf> = {}): Uint8Array {
  return buildElf({ segments: [{ paddr: 0x1000, bytes: new Uint8Array(64) }], notes: [LOADER, VERSION], ...changes });
}

describe('notes', () => {
  test("Linux's", () => {
    const image = readKernelImage(linuxLike());
    expect(image).toMatchObject({
      guestType: 'xen-3.0-x86_64',
      container: 'ELF',
      virtBase: -0x80000000,
      virtKernelStart: -0x7f000000,
      virtKernelEnd: -0x7f000000 + 0x3a00000,
      virtEntry: -0x80000000 + 0x3000000,
    });
    expect(image.parameters).toMatchObject({
      source: 'notes',
      guestOs: 'linux',
      initP2m: 0x8000000000,
      modStartPfn: true,
      hypercallPage: undefined,
      requiredFeatures: ['writable_page_tables'],
    });
  });

  test("GNU Mach's string, because its notes belong to somebody else", () => {
    const image = readKernelImage(machLike());
    expect(image.parameters).toMatchObject({ source: '__xen_guest', loader: 'generic', hypercallPage: 0x40002000 });
    expect(image.virtKernelStart).toBe(0x40000000);
  });

  test('in a section when there is no note segment', () => {
    expect(readKernelImage(kernel({ notesIn: 'section' })).parameters.xenVersion).toBe('xen-3.0');
  });

  test('32 bit with PAE', () => {
    expect(readKernelImage(grubLike(32)).guestType).toBe('xen-3.0-x86_32p');
  });

  test('numbers of 1, 2, 4 and 8 bytes, others count as 0', () => {
    const entryOf = (description: Uint8Array): number =>
      readKernelImage(kernel({ notes: [LOADER, VERSION, { type: 1, description }] })).virtEntry;
    expect(entryOf(u64(0x1010n))).toBe(0x1010);
    expect(entryOf(u32(0x1020))).toBe(0x1020);
    expect(entryOf(new Uint8Array([0x30, 0x10]))).toBe(0x1030);
    expect(idOf(() => entryOf(new Uint8Array([0x30, 0x10, 0])))).toBe('image.addresses-out-of-bounds');
  });
});

describe('wrappings', () => {
  test('gzip around an ELF file', () => {
    expect(readKernelImage(new Uint8Array(gzipSync(grubLike(64)))).container).toBe('gzip');
  });

  test('a bzImage with a gzip payload, and with none', () => {
    const elf = grubLike(64);
    expect(readKernelImage(wrapBzImage(new Uint8Array(gzipSync(elf)), undefined))).toMatchObject({
      container: 'bzImage',
      compression: 'gzip',
    });
    expect(readKernelImage(wrapBzImage(elf, elf.length))).toMatchObject({ container: 'bzImage', compression: 'none' });
  });
});

describe('refusals have ids', () => {
  const wrongNotes =
    (...notes: TestNote[]): (() => unknown) =>
    () =>
      readKernelImage(kernel({ notes }));

  test.each<[string, () => unknown]>([
    ['image.empty', () => readKernelImage(new Uint8Array(0))],
    ['image.unknown-format', () => readKernelImage(new TextEncoder().encode('#!/bin/sh\necho no kernel\n'))],
    ['image.not-xen', wrongNotes({ owner: 'GNU', type: 1, description: u32(0) })],
    ['image.wrong-loader', wrongNotes(VERSION)],
    ['image.pvh-only', wrongNotes(VERSION, { type: 18, description: u32(0x100000) })],
    ['image.wrong-xen-version', wrongNotes(LOADER, { type: 5, description: text('xen-2.0') })],
    ['image.unsupported-feature', wrongNotes(LOADER, VERSION, { type: 10, description: text('!perpetual_motion') })],
    ['image.dom0-only', wrongNotes(LOADER, VERSION, { type: 10, description: text('!dom0') })],
    ['image.paddr-offset-without-base', wrongNotes(LOADER, VERSION, { type: 4, description: u64(4096n) })],
    ['image.addresses-out-of-bounds', wrongNotes(LOADER, VERSION, { type: 1, description: u64(0x5000000n) })],
    ['image.addresses-out-of-bounds', wrongNotes(LOADER, VERSION, { type: 2, description: u64(0x1234n) })],
    ['image.pae-missing', () => readKernelImage(kernel({ elfClass: 32 }))],
    ['image.bzimage-too-old', () => readKernelImage(oldBzImage())],
    ['image.bzimage-truncated', () => readKernelImage(wrapBzImage(grubLike(64), 4).slice(0, 2700))],
  ])('%s', (id, run) => {
    expect(idOf(run)).toBe(id);
  });

  test('unknown features that are not required do not matter', () => {
    const notes = [LOADER, VERSION, { type: 10, description: text('perpetual_motion|writable_page_tables') }];
    expect(readKernelImage(kernel({ notes })).parameters.supportedFeatures).toEqual(['writable_page_tables']);
  });

  function oldBzImage(): Uint8Array {
    const image = wrapBzImage(grubLike(64), 4);
    image[0x206] = 7;
    return image;
  }
});
