import { afterAll, describe, expect, it } from 'vitest';
import type { DebugInfo } from '../../../debug-adapter/dwarf/debug-info.ts';
import { END_SEQUENCE, IS_STATEMENT } from '../../../debug-adapter/dwarf/line-table.ts';
import { readElf } from '../../../emulator/elf/elf-file.ts';
import { readSymbols } from '../../../emulator/elf/elf-symbols.ts';
import { bytesOf, compile, hexadecimal, lineWith, open, SAMPLE, tool, VARIANTS } from './compile.ts';

const opened = new Map<string, DebugInfo>();
afterAll(() => {
  for (const info of opened.values()) expect(info.problems).toEqual([]);
});

function infoOf(file: string): DebugInfo {
  const info = opened.get(file) ?? open(file);
  opened.set(file, info);
  return info;
}

/** Rows as objdump prints them: file, line ("-" at the end of a sequence), address, statement or not. */
function rowsOf(info: DebugInfo): readonly string[] {
  const rows: string[] = [];
  for (const table of info.lineTablesOfAllUnits()) {
    for (const [row, address] of table.addresses.entries()) {
      const flags = table.flags[row] as number;
      const path = table.files[table.fileNumbers[row] as number] as string;
      const line = (flags & END_SEQUENCE) === 0 ? String(table.lines[row]) : '-';
      const statement = (flags & IS_STATEMENT) !== 0 && line !== '-' ? ' x' : '';
      rows.push(`${path.slice(path.lastIndexOf('/') + 1)} ${line} ${hexadecimal(address)}${statement}`);
    }
  }
  return rows;
}

function rowsOfObjdump(file: string): readonly string[] {
  const rows: string[] = [];
  for (const line of tool('objdump', ['--dwarf=decodedline', file]).split('\n')) {
    const match = /^(\S+)\s+(\d+|-)\s+0x([0-9a-f]+)(?:\s+\d+)?(\s+x)?(?:\s+END)?\s*$/.exec(line);
    if (match === null) continue;
    rows.push(`${match[1]} ${match[2]} 0x${match[3]}${match[4] === undefined ? '' : ' x'}`);
  }
  return rows;
}

/** For each address: functions with the lines they stand at, innermost first. */
function placesOfAddr2line(file: string, addresses: readonly number[]): readonly string[] {
  const text = tool('addr2line', ['-a', '-i', '-f', '-e', file], addresses.map(hexadecimal).join('\n'));
  const places: string[][] = [];
  const lines = text.trimEnd().split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    if (line.startsWith('0x')) places.push([]);
    else {
      const place = (lines[++at] as string).replace(/ \(discriminator \d+\)/, '').replace(/^.*\/(?=[^/]*:)/, '');
      places.at(-1)?.push(`${line} ${place}`);
    }
  }
  return places.map((place) => place.join(' < '));
}

function placesOf(info: DebugInfo, addresses: readonly number[]): readonly string[] {
  return addresses.map((address) => {
    const place = info.place(address);
    const { line } = place ?? {};
    if (place === undefined || line === undefined) return '?? ??:0';
    const base = (path: string | undefined): string => path?.slice(path.lastIndexOf('/') + 1) ?? '??';
    let at = `${base(line.file)}:${line.line === 0 ? '?' : line.line}`;
    const texts: string[] = [];
    for (const { name, call } of place.functions) {
      texts.push(`${name} ${at}`);
      if (call !== undefined) at = `${base(info.fileName(place.unit, call.file))}:${call.line}`;
    }
    return texts.length === 0 ? `?? ${at}` : texts.join(' < ');
  });
}

/** All addresses between the first and the last row of each sequence. */
function allAddresses(info: DebugInfo): readonly number[] {
  const addresses: number[] = [];
  for (const { sequences } of info.lineTablesOfAllUnits()) {
    for (const { low, high } of sequences) for (let at = low; at < high; at++) addresses.push(at);
  }
  return addresses;
}

/** All addresses of functions; for the padding between them addr2line names the function before. */
function functionAddresses(file: string): readonly number[] {
  const functions = readSymbols(readElf(bytesOf(file))).filter(({ kind }) => kind === 'function');
  return functions.flatMap(({ value, size }) => Array.from({ length: size }, (_, at) => value + at));
}

