import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ElfFile, readElf } from '../../../../../emulator/elf/elf-file.ts';
import { bsdSymbols, bsdSymbols2, bsdSymbolsAt } from '../../../../../emulator/xen/toolstack/image/bsd-symbols.ts';
import { sampleGuest } from '../booted.ts';

const SHT_SYMTAB = 2;
const sectionOf = (elf: ElfFile, type: number) => elf.sections.find((section) => section.type === type);
const bytesOf = (elf: ElfFile, index: number) => {
  const section = elf.sections.find((each) => each.index === index);
  return section === undefined ? undefined : elf.reader.slice(section.offset, section.size);
};

/** The bundled sample is a 32-bit kernel with symbols, that of the tests a 64-bit one. */
test.each([
  [32, readFileSync('media/sample/guest.elf')],
  [64, sampleGuest().kernel],
])('symbols of a %i-bit kernel are an ELF file behind a size', (width, file) => {
  const elf = readElf(new Uint8Array(file));
  expect(elf.elfClass).toBe(width);
  const bytes = bsdSymbols(elf) as Uint8Array;
  expect(bytes.length % (width / 8)).toBe(0);
  const size = new DataView(bytes.buffer).getUint32(0, true);
  expect(bytes.length - 4 - size).toBeLessThan(width / 8);
  const found = readElf(bytes.slice(4, 4 + size));
  expect(found).toMatchObject({ elfClass: width, machine: elf.machine, entry: elf.entry, sectionProblem: undefined });
  expect(found.programHeaders).toEqual([]);
  expect(found.sections.map(({ index, type, link }) => [index, type, link])).toEqual([
    [0, 0, 0],
    [1, SHT_SYMTAB, 2],
    [2, 3, 0],
  ]);
  const original = sectionOf(elf, SHT_SYMTAB);
  expect(bytesOf(found, 1)).toEqual(bytesOf(elf, original?.index ?? -1));
  expect(bytesOf(found, 2)).toEqual(bytesOf(elf, original?.link ?? -1));
  // Between the header of a 32-bit file and its section headers there is nothing of anybody's (XSA-194).
  const header = width === 32 ? 52 : 64;
  expect(bytes.slice(4 + header, 4 + 64).every((byte) => byte === 0)).toBe(true);
  expect(bsdSymbolsAt(0x1001, elf)).toBe(0x1000 + width / 8);
});

test('Xen 2.0 keeps all section headers, and the contents of the symbols and their strings', () => {
  const elf = readElf(new Uint8Array(readFileSync('media/sample/guest.elf')));
  const bytes = bsdSymbols2(elf) as Uint8Array;
  expect(bytes.length % 4).toBe(0);
  expect(new DataView(bytes.buffer).getUint32(0, true)).toBe(bytes.length - 4);
  const found = readElf(bytes.slice(4));
  expect(found).toMatchObject({ elfClass: 32, machine: elf.machine, entry: elf.entry });
  expect(found.programHeaders).toEqual([]);
  expect(found.sections.map(({ index, type, link, address }) => [index, type, link, address])).toEqual(
    elf.sections.map(({ index, type, link, address }) => [index, type, link, address]),
  );
  expect(new Set(found.sections.map(({ name }) => name))).toEqual(new Set(['']));
  const symbols = sectionOf(found, SHT_SYMTAB);
  const original = sectionOf(elf, SHT_SYMTAB);
  expect(bytesOf(found, symbols?.index ?? -1)).toEqual(bytesOf(elf, original?.index ?? -1));
  expect(bytesOf(found, symbols?.link ?? -1)).toEqual(bytesOf(elf, original?.link ?? -1));
  expect(bsdSymbols2({ ...elf, sections: elf.sections.filter(({ type }) => type !== SHT_SYMTAB) })).toBeUndefined();
});

test('a kernel without symbols has none', () => {
  const elf = readElf(new Uint8Array(sampleGuest().kernel));
  expect(bsdSymbols({ ...elf, sections: elf.sections.filter(({ type }) => type !== SHT_SYMTAB) })).toBeUndefined();
  const strings = elf.sections.find(({ type }) => type === SHT_SYMTAB)?.link;
  expect(bsdSymbols({ ...elf, sections: elf.sections.filter(({ index }) => index !== strings) })).toBeUndefined();
});
