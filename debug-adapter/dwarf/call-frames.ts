/**
 * Call-frame information (DWARF 5, 6.4) from .debug_frame, and from .eh_frame in the form that the Linux Standard Base
 * describes (LSB 5.0, Core, 10.6).
 */
import { DataReader } from './data-reader.ts';
import { type FrameRow, runFrameProgram } from './frame-program.ts';
import { badFrames, type Problems } from './malformed.ts';
import type { DebugSections } from './sections.ts';

/** DW_EH_PE_*: how .eh_frame encodes a pointer. */
const PE = { omit: 0xff, relative: 0x70, pcrel: 0x10, textrel: 0x20, indirect: 0x80 } as const;

export interface CommonEntry {
  readonly codeAlignment: number;
  readonly dataAlignment: number;
  readonly returnRegister: number;
  /** Its frames were interrupted, not called: augmentation "S". */
  readonly isSignalFrame: boolean;
  readonly pointerEncoding: number;
  readonly hasAugmentationData: boolean;
  readonly instructions: Uint8Array;
}

/** One section of call-frame information, with what addresses in it are relative to. */
interface FrameSection {
  readonly reader: DataReader;
  /** Of .eh_frame: where it is loaded; undefined for .debug_frame. */
  readonly loadedAt: number | undefined;
}

interface Index {
  readonly lows: Float64Array;
  readonly highs: Float64Array;
  /** Of the entry in its section. */
  readonly offsets: Float64Array;
  readonly section: FrameSection;
}

interface Description {
  readonly common: CommonEntry;
  readonly low: number;
  readonly high: number;
  readonly instructions: Uint8Array;
}

/** How to find the caller from any address of the program. Indexed when first asked. */
export class CallFrames {
  private indexes: readonly Index[] | undefined;
  private readonly commons = new Map<string, CommonEntry>();

  constructor(
    private readonly sections: DebugSections,
    private readonly problems: Problems,
  ) {}

  /** The rules that hold at an address; undefined: the file has none for it. */
  rowAt(pc: number): FrameRow | undefined {
    this.indexes ??= this.readIndexes();
    for (const index of this.indexes) {
      const at = find(index, pc);
      if (at === undefined) continue;
      const row = this.problems.guard(undefined, () => {
        const reader = index.section.reader.from(index.offsets[at] as number);
        const description = this.read(index.section, reader);
        if (description === undefined || typeof description === 'number') return undefined;
        const { common, low, instructions } = description;
        return runFrameProgram(common, instructions, low, pc, this.sections.addressSize);
      });
      if (row !== undefined) return row;
    }
    return undefined;
  }

  private readIndexes(): readonly Index[] {
    const found: Index[] = [];
    if (this.sections.has('frame')) {
      found.push(this.readIndex({ reader: this.sections.reader('frame'), loadedAt: undefined }));
    }
    const eh = this.sections.ehFrame();
    if (eh !== undefined) {
      found.push(this.readIndex({ reader: new DataReader(eh.bytes, '.eh_frame'), loadedAt: eh.address }));
    }
    return found;
  }

  private readIndex(section: FrameSection): Index {
    const found: { readonly low: number; readonly high: number; readonly offset: number }[] = [];
    this.problems.guard(undefined, () => {
      const reader = section.reader.from(0);
      while (!reader.done) {
        const offset = reader.at;
        const next = this.problems.guard(undefined, () => {
          const description = this.read(section, reader);
          if (typeof description === 'number' || description === undefined) return description;
          const { low, high } = description;
          if (high > low) found.push({ low, high, offset });
          return entryEnd(section, offset);
        });
        // Where an entry cannot be read its length still says where the next one begins.
        const end = next ?? entryEnd(section, offset);
        if (end === undefined) return;
        reader.at = end;
      }
    });
    found.sort((left, right) => left.low - right.low);
    return {
      lows: Float64Array.from(found, ({ low }) => low),
      highs: Float64Array.from(found, ({ high }) => high),
      offsets: Float64Array.from(found, ({ offset }) => offset),
      section,
    };
  }

  /** The description at the cursor; a number: it is no description, and the next entry begins there. */
  private read(section: FrameSection, reader: DataReader): Description | number | undefined {
    const { at: offset } = reader;
    const { length, is64 } = reader.initialLength();
    if (length === 0) return undefined;
    const end = reader.at + length;
    if (end > reader.end) throw badFrames(reader.section, offset, 'is longer than its section');
    const isEh = section.loadedAt !== undefined;
    const idAt = reader.at;
    const id = isEh ? reader.u32() : reader.offset(is64);
    if (isEh ? id === 0 : id === (is64 ? 2 ** 64 : 0xffffffff)) return end;
    const common = this.common(section, isEh ? idAt - id : id);
    const { pointerEncoding } = common;
    const low = this.pointer(section, reader, pointerEncoding);
    // The length has the pointer's format without being relative to anything.
    const high = low + this.pointer(section, reader, pointerEncoding & 0x0f);
    if (common.hasAugmentationData) reader.skip(reader.uleb());
    return { common, low, high, instructions: reader.block(Math.max(0, end - reader.at)) };
  }