describe('the bundled sample, a 32-bit kernel', () => {
  const file = 'media/sample/guest.elf';

  it('has the rows that objdump prints, and is where addr2line says', () => {
    const rows = rowsOf(infoOf(file));
    expect(rows.length).toBeGreaterThan(1500);
    expect(rows).toEqual(rowsOfObjdump(file));
    const addresses = functionAddresses(file);
    expect(addresses.length).toBeGreaterThan(0x3000);
    expect(placesOf(infoOf(file), addresses)).toEqual(placesOfAddr2line(file, addresses));
  });
});

describe('a 64-bit kernel', () => {
  it('has the rows that objdump prints', () => {
    const rows = rowsOf(infoOf(SAMPLE));
    expect(rows.length).toBeGreaterThan(500);
    expect(rows).toEqual(rowsOfObjdump(SAMPLE));
  });

  it('is at every address in the functions and lines that addr2line names', () => {
    const addresses = allAddresses(infoOf(SAMPLE));
    expect(addresses.length).toBe(0xbf8);
    // In assembly addr2line falls back on the symbol table for the name.
    const assembly = (text: string): string => text.replace(/^\S+ start\.S/, '?? start.S');
    expect(placesOf(infoOf(SAMPLE), addresses)).toEqual(placesOfAddr2line(SAMPLE, addresses).map(assembly));
  });

  it('knows where its files are, relative to the folder it was compiled in', () => {
    expect(infoOf(SAMPLE).files).toContain('main.c');
  });
});

describe.each([...VARIANTS, ['-m32', '-gdwarf-4'], ['-m32', '-gdwarf-5']] as const)(
  'a program compiled with %s %s',
  (level, version) => {
    const file = compile(level, version);

    it('has the rows that objdump prints', () => {
      const rows = rowsOf(infoOf(file));
      expect(rows.length).toBeGreaterThan(50);
      expect(rows).toEqual(rowsOfObjdump(file));
    });

    it('is at every address in the functions, inlined ones included, and lines that addr2line names', () => {
      const addresses = functionAddresses(file);
      expect(addresses.length).toBeGreaterThan(200);
      const places = placesOf(infoOf(file), addresses);
      expect(places).toEqual(placesOfAddr2line(file, addresses));
      expect(places.some((place) => /^square .* < sum_of_squares .* < work /.test(place))).toBe(true);
    });
  },
);

describe('where a breakpoint on a line goes', () => {
  const file = compile('-O0', '-gdwarf-5');
  const info = (): DebugInfo => infoOf(file);
  const source = (): string => info().files.find((path) => path.endsWith('program.c')) as string;
  const functionAt = (address: number): string | undefined => info().place(address)?.functions[0]?.name;

  it('behind the prologue where the line is that of the function itself', () => {
    const found = info().breakOn([source()], lineWith('u64 factorial'));
    // gcc puts the function itself on the line of its brace.
    expect(found?.line).toBe(lineWith('u64 factorial') + 1);
    const [address] = found?.addresses ?? [];
    const place = info().place(address as number);
    expect(place?.functions[0]?.name).toBe('factorial');
    // After "push %rbp; mov %rsp,%rbp" and the store of the argument: at the first statement.
    expect(place?.line).toMatchObject({ line: lineWith('if (n < 2)'), startsStatement: true });
  });

  it('to the next line that has code', () => {
    const brace = lineWith('int inner') - 1;
    expect(info().breakOn([source()], brace)?.line).toBe(brace + 1);
    expect(info().breakOn([source()], 1)?.line).toBeGreaterThan(40);
    expect(info().breakOn([source()], 5000)).toBeUndefined();
    expect(info().breakOn(['/nowhere/else.c'], 10)).toBeUndefined();
  });

  it('to every inlined copy of it', () => {
    const line = lineWith('base * base');
    expect(info().linesWithCode([source()])).toContain(line);
    const { addresses } = info().breakOn([source()], line) ?? { addresses: [] };
    expect(addresses.length).toBeGreaterThanOrEqual(2);
    for (const address of addresses) expect(functionAt(address)).toBe('square');
  });
});
