/** Programs to read debugging information of, compiled by the gcc that is here, and what binutils say of them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DebugInfo } from '../../../debug-adapter/dwarf/debug-info.ts';
import { readElf } from '../../../emulator/elf/elf-file.ts';

/** Built with flags of a kernel's own. */
export const SAMPLE = 'test/guests/minimal/guest.elf';
const SOURCE = 'test/debug-adapter/dwarf/program.c';
const MAXIMUM_OUTPUT = 64 << 20;

/** Path of the linked program. */
export function compile(...flags: readonly string[]): string {
  const out = path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-dwarf-')), 'program');
  const common = ['-nostdlib', '-static', '-ffreestanding', '-fno-stack-protector', '-mno-sse', '-mno-red-zone'];
  execFileSync('gcc', [...common, ...flags, '-o', out, SOURCE], { stdio: ['ignore', 'ignore', 'pipe'] });
  return out;
}

export function bytesOf(file: string): Uint8Array {
  return new Uint8Array(readFileSync(file));
}

export function open(file: string): DebugInfo {
  const info = DebugInfo.open(readElf(bytesOf(file)));
  if (info === undefined) throw new Error(`${file} has no debugging information`);
  return info;
}

/** Standard output of a tool. */
export function tool(name: string, args: readonly string[], input?: string): string {
  return execFileSync(name, args, { encoding: 'utf8', maxBuffer: MAXIMUM_OUTPUT, input, stdio: 'pipe' });
}

/** "0xffffffff80100000" for a signed address. */
export const hexadecimal = (address: number): string => `0x${BigInt.asUintN(64, BigInt(address)).toString(16)}`;
export const signed = (text: string): number => Number(BigInt.asIntN(64, BigInt(text)));

/** Every level and version that gcc may be asked for. */
export const VARIANTS: readonly (readonly [string, string])[] = ['-O0', '-O1', '-O2'].flatMap((level) =>
  ['-gdwarf-4', '-gdwarf-5'].map((version): [string, string] => [level, version]),
);
/** Number of the first line of the program that holds a text. */
export function lineWith(text: string): number {
  const index = readFileSync(SOURCE, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text));
  if (index < 0) throw new Error(`no line of ${SOURCE} has ${text}`);
  return index + 1;
}
