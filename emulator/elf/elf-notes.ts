import type { ByteReader } from './byte-reader.ts';
import { PT_NOTE, SHT_NOTE } from './constants.ts';
import type { ElfFile } from './elf-file.ts';

export interface ElfNote {
  readonly owner: string;
  readonly type: number;
  readonly description: Uint8Array;
}

/** libelf's ELF_MAX_TOTAL_NOTE_COUNT: a file with more is not read further. */
const MAX_NOTES = 65536;
const align4 = (value: number): number => (value + 3) & ~3;

/** Notes of all PT_NOTE segments. */
export function segmentNotes(file: ElfFile): ElfNote[] {
  const notes: ElfNote[] = [];
  for (const header of file.programHeaders) {
    // Some binutils leave p_offset of note segments at 0; libelf skips those.
    if (header.type !== PT_NOTE || header.offset === 0) continue;
    readNotes(file.reader, header.offset, header.fileSize, notes);
  }
  return notes;
}

/** Notes of all SHT_NOTE sections. */
export function sectionNotes(file: ElfFile): ElfNote[] {
  const notes: ElfNote[] = [];
  for (const section of file.sections) {
    if (section.type === SHT_NOTE) readNotes(file.reader, section.offset, section.size, notes);
  }
  return notes;
}

/**
 * Notes that start inside the region. Like libelf, lets the last one promise more than there is: GRUB's 32-bit image
 * ends with such a note.
 */
function readNotes(reader: ByteReader, offset: number, size: number, into: ElfNote[]): void {
  if (!reader.has(offset, size)) return;
  const end = offset + size;
  let at = offset;
  while (at < end && reader.has(at, 12) && into.length < MAX_NOTES) {
    const nameSize = reader.u32(at);
    const descriptionSize = reader.u32(at + 4);
    const type = reader.u32(at + 8);
    const name = at + 12;
    if (nameSize > reader.size || descriptionSize > reader.size) return;
    const description = name + align4(nameSize);
    if (!reader.has(description, 0)) return;
    into.push({
      owner: reader.string(name, nameSize),
      type,
      description: reader.slice(description, Math.min(descriptionSize, reader.size - description)),
    });
    at = description + align4(descriptionSize);
  }
}
