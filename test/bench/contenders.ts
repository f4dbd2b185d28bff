/** What a benchmark runs: command lines of ours and of others, timed as whole processes, compared as ratios. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BOOT_MARKER } from '../support/guests.ts';

export const COMMAND = 'dist/cli/xenoscope.mjs';
/** Of one process. */
const TIMEOUT = 600_000;

/** Everything that is made on the way goes here. */
export const folder = mkdtempSync(path.join(tmpdir(), 'xenoscope-bench-'));

export interface Sample {
  readonly seconds: number;
  readonly mips: number;
  /** Peak resident memory in bytes. */
  readonly memory: number;
}

export interface Contender {
  readonly name: string;
  readonly run: () => Sample;
  readonly samples: Sample[];
}

/** The last line of `xenoscope run --json`. */
export interface Report {
  readonly mips: number;
  readonly instructions: number;
  readonly virtualSeconds: number;
  readonly wallSeconds: number;
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

export function have(program: string): boolean {
  return spawnSync(program, ['--version']).error === undefined;
}

/** An xl.cfg of this text; its path. */
export function config(name: string, text: string): string {
  const file = path.join(folder, `${name}.cfg`);
  writeFileSync(file, text);
  return file;
}

/** A Node of another major version, from npm into its own cache. */
function nodeCommand(major: string): readonly string[] {
  if (process.versions.node.startsWith(`${major}.`)) return [process.execPath];
  return ['npx', '--yes', `--package=node@${major}`, 'node'];
}

/** `until` must appear in what it prints. */
function timed(program: string, args: readonly string[], until?: string): Sample & { readonly output: string } {
  const time = path.join(folder, 'memory');
  const canMeasure = have('/usr/bin/time');
  const [command, ...words] = canMeasure
    ? ['/usr/bin/time', '-f', '%M', '-o', time, program, ...args]
    : [program, ...args];
  const started = performance.now();
  const { stdout, status, stderr } = spawnSync(command as string, words, { encoding: 'utf8', timeout: TIMEOUT });
  const seconds = (performance.now() - started) / 1000;
  if (until !== undefined && !stdout.includes(until))
    throw new Error(`${program}: no ${until} (status ${status}) ${stderr.slice(-300)}`);
  const memory = canMeasure ? Number(readFileSync(time, 'utf8').trim().split('\n').at(-1)) * 1024 : 0;
  return { seconds, mips: 0, memory, output: stdout };
}

/** One run of the command line, in this Node or another; what it reports. */
export function runXenoscope(
  major: string,
  words: readonly string[],
  until?: string,
): { readonly sample: Sample; readonly report: Report } {
  const [node, ...before] = nodeCommand(major);
  const sample = timed(node as string, [...before, COMMAND, 'run', ...words, '--json', '--no-cache'], until);
  const report = JSON.parse(sample.output.trim().split('\n').at(-1) as string) as Report;
  return { sample: { ...sample, mips: report.mips }, report };
}

export function xenoscope(major: string, file: string, until: string): Contender {
  const words = [file, '--until', until, '--timeout', '500'];
  return { name: `xenoscope, Node ${major}`, samples: [], run: () => runXenoscope(major, words, until).sample };
}

/** QEMU under TCG; it leaves by itself when the marker's guest resets or by `-no-reboot` on panic. */
export function qemu(name: string, args: readonly string[]): Contender {
  const all = [...args, '-accel', 'tcg', '-display', 'none', '-no-reboot', '-monitor', 'none'];
  return { name, samples: [], run: () => timed('qemu-system-x86_64', all, BOOT_MARKER) };
}

/** Rounds are interleaved, for the machine may be shared; medians and their ratio to the first one's are printed. */
export function compare(title: string, contenders: readonly Contender[], rounds: number): void {
  for (let round = 0; round < rounds; round++) for (const one of contenders) one.samples.push(one.run());
  const base = median((contenders[0] as Contender).samples.map(({ seconds }) => seconds));
  console.log(`\n${title} (median of ${rounds})`);
  for (const { name, samples } of contenders) {
    const seconds = median(samples.map((sample) => sample.seconds));
    const mips = median(samples.map((sample) => sample.mips));
    const memory = median(samples.map((sample) => sample.memory)) / 2 ** 20;
    const speed = mips > 0 ? `, ${mips.toFixed(0)} MIPS` : '';
    const ratio = (seconds / base).toFixed(2);
    console.log(
      `  ${name.padEnd(34)} ${seconds.toFixed(2).padStart(7)} s  ×${ratio}${speed}, ${memory.toFixed(0)} MiB peak`,
    );
  }
}