  private common(section: FrameSection, offset: number): CommonEntry {
    const key = `${section.reader.section}${offset}`;
    let common = this.commons.get(key);
    if (common === undefined) {
      common = this.readCommon(section, offset);
      this.commons.set(key, common);
    }
    return common;
  }

  private readCommon(section: FrameSection, offset: number): CommonEntry {
    const reader = section.reader.from(offset);
    const { length, is64 } = reader.initialLength();
    const end = reader.at + length;
    const isEh = section.loadedAt !== undefined;
    const id = isEh ? reader.u32() : reader.offset(is64);
    if (isEh ? id !== 0 : id < 0xffffffff) throw badFrames(reader.section, offset, 'is no common entry');
    const version = reader.u8();
    const augmentation = reader.string();
    if (version >= 4) reader.skip(2);
    const codeAlignment = reader.uleb();
    const dataAlignment = reader.sleb();
    const returnRegister = version === 1 ? reader.u8() : reader.uleb();
    let pointerEncoding = 0;
    const hasAugmentationData = augmentation.startsWith('z');
    if (hasAugmentationData) {
      const data = reader.uleb();
      const after = reader.at + data;
      pointerEncoding = this.augmentation(section, reader, augmentation.slice(1));
      reader.at = after;
      // Assemblers write "S" alone into .debug_frame: it needs no data.
    } else if (augmentation !== '' && augmentation !== 'S')
      throw badFrames(reader.section, offset, `has the augmentation "${augmentation}"`);
    return {
      codeAlignment,
      dataAlignment,
      returnRegister,
      isSignalFrame: augmentation.includes('S'),
      pointerEncoding,
      hasAugmentationData,
      instructions: reader.block(Math.max(0, end - reader.at)),
    };
  }

  /** The letters behind "z"; answers how descriptions encode their addresses. */
  private augmentation(section: FrameSection, reader: DataReader, letters: string): number {
    let encoding = 0;
    for (const letter of letters) {
      if (letter === 'R') encoding = reader.u8();
      else if (letter === 'L') reader.skip(1);
      else if (letter === 'P') this.pointer(section, reader, reader.u8());
      else if (letter !== 'S' && letter !== 'B') break;
    }
    return encoding;
  }

  private pointer({ loadedAt, reader: { section } }: FrameSection, reader: DataReader, encoding: number): number {
    if (encoding === PE.omit) return 0;
    const { at } = reader;
    const base = this.base(encoding & PE.relative, (loadedAt ?? 0) + at);
    const value = readEncoded(reader, encoding & 0x0f, this.sections.addressSize);
    if ((encoding & PE.indirect) !== 0) throw badFrames(section, at, 'refers to an address that only a loader knows');
    const sum = base + value;
    return this.sections.addressSize === 4 ? sum - Math.floor(sum / 2 ** 32) * 2 ** 32 : sum;
  }

  private base(relative: number, here: number): number {
    if (relative === PE.pcrel) return here;
    return relative === PE.textrel ? this.sections.textAddress : 0;
  }
}

function readEncoded(reader: DataReader, format: number, addressSize: number): number {
  switch (format) {
    case 0:
      return reader.address(addressSize);
    case 1:
      return reader.uleb();
    case 2:
      return reader.u16();
    case 3:
      return reader.u32();
    case 4:
    case 12:
      return reader.address(8);
    case 9:
      return reader.sleb();
    case 10:
      return (reader.u16() << 16) >> 16;
    case 11:
      return reader.u32() | 0;
    default:
      throw badFrames(reader.section, reader.at, `has a pointer of format ${format}`);
  }
}

/** Where the entry at an offset ends; undefined: nothing follows. */
function entryEnd(section: FrameSection, offset: number): number | undefined {
  const reader = section.reader.from(offset);
  const { length } = reader.initialLength();
  const end = reader.at + length;
  return length === 0 || end > reader.end ? undefined : end;
}

function find({ lows, highs }: Index, pc: number): number | undefined {
  let low = 0;
  let high = lows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((lows[middle] as number) <= pc) low = middle + 1;
    else high = middle;
  }
  return low > 0 && pc < (highs[low - 1] as number) ? low - 1 : undefined;
}
