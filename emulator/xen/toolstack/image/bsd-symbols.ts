/**
 * The note BSD_SYMTAB: a kernel finds its symbol table behind its last byte, as BSD boot loaders put it there. A size (4
 * bytes), an ELF header with three section headers of which the last two are the symbols' and their strings', and those
 * two sections (elf_load_bsdsyms of common/libelf/libelf-loader.c).
 *
 * The room is that of the headers of 64-bit files, also behind a 32-bit kernel; Xen 4.17 reckons less there and may leave
 * out the strings.
 */
import { SHT_STRTAB, SHT_SYMTAB } from '../../../elf/constants.ts';
import type { ElfFile, Section } from '../../../elf/elf-file.ts';

const SIZE_BYTES = 4;
/** Of 64-bit files. The section headers stand behind so much, whatever the width. */
const EHDR_BYTES = 64;
const SHDR_BYTES = 64;
const SECTIONS = 3;
const SYMBOLS = 1;
const STRINGS = 2;

/** Offsets in the two kinds of files (elf.h). */
const FIELDS = {
  32: { ehdr: 52, shdr: 40, version: 20, phoff: 28, shoff: 32, ehsize: 40, offset: 16, link: 24 },
  64: { ehdr: 64, shdr: 64, version: 20, phoff: 32, shoff: 40, ehsize: 52, offset: 24, link: 40 },
} as const;

/** What lies behind a kernel, from the next multiple of a word on; undefined for one without symbols. */
export function bsdSymbols(elf: ElfFile): Uint8Array | undefined {
  const symbols = elf.sections.find(({ type }) => type === SHT_SYMTAB);
  const strings = symbols === undefined ? undefined : elf.sections.find(({ index }) => index === symbols.link);
  if (symbols === undefined || strings?.type !== SHT_STRTAB) return undefined;
  const { reader, elfClass } = elf;
  const fields = FIELDS[elfClass];
  if (![symbols, strings].every(({ offset, size }) => reader.has(offset, size))) return undefined;
  const symbolsAt = roundUp(SIZE_BYTES + EHDR_BYTES + SECTIONS * SHDR_BYTES, elfClass);
  const stringsAt = roundUp(symbolsAt + symbols.size, elfClass);
  const end = stringsAt + strings.size;
  const bytes = new Uint8Array(roundUp(end, elfClass));
  const view = new DataView(bytes.buffer);
  const word = (at: number, value: number): void => {
    view.setUint32(at, value, true);
    if (elfClass === 64) view.setUint32(at + 4, 0, true);
  };
  view.setUint32(0, end - SIZE_BYTES, true);

  const header = SIZE_BYTES;
  bytes.set(reader.slice(0, fields.ehdr), header);
  view.setUint32(header + fields.version, 1, true);
  word(header + fields.phoff, 0);
  word(header + fields.shoff, EHDR_BYTES);
  const sizes = [fields.ehdr, 0, 0, fields.shdr, SECTIONS, 0];
  sizes.forEach((value, index) => {
    view.setUint16(header + fields.ehsize + index * 2, value, true);
  });

  const table = elfClass === 64 ? reader.u64(fields.shoff) : reader.u32(fields.shoff);
  const place = (slot: number, section: Section, at: number): number => {
    const to = header + EHDR_BYTES + slot * fields.shdr;
    bytes.set(reader.slice(table + section.index * fields.shdr, fields.shdr), to);
    word(to + fields.offset, at - header);
    bytes.set(reader.slice(section.offset, section.size), at);
    return to;
  };
  view.setUint32(place(SYMBOLS, symbols, symbolsAt) + fields.link, STRINGS, true);
  place(STRINGS, strings, stringsAt);
  return bytes;
}

/**
 * The same as Xen 2.0's tools lay it out (loadelfsymtab of tools/libxc/xc_linux_build.c): all section headers of a 32-bit
 * file, without names, then the symbol tables and the strings that belong to them. Undefined: there are none.
 */
export function bsdSymbols2(elf: ElfFile): Uint8Array | undefined {
  const { reader, sections } = elf;
  const fields = FIELDS[32];
  const linked = new Set(sections.filter(({ type }) => type === SHT_SYMTAB).map(({ link }) => link));
  const wanted = sections.filter(
    ({ type, index }) => type === SHT_SYMTAB || (type === SHT_STRTAB && linked.has(index)),
  );
  if (wanted.length === 0 || !wanted.every(({ offset, size }) => reader.has(offset, size))) return undefined;
  const headers = SIZE_BYTES + fields.ehdr;
  let end = roundUp(headers + sections.length * fields.shdr, 32);
  const places = new Map<number, number>();
  for (const { index, size } of wanted) {
    places.set(index, end);
    end = roundUp(end + size, 32);
  }
  const bytes = new Uint8Array(end);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, end - SIZE_BYTES, true);
  bytes.set(reader.slice(0, fields.ehdr), SIZE_BYTES);
  view.setUint32(SIZE_BYTES + fields.phoff, 0, true);
  view.setUint32(SIZE_BYTES + fields.shoff, fields.ehdr, true);
  // e_phentsize, e_phnum; e_shstrndx: sections have no names any more.
  for (const at of [fields.ehsize + 2, fields.ehsize + 4, fields.ehsize + 10]) view.setUint16(SIZE_BYTES + at, 0, true);
  const table = reader.u32(fields.shoff);
  for (const { index, type, offset, size } of sections) {
    const to = headers + index * fields.shdr;
    bytes.set(reader.slice(table + index * fields.shdr, fields.shdr), to);
    view.setUint32(to, 0, true);
    const place = places.get(index);
    if (place !== undefined) {
      // Offsets count from the header, behind the size.
      view.setUint32(to + fields.offset, place - SIZE_BYTES, true);
      bytes.set(reader.slice(offset, size), place);
    } else if (type === SHT_STRTAB) {
      view.setUint32(to + fields.offset, 0, true);
    }
  }
  return bytes;
}

/** Where they lie behind an end: elf_round_up. */
export function bsdSymbolsAt(end: number, { elfClass }: ElfFile): number {
  return roundUp(end, elfClass);
}

function roundUp(value: number, elfClass: 32 | 64): number {
  return Math.ceil(value / (elfClass / 8)) * (elfClass / 8);
}
