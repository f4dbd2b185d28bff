/**
 * Reads the headers of little-endian x86 ELF files: program headers strictly (a kernel that lies about them is
 * refused), section headers leniently (a kernel boots without them), as Xen's libelf does.
 *
 * NOT IMPLEMENTED: relocations, extended numbering (e_phnum = PN_XNUM), compressed sections.
 */
import { ByteReader } from './byte-reader.ts';
import { ELFCLASS32, ELFCLASS64, ELFDATA2LSB, EM_386, EM_X86_64, PT_LOAD, SHT_NOBITS } from './constants.ts';
import {
  absurdSize,
  badEntrySize,
  fileLargerThanMemory,
  notElf,
  nothingToLoad,
  overlapping,
  truncated,
  wrongByteOrder,
  wrongClass,
  wrongMachine,
} from './errors.ts';

export interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  /** Signed in 64-bit files, like every virtual address here. */
  readonly virtualAddress: number;
  /** As the file gives it: Linux uses small numbers here, GRUB the virtual address again. */
  readonly physicalAddress: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

export interface Section {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entrySize: number;
}

export interface ElfFile {
  readonly reader: ByteReader;
  readonly elfClass: 32 | 64;
  readonly machine: number;
  readonly type: number;
  readonly entry: number;
  readonly programHeaders: readonly ProgramHeader[];
  /** Empty when the section header table is absent or damaged; `sectionProblem` then says so. */
  readonly sections: readonly Section[];
  readonly sectionProblem: string | undefined;
}

/** More program headers than this cannot be meant: Linux has 5, GRUB 3. */
const MAX_PROGRAM_HEADERS = 1024;
const MAX_SECTION_NAME = 256;

interface Layout {
  readonly header: number;
  readonly program: number;
  readonly section: number;
}
const LAYOUT_32: Layout = { header: 52, program: 32, section: 40 };
const LAYOUT_64: Layout = { header: 64, program: 56, section: 64 };

export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** @throws UserError `elf.*` */
export function readElf(bytes: Uint8Array): ElfFile {
  if (!isElf(bytes)) throw notElf();
  const reader = new ByteReader(bytes);
  if (!reader.has(0, 16)) throw truncated('the identification', 16, reader.size);
  const classByte = reader.u8(4);
  if (classByte !== ELFCLASS32 && classByte !== ELFCLASS64) throw wrongClass(classByte);
  const byteOrder = reader.u8(5);
  if (byteOrder !== ELFDATA2LSB) throw wrongByteOrder(byteOrder);
  const is64 = classByte === ELFCLASS64;
  const layout = is64 ? LAYOUT_64 : LAYOUT_32;
  if (!reader.has(0, layout.header)) throw truncated('the file header', layout.header, reader.size);
  const machine = reader.u16(18);
  if (machine !== (is64 ? EM_X86_64 : EM_386)) throw wrongMachine(machine, is64 ? 64 : 32);
  const programHeaders = readProgramHeaders(reader, is64, layout);
  const { sections, problem } = readSections(reader, is64, layout);
  return {
    reader,
    elfClass: is64 ? 64 : 32,
    machine,
    type: reader.u16(16),
    entry: is64 ? reader.s64(24) : reader.u32(24),
    programHeaders,
    sections,
    sectionProblem: problem,
  };
}

function readProgramHeaders(reader: ByteReader, is64: boolean, layout: Layout): ProgramHeader[] {
  const table = is64 ? reader.u64(32) : reader.u32(28);
  const entrySize = reader.u16(is64 ? 54 : 42);
  const count = reader.u16(is64 ? 56 : 44);
  if (count === 0) return [];
  if (entrySize !== layout.program) throw badEntrySize('program', entrySize, layout.program);
  if (count > MAX_PROGRAM_HEADERS) throw absurdSize('the number of program headers', count, MAX_PROGRAM_HEADERS);
  if (!reader.has(table, count * entrySize)) {
    throw truncated('the program header table', table + count * entrySize, reader.size);
  }
  const headers: ProgramHeader[] = [];
  for (let index = 0; index < count; index++) {
    const at = table + index * entrySize;
    headers.push(
      is64
        ? {
            type: reader.u32(at),
            flags: reader.u32(at + 4),
            offset: reader.u64(at + 8),
            virtualAddress: reader.s64(at + 16),
            physicalAddress: reader.s64(at + 24),
            fileSize: reader.u64(at + 32),
            memorySize: reader.u64(at + 40),
          }
        : {
            type: reader.u32(at),
            flags: reader.u32(at + 24),
            offset: reader.u32(at + 4),
            virtualAddress: reader.u32(at + 8),
            physicalAddress: reader.u32(at + 12),
            fileSize: reader.u32(at + 16),
            memorySize: reader.u32(at + 20),
          },
    );
  }
  return headers;
}

