/** Disk images made and looked into with the host's own e2fsprogs: nothing of this project reads or writes them here. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Unavailable } from '../../support/debian.ts';

/** A folder that is gone with the test process's temporary files. */
export function scratchFolder(): string {
  return mkdtempSync(path.join(tmpdir(), 'xenoscope-disks-'));
}

/** An ext4 image of so many MB with these files in it. @throws Unavailable where there is no mkfs.ext4 */
export function ext4Image(file: string, megabytes: number, files: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(path.join(tmpdir(), 'xenoscope-root-'));
  for (const [name, contents] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), contents);
  }
  rmSync(file, { force: true });
  tool('mkfs.ext4', '-q', '-F', '-d', root, file, `${megabytes}M`);
  rmSync(root, { recursive: true });
  return file;
}

/** What `e2fsck -fn` has to say: `clean` when it found nothing wrong, a journal to be replayed included. */
export function checkExt4(file: string): { readonly clean: boolean; readonly output: string } {
  const { status, output } = attempt('e2fsck', '-fn', file);
  return { clean: status === 0 && !output.includes('skipping journal recovery'), output };
}

/** Replays the journal as the next mount would; the text of what else e2fsck had to mend, empty for nothing. */
export function replayJournal(file: string): string {
  const { status, output } = attempt('e2fsck', '-p', file);
  return status === 0 || status === 1 ? '' : output;
}

/** A file out of an image, which is neither mounted nor written. */
export function fileInImage(image: string, name: string): Buffer {
  const out = path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-dump-')), 'file');
  tool('debugfs', '-R', `dump ${name} ${out}`, image);
  const contents = readFileSync(out);
  rmSync(path.dirname(out), { recursive: true });
  return contents;
}

function tool(program: string, ...args: readonly string[]): void {
  const { status, output } = attempt(program, ...args);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${output}`);
}

function attempt(program: string, ...args: readonly string[]): { status: number | null; output: string } {
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/sbin:/usr/sbin`, LC_ALL: 'C' };
  const { status, stdout, stderr, error } = spawnSync(program, args, { env, encoding: 'utf8' });
  if (error !== undefined) throw new Unavailable(`needs ${program} (package e2fsprogs): ${error.message}`);
  return { status, output: stdout + stderr };
}
