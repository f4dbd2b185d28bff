import { type Abbreviation, Abbreviations, type Format } from './abbreviations.ts';
import { AT, TAG } from './constants.ts';
import type { DataReader } from './data-reader.ts';
import { Entry } from './entry.ts';
import { badUnit, MalformedDwarf, type Problems, unknownAbbreviation } from './malformed.ts';
import { type PcRange, readRanges } from './ranges.ts';
import type { DebugSections } from './sections.ts';
import { readTree, type UnitTree } from './unit-tree.ts';

/** DW_UT_* (DWARF 5, table 7.2). */
const UT_COMPILE = 1;
const UT_PARTIAL = 3;
const UT_SKELETON = 4;

export interface UnitHeader extends Format {
  /** Of the unit in .debug_info. */
  readonly offset: number;
  /** One past its last byte. */
  readonly end: number;
  /** Of its first entry. */
  readonly root: number;
  readonly abbreviations: number;
}

/** What the root entry tells every other one: where the unit's parts of other sections begin. */
interface Bases {
  readonly strings: number;
  readonly addresses: number;
  readonly ranges: number;
  readonly locations: number;
}

/** Headers of all units that hold code; a damaged one ends the list, for nothing says where the next begins. */
export function readUnitHeaders(sections: DebugSections, problems: Problems): readonly UnitHeader[] {
  const headers: UnitHeader[] = [];
  problems.guard(undefined, () => {
    const reader = sections.reader('info');
    while (!reader.done) {
      const offset = reader.at;
      const { length, is64 } = reader.initialLength();
      const end = reader.at + length;
      if (end > reader.end) throw badUnit(offset, 'is longer than its section');
      const header = problems.guard(undefined, () => readHeader(reader, offset, end, is64));
      if (header !== undefined) headers.push(header);
      reader.at = end;
    }
  });
  return headers;
}

function readHeader(reader: DataReader, offset: number, end: number, is64: boolean): UnitHeader | undefined {
  const version = reader.u16();
  if (version < 2 || version > 5) throw badUnit(offset, `is of DWARF version ${version}; 2 to 5 are read`);
  const common = { offset, end, version, is64 };
  if (version < 5) {
    const abbreviations = reader.offset(is64);
    const addressSize = reader.u8();
    return { ...common, abbreviations, addressSize, root: reader.at };
  }
  const type = reader.u8();
  const addressSize = reader.u8();
  const abbreviations = reader.offset(is64);
  if (type === UT_SKELETON) reader.skip(8);
  // Type units hold no code, and the units of .dwo files are not here.
  else if (type !== UT_COMPILE && type !== UT_PARTIAL) return undefined;
  return { ...common, abbreviations, addressSize, root: reader.at };
}

/** One compilation unit. Everything beyond its header is read when it is asked for, and may throw `MalformedDwarf`. */
export class Unit {
  private table: Abbreviations | undefined;
  private rootBases: Bases | undefined;
  private rootRanges: readonly PcRange[] | undefined;
  private flatTree: UnitTree | undefined;

  constructor(
    readonly header: UnitHeader,
    readonly sections: DebugSections,
    /** The unit that holds an offset of .debug_info. */
    private readonly unitOf: (offset: number) => Unit | undefined,
  ) {}

  get root(): Entry {
    return this.entry(this.header.root);
  }

  get name(): string {
    return this.root.text(AT.name) ?? '';
  }

  /** Folder that the compiler ran in; names of files are relative to it. */
  get folder(): string {
    return this.root.text(AT.comp_dir) ?? '';
  }

  /** Whether its debugging information was left in a .dwo file. */
  get isSplit(): boolean {
    const { root } = this;
    return root.tag === TAG.skeleton_unit || root.has(AT.dwo_name) || root.has(AT.GNU_dwo_name);
  }

  /** Addresses of its code; empty where the unit does not tell. */
  get ranges(): readonly PcRange[] {
    this.rootRanges ??= readRanges(this.root);
    return this.rootRanges;
  }

  /** Its entries as a flat tree; made once. */
  get tree(): UnitTree {
    this.flatTree ??= readTree(this);
    return this.flatTree;
  }

  get bases(): Bases {
    if (this.rootBases !== undefined) return this.rootBases;
    // The root's own strings may need the very bases it gives: those attributes never do.
    const { root } = this;
    const header = this.header.is64 ? 16 : 8;
    this.rootBases = {
      strings: root.sectionOffset(AT.str_offsets_base) ?? header,
      addresses: root.sectionOffset(AT.addr_base) ?? header,
      ranges: root.sectionOffset(AT.rnglists_base) ?? header + 4,
      locations: root.sectionOffset(AT.loclists_base) ?? header + 4,
    };
    return this.rootBases;
  }

  abbreviation(code: number, offset: number): Abbreviation {
    this.table ??= new Abbreviations(this.sections.reader('abbrev', this.header.abbreviations), this.header);
    const found = this.table.get(code);
    if (found === undefined) throw unknownAbbreviation(code, offset);
    return found;
  }

  reader(offset: number): DataReader {
    return this.sections.reader('info').from(offset, this.header.end);
  }

  contains(offset: number): boolean {
    return offset >= this.header.root && offset < this.header.end;
  }

  /** The entry at an absolute offset. */
  entry(offset: number): Entry {
    if (!this.contains(offset)) throw badUnit(this.header.offset, `has no entry at 0x${offset.toString(16)}`);
    const reader = this.reader(offset);
    const code = reader.uleb();
    if (code === 0) throw new MalformedDwarf(`There is no entry at 0x${offset.toString(16)} of .debug_info.`);
    return new Entry(this, offset, this.abbreviation(code, offset), reader.at);
  }

  /** The same for one that may be in another unit. */
  anyEntry(offset: number): Entry {
    return (this.contains(offset) ? this : (this.unitOf(offset) ?? this)).entry(offset);
  }

  string(index: number): string {
    const size = this.header.is64 ? 8 : 4;
    const table = this.sections.reader('str_offsets', this.bases.strings + index * size);
    return this.sections.reader('str', table.offset(this.header.is64)).string();
  }

  address(index: number): number {
    const { addressSize } = this.header;
    return this.sections.reader('addr', this.bases.addresses + index * addressSize).address(addressSize);
  }
}