function readSections(
  reader: ByteReader,
  is64: boolean,
  layout: Layout,
): { readonly sections: Section[]; readonly problem: string | undefined } {
  const table = is64 ? reader.u64(40) : reader.u32(32);
  const entrySize = reader.u16(is64 ? 58 : 46);
  const count = reader.u16(is64 ? 60 : 48);
  const nameIndex = reader.u16(is64 ? 62 : 50);
  if (table === 0 || count === 0) return { sections: [], problem: undefined };
  if (entrySize !== layout.section) return { sections: [], problem: `section headers of ${entrySize} bytes` };
  if (!reader.has(table, count * entrySize)) {
    return { sections: [], problem: 'the section header table lies outside the file' };
  }
  const raw: (Omit<Section, 'name'> & { readonly nameOffset: number })[] = [];
  for (let index = 0; index < count; index++) {
    const at = table + index * entrySize;
    raw.push({
      index,
      nameOffset: reader.u32(at),
      type: reader.u32(at + 4),
      flags: reader.u32(at + 8),
      address: is64 ? reader.s64(at + 16) : reader.u32(at + 12),
      offset: is64 ? reader.u64(at + 24) : reader.u32(at + 16),
      size: is64 ? reader.u64(at + 32) : reader.u32(at + 20),
      link: reader.u32(at + (is64 ? 40 : 24)),
      entrySize: is64 ? reader.u64(at + 56) : reader.u32(at + 36),
    });
  }
  const names = raw[nameIndex];
  const namesReadable = names !== undefined && reader.has(names.offset, names.size);
  const sections = raw.map(({ nameOffset, ...section }) => ({
    ...section,
    name:
      namesReadable && nameOffset < names.size
        ? reader.string(names.offset + nameOffset, Math.min(MAX_SECTION_NAME, names.size - nameOffset))
        : '',
  }));
  return { sections, problem: namesReadable ? undefined : 'the section name table lies outside the file' };
}

/** Contents of a section, or undefined when it has none in the file or lies outside it. */
export function sectionBytes(file: ElfFile, section: Section): Uint8Array | undefined {
  if (section.type === SHT_NOBITS || !file.reader.has(section.offset, section.size)) return undefined;
  return file.reader.slice(section.offset, section.size);
}

export function findSection(file: ElfFile, name: string): Section | undefined {
  return file.sections.find((section) => section.name === name);
}

/**
 * Segments that occupy memory, checked: contents inside the file, sizes in order, no two in the same place. Like
 * libelf's elf_phdr_is_loadable, a PT_LOAD without any of R, W, X is left out.
 * @throws UserError `elf.*`
 */
export function loadableSegments(file: ElfFile): readonly ProgramHeader[] {
  const loadable: { readonly header: ProgramHeader; readonly index: number }[] = [];
  for (const [index, header] of file.programHeaders.entries()) {
    if (header.type !== PT_LOAD || (header.flags & 7) === 0 || header.memorySize === 0) continue;
    if (header.fileSize > header.memorySize) throw fileLargerThanMemory(index, header.fileSize, header.memorySize);
    if (header.fileSize > 0 && !file.reader.has(header.offset, header.fileSize)) {
      throw truncated(`the contents of program header ${index}`, header.offset + header.fileSize, file.reader.size);
    }
    if (!Number.isSafeInteger(header.memorySize)) {
      throw absurdSize(`the memory size of program header ${index}`, header.memorySize, Number.MAX_SAFE_INTEGER);
    }
    loadable.push({ header, index });
  }
  if (loadable.length === 0) throw nothingToLoad();
  const ascending = [...loadable].sort((a, b) => a.header.physicalAddress - b.header.physicalAddress);
  for (let at = 1; at < ascending.length; at++) {
    const before = ascending[at - 1]!;
    const after = ascending[at]!;
    if (before.header.physicalAddress + before.header.memorySize > after.header.physicalAddress) {
      throw overlapping(before.index, after.index);
    }
  }
  return loadable.map((entry) => entry.header);
}
