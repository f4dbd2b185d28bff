import type { DataReader } from './data-reader.ts';
import { type AttributeValue, readForm } from './forms.ts';
import { badLineTable } from './malformed.ts';
import { joinPath } from './paths.ts';
import type { DebugSections } from './sections.ts';

export interface LineHeader {
  readonly version: number;
  readonly addressSize: number;
  /** Where the program begins and ends. */
  readonly program: number;
  readonly end: number;
  readonly minimumInstruction: number;
  readonly defaultIsStatement: boolean;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** Number of LEB128 operands by opcode. */
  readonly operandCounts: Uint8Array;
  /** Paths by file number, as the rows use it: from 1, or from 0 in version 5. Absolute where the compiler's folder is. */
  readonly files: readonly string[];
}

/** DW_LNCT_* (DWARF 5, table 7.27). */
const LNCT_path = 1;
const LNCT_directory_index = 2;
const MAXIMUM_ENTRIES = 100_000;

/** Reads the header of a line-number program, of versions 2 to 5. Names are joined to `folder`, the compiler's. */
export function readLineHeader(
  sections: DebugSections,
  offset: number,
  folder: string,
  addressSizeOfUnit: number,
): LineHeader {
  const reader = sections.reader('line', offset);
  const { length, is64 } = reader.initialLength();
  const end = reader.at + length;
  if (end > reader.end) throw badLineTable(offset, 'is longer than its section');
  const version = reader.u16();
  if (version < 2 || version > 5) throw badLineTable(offset, `is of version ${version}; 2 to 5 are read`);
  let addressSize = addressSizeOfUnit;
  if (version >= 5) {
    addressSize = reader.u8();
    reader.skip(1);
  }
  const headerLength = reader.offset(is64);
  const program = reader.at + headerLength;
  if (program > end) throw badLineTable(offset, 'has a header longer than itself');
  const minimumInstruction = reader.u8();
  if (version >= 4) reader.skip(1);
  const defaultIsStatement = reader.u8() !== 0;
  const lineBase = reader.s8();
  const lineRange = reader.u8();
  const opcodeBase = reader.u8();
  if (lineRange === 0 || opcodeBase === 0) throw badLineTable(offset, 'has a line range or an opcode base of 0');
  const operandCounts = new Uint8Array(opcodeBase);
  for (let opcode = 1; opcode < opcodeBase; opcode++) operandCounts[opcode] = reader.u8();
  const format = { version, addressSize, is64 };
  const files = version >= 5 ? newNames(sections, reader, folder, format) : oldNames(reader, folder);
  return {
    version,
    addressSize,
    program,
    end,
    minimumInstruction,
    defaultIsStatement,
    lineBase,
    lineRange,
    opcodeBase,
    operandCounts,
    files,
  };
}

/** Versions 2 to 4: folders from 1 (0 is the compiler's), then files from 1. */
function oldNames(reader: DataReader, folder: string): readonly string[] {
  const folders = [folder];
  for (;;) {
    const name = reader.string();
    if (name === '') break;
    folders.push(joinPath(folder, name));
  }
  const files = [''];
  for (;;) {
    const name = reader.string();
    if (name === '') return files;
    const directory = reader.uleb();
    reader.skipLeb();
    reader.skipLeb();
    files.push(joinPath(folders[directory] ?? folder, name));
  }
}

interface Format {
  readonly version: number;
  readonly addressSize: number;
  readonly is64: boolean;
}

/** Version 5: both tables describe their own columns. */
function newNames(sections: DebugSections, reader: DataReader, folder: string, format: Format): readonly string[] {
  const folders = readTable(sections, reader, format).map(({ path }) => joinPath(folder, path));
  return readTable(sections, reader, format).map(({ path, directory }) => joinPath(folders[directory] ?? folder, path));
}

function readTable(
  sections: DebugSections,
  reader: DataReader,
  format: Format,
): readonly { readonly path: string; readonly directory: number }[] {
  const columns: { readonly content: number; readonly form: number }[] = [];
  for (let left = reader.u8(); left > 0; left--) columns.push({ content: reader.uleb(), form: reader.uleb() });
  const count = reader.uleb();
  if (count > MAXIMUM_ENTRIES || (columns.length === 0 && count > 0)) throw badLineTable(reader.at, 'names no files');
  const rows: { path: string; directory: number }[] = [];
  for (let left = count; left > 0; left--) {
    const row = { path: '', directory: 0 };
    for (const { content, form } of columns) {
      const value = readForm(reader, form, format, undefined);
      if (content === LNCT_path) row.path = textOf(sections, value);
      if (content === LNCT_directory_index && value.kind === 'constant') row.directory = Number(value.value);
    }
    rows.push(row);
  }
  return rows;
}

function textOf(sections: DebugSections, value: AttributeValue): string {
  if (value.kind === 'string') return value.value;
  return value.kind === 'text' ? sections.reader(value.section, value.offset).string() : '';
}
