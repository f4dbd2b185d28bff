import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { mayBeImage, recognizeImage } from '../../../../extension/host/configuration/recognize-image.ts';

/** A 64-bit ELF file with one PT_NOTE segment that holds one note; offsets as in the ELF specification. */
function elfWithNote(owner: string): Uint8Array {
  const bytes = new Uint8Array(0x100);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(0x10, 2, true);
  view.setUint16(0x12, 62, true);
  view.setUint32(0x14, 1, true);
  view.setUint32(0x20, 0x40, true);
  view.setUint16(0x34, 0x40, true);
  view.setUint16(0x36, 0x38, true);
  view.setUint16(0x38, 1, true);
  view.setUint16(0x3a, 0x40, true);
  view.setUint32(0x40, 4, true);
  view.setUint32(0x48, 0x80, true);
  view.setUint32(0x60, 0x18, true);
  view.setUint32(0x68, 0x18, true);
  view.setUint32(0x80, owner.length + 1, true);
  view.setUint32(0x84, 4, true);
  view.setUint32(0x88, 5, true);
  bytes.set(new TextEncoder().encode(owner), 0x8c);
  return bytes;
}

function bzImage(): Uint8Array {
  const bytes = new Uint8Array(0x400);
  bytes.set([0x55, 0xaa], 0x1fe);
  bytes.set(new TextEncoder().encode('HdrS'), 0x202);
  return bytes;
}

test('an ELF file is a Xen image by its notes, gzipped or not; another ELF file is none', () => {
  expect(recognizeImage('kernel', elfWithNote('Xen'))).toBe('elf');
  expect(recognizeImage('kernel.gz', gzipSync(elfWithNote('Xen')))).toBe('elf');
  expect(recognizeImage('program', elfWithNote('GNU'))).toBeUndefined();
});

test('a bzImage is told by boot flag and signature', () => {
  expect(recognizeImage('vmlinuz', bzImage())).toBe('bzImage');
  expect(recognizeImage('vmlinuz', bzImage().subarray(0, 0x204))).toBeUndefined();
});

test('an xl.cfg is told from other .cfg files by its kernel', () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  expect(recognizeImage('guest.cfg', encode('name = "x"\nkernel = "vmlinuz"\n'))).toBe('config');
  expect(recognizeImage('setup.cfg', encode('[metadata]\nname = x\n'))).toBeUndefined();
  expect(recognizeImage('notes.txt', encode('kernel = "vmlinuz"\n'))).toBeUndefined();
});

test('damaged files are no images, and raise nothing', () => {
  const whole = elfWithNote('Xen');
  for (let size = 0; size < whole.length; size += 1)
    expect(() => recognizeImage('k', whole.subarray(0, size))).not.toThrow();
  expect(recognizeImage('k', Uint8Array.of(0x1f, 0x8b, 8, 0, 1, 2, 3))).toBeUndefined();
});

test('only likely names are read', () => {
  const names = [
    'vmlinuz-6.1.0-50-amd64',
    'grub-x86_64-xen.bin',
    'guest.cfg',
    'guest.elf',
    'main.c',
    'README.md',
    'a.png',
  ];
  expect(names.filter(mayBeImage)).toEqual(names.slice(0, 4));
});
