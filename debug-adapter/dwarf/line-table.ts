import type { DataReader } from './data-reader.ts';
import { type LineHeader, readLineHeader } from './line-header.ts';
import { badLineTable } from './malformed.ts';
import type { DebugSections } from './sections.ts';

/** DW_LNS_* (DWARF 5, table 7.25). */
const LNS = {
  copy: 1,
  advance_pc: 2,
  advance_line: 3,
  set_file: 4,
  set_column: 5,
  negate_stmt: 6,
  set_basic_block: 7,
  const_add_pc: 8,
  fixed_advance_pc: 9,
  set_prologue_end: 10,
  set_epilogue_begin: 11,
  set_isa: 12,
} as const;

/** DW_LNE_* (DWARF 5, table 7.26). */
const LNE = { end_sequence: 1, set_address: 2, define_file: 3, set_discriminator: 4 } as const;

/** Bits of `LineTable.flags`. */
export const IS_STATEMENT = 1;
export const PROLOGUE_END = 2;
export const END_SEQUENCE = 4;

/** Rows from `first` to the one at `last`, which ends the sequence: addresses from `low` to before `high`. */
export interface Sequence {
  readonly first: number;
  readonly last: number;
  readonly low: number;
  readonly high: number;
}

/** The line table of a unit: rows in the program's order, in parallel arrays. */
export interface LineTable {
  /** Paths by file number. */
  readonly files: readonly string[];
  readonly addresses: Float64Array;
  readonly fileNumbers: Uint32Array;
  readonly lines: Uint32Array;
  readonly columns: Uint32Array;
  readonly flags: Uint8Array;
  /** By address; those without any code are left out. */
  readonly sequences: readonly Sequence[];
}

/** More rows than any unit has: a program that makes them runs through garbage. */
const MAXIMUM_ROWS = 20_000_000;

export function readLineTable(sections: DebugSections, offset: number, folder: string, addressSize: number): LineTable {
  const header = readLineHeader(sections, offset, folder, addressSize);
  const program = new LineProgram(header, sections.reader('line').from(header.program, header.end), offset);
  return program.run();
}

class LineProgram {
  private readonly addresses: number[] = [];
  private readonly fileNumbers: number[] = [];
  private readonly lines: number[] = [];
  private readonly columns: number[] = [];
  private readonly flags: number[] = [];
  private readonly sequences: Sequence[] = [];
  private sequenceStart = 0;

  private address = 0;
  private file = 1;
  private line = 1;
  private column = 0;
  private isStatement = false;
  private prologueEnd = false;

  constructor(
    private readonly header: LineHeader,
    private readonly reader: DataReader,
    private readonly offset: number,
  ) {}

  run(): LineTable {
    const { reader, header } = this;
    this.reset();
    while (!reader.done) {
      const opcode = reader.u8();
      if (opcode >= header.opcodeBase) this.special(opcode);
      else if (opcode === 0) this.extended();
      else this.standard(opcode);
      if (this.addresses.length > MAXIMUM_ROWS) throw badLineTable(this.offset, 'does not end');
    }
    return {
      files: header.files,
      addresses: Float64Array.from(this.addresses),
      fileNumbers: Uint32Array.from(this.fileNumbers),
      lines: Uint32Array.from(this.lines),
      columns: Uint32Array.from(this.columns),
      flags: Uint8Array.from(this.flags),
      sequences: this.sequences.sort((left, right) => left.low - right.low),
    };
  }

  private reset(): void {
    this.address = 0;
    this.file = 1;
    this.line = 1;
    this.column = 0;
    this.isStatement = this.header.defaultIsStatement;
    this.prologueEnd = false;
    this.sequenceStart = this.addresses.length;
  }

  private special(opcode: number): void {
    const adjusted = opcode - this.header.opcodeBase;
    this.advance(Math.floor(adjusted / this.header.lineRange));
    this.line += this.header.lineBase + (adjusted % this.header.lineRange);
    this.row(0);
  }

  private standard(opcode: number): void {
    const { reader, header } = this;
    switch (opcode) {
      case LNS.copy:
        this.row(0);
        return;
      case LNS.advance_pc:
        this.advance(reader.uleb());
        return;
      case LNS.advance_line:
        this.line += reader.sleb();
        return;
      case LNS.set_file:
        this.file = reader.uleb();
        return;
      case LNS.set_column:
        this.column = reader.uleb();
        return;
      case LNS.negate_stmt:
        this.isStatement = !this.isStatement;
        return;
      case LNS.const_add_pc:
        this.advance(Math.floor((255 - header.opcodeBase) / header.lineRange));
        return;
      case LNS.fixed_advance_pc:
        this.address += reader.u16();
        return;
      case LNS.set_prologue_end:
        this.prologueEnd = true;
        return;
      default:
        for (let left = header.operandCounts[opcode] as number; left > 0; left--) reader.skipLeb();
    }
  }

  private extended(): void {
    const { reader } = this;
    const length = reader.uleb();
    const next = reader.at + length;
    if (length === 0 || next > reader.end) throw badLineTable(this.offset, 'has an instruction longer than itself');
    const opcode = reader.u8();
    if (opcode === LNE.end_sequence) {
      this.row(END_SEQUENCE);
      const first = this.sequenceStart;
      const last = this.addresses.length - 1;
      const low = this.addresses[first] as number;
      if (this.address > low) this.sequences.push({ first, last, low, high: this.address });
      this.reset();
    } else if (opcode === LNE.set_address) this.address = reader.address(length - 1);
    reader.at = next;
  }

  private advance(operations: number): void {
    this.address += operations * this.header.minimumInstruction;
  }

  private row(flag: number): void {
    this.addresses.push(this.address);
    this.fileNumbers.push(this.file);
    this.lines.push(this.line);
    this.columns.push(this.column);
    this.flags.push(flag | (this.isStatement ? IS_STATEMENT : 0) | (this.prologueEnd ? PROLOGUE_END : 0));
    this.prologueEnd = false;
  }
}

/** Index of the row that describes an address, the last of several there; -1: none does. */
export function rowAt(table: LineTable, pc: number): number {
  const { sequences, addresses } = table;
  const sequence = sequences[sequenceBefore(sequences, pc)];
  if (sequence === undefined || pc >= sequence.high) return -1;
  let low = sequence.first;
  let end = sequence.last;
  while (low < end) {
    const middle = (low + end) >>> 1;
    if ((addresses[middle] as number) <= pc) low = middle + 1;
    else end = middle;
  }
  return low - 1;
}

/** Index of the last sequence that begins at or before an address. */
function sequenceBefore(sequences: readonly Sequence[], pc: number): number {
  let low = 0;
  let high = sequences.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sequences[middle] as Sequence).low <= pc) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
