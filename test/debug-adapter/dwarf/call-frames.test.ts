import { describe, expect, it } from 'vitest';
import type { FrameRow, RegisterRule } from '../../../debug-adapter/dwarf/frame-program.ts';
import { compile, open, SAMPLE, signed, tool, VARIANTS } from './compile.ts';

/** Names of registers as readelf has them, by DWARF number. */
const NAMES_64 = 'rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 ra'.split(' ');
const NAMES_32 = 'eax ecx edx ebx esp ebp esi edi ra'.split(' ');

/** "rsp+8 rbx=c-24 ra=c-8": CFA and rules, in the order of register numbers. */
function textOf({ cfa, rules }: FrameRow, addressSize: number): string {
  const names = addressSize === 8 ? NAMES_64 : NAMES_32;
  const place = cfa.kind === 'register' ? `${names[cfa.register]}+${cfa.offset}` : 'exp';
  const all = [...rules].sort(([left], [right]) => left - right);
  return [place, ...all.map(([register, rule]) => `${names[register]}=${ruleText(rule)}`)].join(' ');
}

function ruleText(rule: RegisterRule): string {
  if (rule.kind === 'offset') return `c${rule.offset < 0 ? '' : '+'}${rule.offset}`;
  return rule.kind === 'undefined' ? 'u' : rule.kind;
}

interface Row {
  readonly address: number;
  readonly end: number;
  readonly text: string;
}

/** Rows of `readelf --debug-dump=frames-interp`: each holds up to the next one, the last to the end of its entry. */
function rowsOfReadelf(file: string): readonly Row[] {
  const rows: Row[] = [];
  let columns: readonly string[] = [];
  let end = 0;
  for (const line of tool('readelf', ['--debug-dump=frames-interp', file]).split('\n')) {
    const entry = /FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)/.exec(line);
    if (entry !== null) end = signed(`0x${entry[2]}`);
    if (/ CIE /.test(line)) end = 0;
    const words = line.trim().split(/\s+/);
    if (words[0] === 'LOC') columns = words.slice(1);
    else if (/^[0-9a-f]{8,16} /.test(line) && entry === null && !/ CIE /.test(line) && end !== 0) {
      const address = signed(`0x${words[0]}`);
      const last = rows.at(-1);
      if (last !== undefined && last.end === end) rows[rows.length - 1] = { ...last, end: address };
      const rules = words.slice(2).map((rule, at) => `${columns[at + 1]}=${rule}`);
      rows.push({ address, end, text: [words[1], ...rules.filter((rule) => !rule.endsWith('=u'))].join(' ') });
    }
  }
  return rows;
}

const CASES: readonly (readonly [string, () => string])[] = [
  ['a 64-bit kernel', () => SAMPLE],
  ['the bundled sample', () => 'media/sample/guest.elf'],
  ...[...VARIANTS, ['-m32', '-gdwarf-4'] as const].flatMap(([level, version]): [string, () => string][] => [
    [`.eh_frame at ${level} ${version}`, () => compile(level, version)],
    [`.debug_frame at ${level} ${version}`, () => compile(level, version, '-fno-asynchronous-unwind-tables')],
  ]),
];

describe.each(CASES)('%s', (_, make) => {
  const file = make();

  it('has the rules that readelf prints, at every address', () => {
    const info = open(file);
    const rows = rowsOfReadelf(file);
    expect(rows.length).toBeGreaterThan(5);
    const wanted: string[] = [];
    const found: string[] = [];
    for (const { address, end, text } of rows) {
      for (let at = address; at < end; at++) {
        wanted.push(text);
        const row = info.frameRow(at);
        found.push(row === undefined ? 'none' : textOf(row, info.addressSize));
      }
    }
    expect(found).toEqual(wanted);
    expect(info.problems).toEqual([]);
  });
});

it('an address outside all functions has no rules', () => {
  const info = open(SAMPLE);
  expect(info.frameRow(0)).toBeUndefined();
  expect(info.frameRow(signed('0xffffffff80100000'))).toBeUndefined();
});
