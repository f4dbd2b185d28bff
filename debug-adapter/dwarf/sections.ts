import { unzlibSync } from 'fflate';
import { type ElfFile, findSection, type Section, sectionBytes } from '../../emulator/elf/elf-file.ts';
import { DataReader } from './data-reader.ts';
import { missingSection, type Problems } from './malformed.ts';

/** Of System V gABI, "Section Compression". */
const SHF_COMPRESSED = 0x800;
const ELFCOMPRESS_ZLIB = 1;
const ELFCOMPRESS_ZSTD = 2;
/** No kernel's single section is larger; a header that says more lies. */
const MAXIMUM_UNPACKED = 2 ** 31 - 1;

const NAMES = [
  'abbrev',
  'addr',
  'frame',
  'info',
  'line',
  'line_str',
  'loc',
  'loclists',
  'ranges',
  'rnglists',
  'str',
  'str_offsets',
] as const;
export type SectionName = (typeof NAMES)[number];

/** The debugging sections of one file; unpacked when first used. */
export class DebugSections {
  private readonly unpacked = new Map<string, Uint8Array | undefined>();

  constructor(
    private readonly file: ElfFile,
    private readonly problems: Problems,
  ) {}

  get addressSize(): 8 | 4 {
    return this.file.elfClass === 64 ? 8 : 4;
  }

  /** A cursor at the section's start. Throws `MalformedDwarf` where there is none. */
  reader(name: SectionName, at = 0): DataReader {
    const bytes = this.bytes(`.debug_${name}`);
    if (bytes === undefined) throw missingSection(`.debug_${name}`);
    return new DataReader(bytes, `.debug_${name}`, at);
  }

  has(name: SectionName): boolean {
    return this.bytes(`.debug_${name}`) !== undefined;
  }

  /** .eh_frame with its address, which pointers in it are relative to. */
  ehFrame(): { readonly bytes: Uint8Array; readonly address: number } | undefined {
    const section = findSection(this.file, '.eh_frame');
    const bytes = this.bytes('.eh_frame');
    return section === undefined || bytes === undefined ? undefined : { bytes, address: section.address };
  }

  /** Start of .text, which some pointers of .eh_frame are relative to. */
  get textAddress(): number {
    return findSection(this.file, '.text')?.address ?? 0;
  }

  private bytes(name: string): Uint8Array | undefined {
    if (!this.unpacked.has(name)) this.unpacked.set(name, this.unpack(name));
    return this.unpacked.get(name);
  }

  private unpack(name: string): Uint8Array | undefined {
    const section = findSection(this.file, name);
    if (section === undefined) {
      if (findSection(this.file, name.replace('.debug_', '.zdebug_')) !== undefined && name.startsWith('.debug_')) {
        this.problems.note(`${name} is compressed in GNU's old way; link with --compress-debug-sections=none.`);
      }
      return undefined;
    }
    const bytes = sectionBytes(this.file, section);
    if (bytes === undefined || (section.flags & SHF_COMPRESSED) === 0) return bytes;
    return this.problems.guard(undefined, () => this.inflate(section, bytes));
  }

  private inflate({ name }: Section, bytes: Uint8Array): Uint8Array | undefined {
    const header = new DataReader(bytes, name);
    const method = header.u32();
    if (this.addressSize === 8) header.skip(4);
    const size = this.addressSize === 8 ? header.u64() : header.u32();
    header.skip(this.addressSize);
    if (method !== ELFCOMPRESS_ZLIB || size > MAXIMUM_UNPACKED) {
      const how = method === ELFCOMPRESS_ZSTD ? 'with zstd' : `by method ${method}`;
      this.problems.note(`${name} is compressed ${how}; unpack it with objcopy --decompress-debug-sections.`);
      return undefined;
    }
    try {
      return unzlibSync(bytes.subarray(header.at), { out: new Uint8Array(size) });
    } catch (error) {
      this.problems.note(`${name} cannot be unpacked: ${error instanceof Error ? error.message : String(error)}.`);
      return undefined;
    }
  }
}
