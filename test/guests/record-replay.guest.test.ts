import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readInputLog } from '../../emulator/machine/input-log.ts';
import { BOOT_MARKER, busyboxInitramfs, debianCloudKernel, grub, Unavailable } from '../support/guests.ts';
import { orSkip } from '../support/skip.ts';
import { checkExt4, ext4Image, scratchFolder } from './disks/images.ts';
import { debianWithBlkfront } from './disks/machine.ts';
import { configFile, type Report, run, xenoscope } from './xenoscope.ts';

/** Recordings and snapshots as a user makes them: files, and processes that know nothing of each other. */

const sample = 'test/guests/minimal/guest.cfg';
const scratch = (name: string): string => path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-')), name);
const same = ({ instructions, memoryHash }: Report) => ({ instructions, memoryHash });
const script = (...lines: readonly string[]): string[] =>
  lines.flatMap((line) => ['--after', 'sample> ', '--input', `${line}\\n`]);

/** A session that somebody types, at moments that depend on this computer; `end` says how the process ends. */
async function typed(words: readonly string[], lines: readonly string[], end: 'poweroff' | 'kill'): Promise<string> {
  const child = spawn(process.execPath, [await xenoscope(), 'run', ...words, '--json'], { stdio: 'pipe' });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  for (const line of lines) {
    const prompts = count(output);
    child.stdin.write(`${line}\n`);
    await until(() => count(output) > prompts);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const closed = new Promise((resolve) => child.on('close', resolve));
  if (end === 'kill') child.kill('SIGKILL');
  else child.stdin.write('poweroff\n');
  await closed;
  return output;
}

const count = (output: string): number => output.split('sample> ').length;

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 2000 && !condition(); turns++) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** The same command under another Node. @throws Unavailable */
async function runOnNode22(words: readonly string[]): Promise<Report> {
  const npx = ['--yes', '--package=node@22', 'node'];
  if (spawnSync('npx', [...npx, '--version'], { encoding: 'utf8', timeout: 120_000 }).status !== 0) {
    throw new Unavailable('needs Node 22 from the npm registry');
  }
  const { stdout } = spawnSync('npx', [...npx, await xenoscope(), 'run', ...words, '--json'], { encoding: 'utf8' });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) as string) as Report;
}

describe('a recording', () => {
  test('of a typed session replays to the same end, under another Node too', async (context) => {
    const file = scratch('typed.log');
    const output = await typed([sample, '--record', file], ['info', 'fault', 'refuse'], 'poweroff');
    const recorded = JSON.parse(output.trimEnd().split('\n').at(-1) as string) as Report;
    const replayed = await run(sample, '--replay', file);
    expect(same(replayed.report)).toEqual(same(recorded));
    expect(replayed.report.exit).toBe('shutdown');
    expect(replayed.status).toBe(0);
    expect(output).toContain(replayed.console.replaceAll('\r\n', '\n').slice(0, 20));
    let other: Report;
    try {
      other = await runOnNode22([sample, '--replay', file]);
    } catch (error) {
      orSkip(context, () => {
        throw error;
      });
      return;
    }
    expect(same(other)).toEqual(same(recorded));
  });

  test('of a process that was killed is good up to its last entry', async () => {
    const file = scratch('killed.log');
    await typed([sample, '--record', file], ['info', 'fault'], 'kill');
    const bytes = readFileSync(file);
    const { report, status, console } = await run(sample, '--replay', file);
    expect(report.exit).toBe('replayed');
    expect(report.reason).toContain('cut short');
    expect(console).toContain('frames from');
    expect(status).toBe(0);
    truncateSync(file, bytes.length - 3);
    const shorter = await run(sample, '--replay', file);
    expect(shorter.report.exit).toBe('replayed');
    expect(shorter.report.instructions).toBeLessThan(report.instructions);
  });

  test('of another machine, or a damaged one, is refused in words', async () => {
    const file = scratch('other.log');
    await run(sample, ...script('info', 'poweroff'), '--record', file);
    const seed = await run(sample, '--replay', file, '--seed', '9');
    expect(seed.errors).toMatch(/recording of another machine: the seed was 1 and is 9/);
    const small = configFile({ name: 'sample', kernel: path.resolve('test/guests/minimal/guest.elf'), memory: 32 });
    expect((await run(small, '--replay', file)).errors).toMatch(/the memory of sample was 64 and is 32/);
    const bytes = readFileSync(file);
    bytes[bytes.length - 5] = (bytes[bytes.length - 5] as number) ^ 1;
    writeFileSync(file, bytes);
    const damaged = await run(sample, '--replay', file);
    expect(damaged.errors).toMatch(/recording is damaged: the checksum of entry \d is wrong/);
    expect(damaged.status).toBe(2);
    writeFileSync(file, 'something else');
    expect((await run(sample, '--replay', file)).errors).toMatch(/is no recording/);
  });
});

