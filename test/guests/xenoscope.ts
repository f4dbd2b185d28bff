/** Runs the built command line as a user does: a process of its own, files on disk. */
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { bundles } from '../../extension/build/bundles.ts';

export interface Outcome {
  readonly status: number | null;
  /** Console of the first domain, without the JSON line. */
  readonly console: string;
  readonly errors: string;
  readonly report: Report;
}

export interface Report {
  readonly exit: string;
  readonly reason: string;
  readonly instructions: number;
  readonly virtualSeconds: number;
  readonly wallSeconds: number;
  readonly mips: number;
  readonly memoryHash: string;
}

let bundle: Promise<string> | undefined;

/** Path of the command, bundled from the sources as they are now. */
export function xenoscope(): Promise<string> {
  bundle ??= bundleCommand();
  return bundle;
}

async function bundleCommand(): Promise<string> {
  const out = mkdtempSync(path.join(tmpdir(), 'xenoscope-'));
  const options = bundles({ out, minify: false }).find(({ outfile }) => outfile?.endsWith('xenoscope.mjs') === true);
  if (options?.outfile === undefined) throw new Error('extension/build/bundles.ts has no command line');
  await build(options);
  return options.outfile;
}

/** Writes an xl.cfg and answers its path. */
export function configFile(settings: Readonly<Record<string, string | number | readonly string[]>>): string {
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-')), 'guest.cfg');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/** `xenoscope run … --json`. */
export async function run(...words: readonly string[]): Promise<Outcome> {
  const command = await xenoscope();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, 'run', ...words, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.on('error', reject);
    child.on('close', (status) => {
      const lines = output.trimEnd().split('\n');
      const last = lines.at(-1) ?? '';
      const hasReport = last.startsWith('{"exit"');
      resolve({
        status,
        console: hasReport ? lines.slice(0, -1).join('\n') : output,
        errors,
        report: hasReport ? (JSON.parse(last) as Report) : ({} as Report),
      });
    });
  });
}
