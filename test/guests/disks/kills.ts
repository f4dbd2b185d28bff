/**
 * `kill -9` against acknowledged flushes. A Debian domain that has ext4 mounted is snapshotted once; each round starts a
 * process from there, over a copy of the disk as it was, and kills it at some moment.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { takeSnapshot } from '../../../emulator/xen/toolstack/machine-snapshot.ts';
import { BOOT_MARKER } from '../../support/guests.ts';
import { checkExt4, ext4Image, fileInImage, replayJournal, scratchFolder } from './images.ts';
import { bootInProcess, debianWithBlkfront } from './machine.ts';

const RECORD_BYTES = 1024;
const DIGITS = 500;

export interface KillGround {
  readonly folder: string;
  /** The disk at the moment of the snapshot. */
  readonly image: string;
  readonly snapshot: string;
  /** The program that is to be killed. */
  readonly writer: string;
}

/** @throws Unavailable */
export async function prepareKills(): Promise<KillGround> {
  const folder = scratchFolder();
  const image = ext4Image(path.join(folder, 'base.img'), 16);
  const script = readFileSync('test/guests/disks/records.sh');
  const keys = debianWithBlkfront([], [{ name: 'records.sh', mode: 0o100755, contents: script }]);
  const guest = await bootInProcess(keys, ['base.img,,xvda'], folder);
  guest.wait(BOOT_MARKER);
  guest.wait('# ');
  guest.run('mkdir -p /mnt && mount /dev/xvda /mnt');
  guest.wait('# ');
  const snapshot = path.join(folder, 'mounted.snapshot');
  writeFileSync(snapshot, Buffer.concat(takeSnapshot(guest.machine)));
  guest.machine.dispose();
  const writer = path.join(folder, 'record-writer.mjs');
  const entry = 'test/guests/disks/record-writer.ts';
  await build({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', outfile: writer });
  return { folder, image, snapshot, writer };
}

export interface KillResult {
  /** The last number that the guest printed. */
  readonly acknowledged: number;
  /** Numbers that were printed and are not in the image, or not whole. */
  readonly lost: readonly number[];
  /** What e2fsck had to mend after it replayed the journal; empty for nothing. */
  readonly damage: string;
}

/** Kills so many milliseconds after the first number was printed. */
export async function killOnce(ground: KillGround, milliseconds: number): Promise<KillResult> {
  const image = path.join(ground.folder, 'run.img');
  copyFileSync(ground.image, image);
  const console = await runAndKill(ground, image, milliseconds);
  const acknowledged = Number([...console.matchAll(/ACK (\d+)\r?\n/g)].at(-1)?.[1] ?? 0);
  const damage = replayJournal(image);
  const check = checkExt4(image);
  const log = fileInImage(image, 'log');
  rmSync(image);
  const numbers = Array.from({ length: acknowledged }, (_, index) => index + 1);
  return {
    acknowledged,
    lost: numbers.filter((number) => !isWhole(log, number)),
    damage: damage + (check.clean ? '' : check.output),
  };
}

function runAndKill({ writer, snapshot }: KillGround, image: string, milliseconds: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [writer, snapshot, image], { stdio: ['ignore', 'pipe', 'pipe'] });
    let console = '';
    let errors = '';
    let armed = false;
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      console += text;
      if (armed || !/ACK 1\r?\n/.test(console)) return;
      armed = true;
      setTimeout(() => child.kill('SIGKILL'), milliseconds);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.on('error', reject);
    child.on('close', (_status, signal) => {
      if (signal === 'SIGKILL') resolve(console);
      else reject(new Error(`the writer ended by itself: ${errors}`));
    });
  });
}

function isWhole(log: Buffer, number: number): boolean {
  const record = log.subarray((number - 1) * RECORD_BYTES, number * RECORD_BYTES).toString('latin1');
  const digits = String(number).padStart(DIGITS, '0');
  return record.startsWith(`${digits}${createHash('md5').update(digits).digest('hex')}  -\n`);
}