describe('snapshots', () => {
  test('of GRUB at several moments go on to the same end, twice', async (context) => {
    const file = orSkip(context, () => configFile({ name: 'grub', kernel: grub(), memory: 64 }));
    const moments = [1, 1_234_567, 20_000_001];
    const snaps = moments.map((moment) => scratch(`${moment}.snap`));
    const words = moments.flatMap((moment, index) => ['--snapshot-at', `${moment}=${snaps[index]}`]);
    const once = await run(file, '--until', 'grub> ', '--timeout', '120', ...words);
    expect(once.report.exit).toBe('matched');
    for (const snap of [...snaps, snaps[1] as string]) {
      const { report } = await run('--restore', snap, '--until', 'grub> ', '--timeout', '120');
      expect(same(report)).toEqual(same(once.report));
    }
  });

  test('that are no snapshots, are cut short or of another machine are refused in words', async () => {
    const snap = scratch('sample.snap');
    await run(sample, ...script('poweroff'), '--snapshot-at', `2000=${snap}`);
    const small = configFile({ name: 'sample', kernel: path.resolve('test/guests/minimal/guest.elf'), memory: 32 });
    expect((await run(small, '--restore', snap)).errors).toMatch(/snapshot of another machine: the memory of sample/);
    truncateSync(snap, 100_000);
    const cut = await run('--restore', snap);
    expect(cut.errors).toMatch(/The snapshot is cut short: it has 100000 bytes of \d+/);
    expect(cut.status).toBe(2);
    expect((await run('--restore', 'test/guests/minimal/guest.elf')).errors).toMatch(/no snapshot/);
  });

  test("late in the boot of Debian's kernel: restored, recorded from there, replayed", async (context) => {
    const file = orSkip(context, () =>
      configFile({
        ...{ name: 'debian', kernel: debianCloudKernel(), ramdisk: busyboxInitramfs(), memory: 128, vcpus: 2 },
        extra: 'console=hvc0 quiet',
      }),
    );
    const [snap, log] = [scratch('debian.snap'), scratch('debian.log')];
    const session = [
      '--after',
      '# ',
      '--input',
      'seq 1 3000 | md5sum\\n',
      '--after',
      '-\r\n',
      '--input',
      'poweroff -f\\n',
    ];
    const once = await run(file, '--snapshot-at', `2500000000=${snap}`, ...session, '--timeout', '200');
    expect(once.report.exit).toBe('shutdown');
    const again = await run(file, '--restore', snap, '--record', log, ...session, '--timeout', '100');
    expect(same(again.report)).toEqual(same(once.report));
    const replayed = await run('--restore', snap, '--replay', log);
    expect(same(replayed.report)).toEqual(same(once.report));
    expect(once.console).toContain(BOOT_MARKER);
    expect((await run(file, '--replay', log)).errors).toMatch(/begins at instruction 2500000000, this run at 0/);
  }, 300_000);
});

describe('disks', () => {
  test('that were written since: a replay reads them as they were, and writes no file', async (context) => {
    const folder = scratchFolder();
    const image = path.join(folder, 'disk.img');
    const file = orSkip(context, () => {
      ext4Image(image, 16);
      const { kernel, ramdisk, cmdline, memory } = debianWithBlkfront();
      return configFile({ kernel, ramdisk, extra: cmdline, memory, disk: [`${image},,xvda,rw`] });
    });
    const [snap, log] = [path.join(folder, 'disk.snap'), path.join(folder, 'disk.log')];
    const typing = (first: string, second: string): string[] => [
      ...['--after', '# ', '--input', `mkdir /a && mount /dev/xvda /a && ${first}; sync; echo HA''LF\\n`],
      ...['--after', 'HALF', '--input', `${second}; umount /a; poweroff -f\\n`],
    ];
    const words = typing('seq 1 5000 > /a/x', 'md5sum /a/x; seq 1 9000 > /a/x');
    const once = await run(file, ...words, '--record', log, '--timeout', '200');
    expect(once.report.exit).toBe('shutdown');
    expect(checkExt4(image)).toMatchObject({ clean: true });
    const written = readFileSync(image);
    // When all has been typed, and not all has been written.
    const inputs = readInputLog(readFileSync(log)).entries.filter(({ kind }) => kind === 'console');
    const moment = (inputs.at(-1)?.instructions ?? 0) + 1;
    const replayed = await run(file, '--replay', log, '--snapshot-at', `${moment}=${snap}`);
    expect(same(replayed.report)).toEqual(same(once.report));
    expect(replayed.report.exit).toBe('shutdown');
    const restored = await run('--restore', snap, '--timeout', '60');
    expect(same(restored.report)).toEqual(same(once.report));
    expect(Buffer.compare(readFileSync(image), written)).toBe(0);
    written[5_000_000] = (written[5_000_000] as number) ^ 1;
    writeFileSync(image, written);
    const changed = await run(file, '--replay', log);
    expect(changed.errors).toMatch(/disk 1 has been changed by somebody else/);
    expect(changed.status).toBe(2);
  }, 300_000);
});
