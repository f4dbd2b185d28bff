import { ByteReader } from './byte-reader.ts';
import { SHT_DYNSYM, SHT_SYMTAB, STT_FILE, STT_FUNC, STT_GNU_IFUNC, STT_OBJECT, STT_SECTION } from './constants.ts';
import { type ElfFile, type Section, sectionBytes } from './elf-file.ts';

export interface ElfSymbol {
  readonly name: string;
  readonly value: number;
  readonly size: number;
  readonly kind: 'function' | 'object' | 'other';
  /** 0 local, 1 global, 2 weak. */
  readonly binding: number;
  readonly sectionIndex: number;
}

const MAX_NAME = 4096;

/**
 * Named, defined symbols of the symbol table, or of the dynamic one when the file is stripped; sections and files are
 * left out. A damaged table gives what is readable of it.
 */
export function readSymbols(file: ElfFile): ElfSymbol[] {
  const table =
    file.sections.find((section) => section.type === SHT_SYMTAB) ??
    file.sections.find((section) => section.type === SHT_DYNSYM);
  return table === undefined ? [] : readTable(file, table);
}

function readTable(file: ElfFile, table: Section): ElfSymbol[] {
  const bytes = sectionBytes(file, table);
  const stringSection = file.sections[table.link];
  const strings = stringSection === undefined ? undefined : sectionBytes(file, stringSection);
  if (bytes === undefined || strings === undefined) return [];
  const is64 = file.elfClass === 64;
  const entrySize = is64 ? 24 : 16;
  const reader = new ByteReader(bytes);
  const names = new ByteReader(strings);
  const symbols: ElfSymbol[] = [];
  for (let at = entrySize; at + entrySize <= bytes.length; at += entrySize) {
    const information = reader.u8(at + (is64 ? 4 : 12));
    const type = information & 15;
    const sectionIndex = reader.u16(at + (is64 ? 6 : 14));
    const nameOffset = reader.u32(at);
    if (type === STT_SECTION || type === STT_FILE || sectionIndex === 0) continue;
    if (nameOffset === 0 || nameOffset >= strings.length) continue;
    symbols.push({
      name: names.string(nameOffset, MAX_NAME),
      value: is64 ? reader.s64(at + 8) : reader.u32(at + 4),
      size: is64 ? reader.u64(at + 16) : reader.u32(at + 8),
      kind: type === STT_FUNC || type === STT_GNU_IFUNC ? 'function' : type === STT_OBJECT ? 'object' : 'other',
      binding: information >> 4,
      sectionIndex,
    });
  }
  return symbols;
}
