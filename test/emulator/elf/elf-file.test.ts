import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../emulator/base/user-error.ts';
import { findSection, loadableSegments, readElf, sectionBytes } from '../../../emulator/elf/elf-file.ts';
import { sectionNotes, segmentNotes } from '../../../emulator/elf/elf-notes.ts';
import { readSymbols } from '../../../emulator/elf/elf-symbols.ts';
import { buildElf, concatenate, text, u32, u64 } from './build-elf.ts';

function idOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return error.id;
    throw error;
  }
  return 'accepted';
}

const segment = { paddr: 0x1000, bytes: new Uint8Array([1, 2, 3, 4, 5]), memorySize: 0x3000 };

describe.each([32, 64] as const)('a %i-bit file', (elfClass) => {
  const file = readElf(
    buildElf({ elfClass, entry: 0x1004, segments: [segment], notes: [{ type: 8, description: text('generic') }] }),
  );

  test('header and segments', () => {
    expect(file).toMatchObject({ elfClass, entry: 0x1004, type: 2, machine: elfClass === 64 ? 62 : 3 });
    const [loaded] = loadableSegments(file);
    expect(loaded).toMatchObject({ physicalAddress: 0x1000, virtualAddress: 0x1000, fileSize: 5, memorySize: 0x3000 });
    expect([...file.reader.slice(loaded!.offset, loaded!.fileSize)]).toEqual([1, 2, 3, 4, 5]);
  });

  test('notes', () => {
    expect(segmentNotes(file)).toEqual([{ owner: 'Xen', type: 8, description: text('generic') }]);
    expect(sectionNotes(file)).toEqual([]);
  });

  test('sections by name', () => {
    expect(findSection(file, '.shstrtab')).toMatchObject({ type: 3 });
    expect(findSection(file, '.text')).toBeUndefined();
  });
});

test('a last note that runs past its segment, as in GRUB for i386, is read nevertheless', () => {
  const bytes = buildElf({ segments: [segment], notes: [{ type: 9, description: text('yes,bimodal') }] });
  // p_filesz of the PT_NOTE header, the second one.
  new DataView(bytes.buffer).setUint32(64 + 56 + 32, 20, true);
  expect(segmentNotes(readElf(bytes))).toEqual([{ owner: 'Xen', type: 9, description: text('yes,bimodal') }]);
  const cut = buildElf({ segments: [segment], notes: [{ type: 9, description: text('yes') }] });
  const note = 64 + 56 * 2 + 8;
  const ended = cut.slice(0, note + 12 + 4 + 4);
  const view = new DataView(ended.buffer);
  view.setUint32(note + 4, 12, true);
  view.setBigUint64(40, 0n, true);
  expect(segmentNotes(readElf(ended))).toEqual([{ owner: 'Xen', type: 9, description: text('yes') }]);
});

test('symbols: functions and objects with their values; sections, files and undefined ones left out', () => {
  const strings = concatenate(text(''), text('start'), text('table'), text('missing'));
  const symbol = (name: number, info: number, section: number, value: bigint, size: bigint): Uint8Array =>
    concatenate(u32(name), new Uint8Array([info, 0, section, 0]), u64(value), u64(size));
  const symbols = concatenate(
    symbol(0, 0, 0, 0n, 0n),
    symbol(1, 0x12, 1, 0xffffffff81000000n, 64n),
    symbol(7, 0x01, 1, 0x2000n, 8n),
    symbol(13, 0x12, 0, 0n, 0n),
    symbol(1, 0x03, 1, 0n, 0n),
  );
  const file = readElf(
    buildElf({
      segments: [segment],
      sections: [
        { name: '.strtab', type: 3, bytes: strings },
        { name: '.symtab', type: 2, bytes: symbols, link: 1 },
      ],
    }),
  );
  expect(readSymbols(file)).toEqual([
    { name: 'start', value: -0x7f000000, size: 64, kind: 'function', binding: 1, sectionIndex: 1 },
    { name: 'table', value: 0x2000, size: 8, kind: 'object', binding: 0, sectionIndex: 1 },
  ]);
});

test("this machine's own Node binary: the sections of a real linker", () => {
  const bytes = readFileSync(process.execPath);
  if (bytes.readUInt32LE(0) !== 0x464c457f || bytes[18] !== 62) return; // not an x86-64 ELF machine
  const file = readElf(bytes);
  const interpreter = findSection(file, '.interp');
  expect(new TextDecoder().decode(sectionBytes(file, interpreter!))).toMatch(/ld-linux-x86-64\.so\.2\0$/);
  expect(sectionNotes(file).map((note) => note.owner)).toContain('GNU');
});

describe('hostile files', () => {
  const good = buildElf({ segments: [segment] });
  const withWord = (offset: number, value: number): Uint8Array => {
    const bytes = good.slice();
    new DataView(bytes.buffer).setUint32(offset, value, true);
    return bytes;
  };
  const PROGRAM_HEADER = 64;

  test.each<[string, Uint8Array]>([
    ['elf.not-elf', new Uint8Array([1, 2, 3])],
    ['elf.truncated', good.slice(0, 10)],
    ['elf.truncated', good.slice(0, 60)],
    ['elf.truncated', good.slice(0, 100)],
    ['elf.wrong-class', withWord(4, 0x00010103)],
    ['elf.wrong-byte-order', withWord(4, 0x00010202)],
    ['elf.wrong-machine', withWord(18, 0x00010028)],
    ['elf.bad-entry-size', withWord(54, 0x00010039)],
    ['elf.absurd-size', withWord(54, 0xffff0038)],
    ['elf.truncated', withWord(32, 0xfffffff0)],
    ['elf.truncated', withWord(36, 0x7fffffff)],
    ['elf.segment-sizes', withWord(PROGRAM_HEADER + 32, 0x4000)],
    ['elf.truncated', withWord(PROGRAM_HEADER + 8, 0x100000)],
    ['elf.absurd-size', withWord(PROGRAM_HEADER + 44, 0x7fffffff)],
    ['elf.nothing-to-load', withWord(PROGRAM_HEADER, 2)],
    ['elf.nothing-to-load', withWord(PROGRAM_HEADER + 4, 0)],
  ])('%s', (id, bytes) => {
    expect(idOf(() => loadableSegments(readElf(bytes)))).toBe(id);
  });

  test('overlapping segments', () => {
    const bytes = buildElf({ segments: [segment, { paddr: 0x3ff0, bytes: new Uint8Array(32) }] });
    expect(idOf(() => loadableSegments(readElf(bytes)))).toBe('elf.overlapping-segments');
  });

  test('damaged section headers do not matter to a loader', () => {
    const file = readElf(withWord(40, 0x7fffffff));
    expect(file.sections).toEqual([]);
    expect(file.sectionProblem).toMatch(/outside the file/);
  });
});
