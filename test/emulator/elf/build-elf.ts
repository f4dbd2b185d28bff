/** Makes small ELF files for tests, byte by byte, without the code under test. */

export interface TestSegment {
  readonly paddr: number;
  readonly vaddr?: number;
  readonly bytes: Uint8Array;
  readonly memorySize?: number;
  readonly flags?: number;
}

export interface TestNote {
  readonly owner?: string;
  readonly type: number;
  readonly description: Uint8Array;
}

export interface TestElf {
  readonly elfClass?: 32 | 64;
  readonly entry?: number;
  readonly segments: readonly TestSegment[];
  readonly notes?: readonly TestNote[];
  /** Where notes go: a PT_NOTE segment (default) or an SHT_NOTE section. */
  readonly notesIn?: 'segment' | 'section';
  readonly sections?: readonly {
    readonly name: string;
    readonly type: number;
    readonly bytes: Uint8Array;
    readonly link?: number;
  }[];
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);

export function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return bytes;
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function concatenate(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const padTo4 = (bytes: Uint8Array): Uint8Array => concatenate(bytes, new Uint8Array((4 - (bytes.length & 3)) & 3));

export function encodeNotes(notes: readonly TestNote[]): Uint8Array {
  return concatenate(
    ...notes.map((note) => {
      const name = text(note.owner ?? 'Xen');
      const head = concatenate(u32(name.length), u32(note.description.length), u32(note.type));
      return concatenate(head, padTo4(name), padTo4(note.description));
    }),
  );
}

export function buildElf(elf: TestElf): Uint8Array {
  const is64 = elf.elfClass !== 32;
  const notes = elf.notes === undefined ? undefined : encodeNotes(elf.notes);
  const programHeaders: { type: number; flags: number; offset: number; v: number; p: number; f: number; m: number }[] =
    [];
  const sections = [...(elf.sections ?? [])];
  const headerSize = is64 ? 64 : 52;
  const entrySize = is64 ? 56 : 32;
  const noteSegment = notes !== undefined && elf.notesIn !== 'section';
  if (notes !== undefined && !noteSegment) sections.push({ name: '.note.Xen', type: 7, bytes: notes });
  let at = headerSize + entrySize * (elf.segments.length + (noteSegment ? 1 : 0));
  const body: Uint8Array[] = [];
  const place = (bytes: Uint8Array): number => {
    const offset = at;
    body.push(padTo4(bytes));
    at += padTo4(bytes).length;
    return offset;
  };
  for (const segment of elf.segments) {
    programHeaders.push({
      type: 1,
      flags: segment.flags ?? 7,
      offset: place(segment.bytes),
      v: segment.vaddr ?? segment.paddr,
      p: segment.paddr,
      f: segment.bytes.length,
      m: segment.memorySize ?? segment.bytes.length,
    });
  }
  if (noteSegment && notes !== undefined) {
    programHeaders.push({ type: 4, flags: 4, offset: place(notes), v: 0, p: 0, f: notes.length, m: notes.length });
  }
  const placedSections = sections.map((section) => ({ ...section, offset: place(section.bytes) }));
  const names = concatenate(new Uint8Array(1), ...sections.map((section) => text(section.name)), text('.shstrtab'));
  const nameTable = place(names);
  const sectionTable = at;
  const all: Uint8Array[] = [];
  const word = (value: number): Uint8Array => (is64 ? u64(BigInt(value)) : u32(value));
  let nameAt = 1;
  const sectionHeader = (name: number, type: number, offset: number, size: number, link: number): Uint8Array =>
    concatenate(u32(name), u32(type), word(0), word(0), word(offset), word(size), u32(link), u32(0), word(4), word(0));
  all.push(sectionHeader(0, 0, 0, 0, 0));
  for (const section of placedSections) {
    all.push(sectionHeader(nameAt, section.type, section.offset, section.bytes.length, section.link ?? 0));
    nameAt += section.name.length + 1;
  }
  all.push(sectionHeader(nameAt, 3, nameTable, names.length, 0));

  const half = (value: number): Uint8Array => new Uint8Array([value & 255, value >> 8]);
  const ident = new Uint8Array([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const header = concatenate(
    ident,
    half(2),
    half(is64 ? 62 : 3),
    u32(1),
    word(elf.entry ?? elf.segments[0]!.vaddr ?? elf.segments[0]!.paddr),
    word(headerSize),
    word(sectionTable),
    u32(0),
    half(headerSize),
    half(entrySize),
    half(programHeaders.length),
    half(is64 ? 64 : 40),
    half(all.length),
    half(all.length - 1),
  );
  const program = programHeaders.map((row) =>
    is64
      ? concatenate(
          u32(row.type),
          u32(row.flags),
          word(row.offset),
          word(row.v),
          word(row.p),
          word(row.f),
          word(row.m),
          word(4096),
        )
      : concatenate(
          u32(row.type),
          u32(row.offset),
          u32(row.v),
          u32(row.p),
          u32(row.f),
          u32(row.m),
          u32(row.flags),
          u32(4096),
        ),
  );
  return concatenate(header, ...program, ...body, ...all);
}
