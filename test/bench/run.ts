/**
 * npm run bench [-- --rounds N]: figures that the issues ask for, as ratios in one run. Needs gcc for the mix, and
 * qemu-system-x86_64 for the comparison (Debian: apt-get install qemu-system-x86); what is missing is named and left out.
 * Rounds are interleaved and medians printed: the machine may be shared.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { debianPackage } from '../support/debian.ts';
import { BOOT_MARKER, busyboxInitramfs, debianKernel } from '../support/guests.ts';

const COMMAND = 'dist/cli/xenoscope.mjs';
const NODES: readonly string[] = ['20', '22'];
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, node: { type: 'string', multiple: true } },
});
const rounds = Number(values.rounds);
const folder = mkdtempSync(path.join(tmpdir(), 'xenoscope-bench-'));

interface Sample {
  readonly seconds: number;
  readonly mips: number;
  /** Peak resident memory in bytes. */
  readonly memory: number;
}

interface Contender {
  readonly name: string;
  readonly run: () => Sample;
  readonly samples: Sample[];
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

function have(program: string): boolean {
  return spawnSync(program, ['--version']).error === undefined;
}

/** A Node of another major version, from npm into its own cache. */
function nodeCommand(major: string): readonly string[] {
  if (process.versions.node.startsWith(`${major}.`)) return [process.execPath];
  return ['npx', '--yes', `--package=node@${major}`, 'node'];
}

function timed(program: string, args: readonly string[], until?: string): Sample & { readonly output: string } {
  const time = path.join(folder, 'memory');
  const measured = have('/usr/bin/time')
    ? ['/usr/bin/time', '-f', '%M', '-o', time, program, ...args]
    : [program, ...args];
  const started = performance.now();
  const { stdout, status, stderr } = spawnSync(measured[0] as string, measured.slice(1), {
    encoding: 'utf8',
    timeout: 600_000,
  });
  const seconds = (performance.now() - started) / 1000;
  if (until !== undefined && !stdout.includes(until))
    throw new Error(`${program}: no ${until} (status ${status}) ${stderr.slice(-300)}`);
  const memory =
    measured.length > args.length + 1 ? Number(readFileSync(time, 'utf8').trim().split('\n').at(-1)) * 1024 : 0;
  return { seconds, mips: 0, memory, output: stdout };
}

function xenoscope(major: string, config: string, until: string): Contender {
  const node = nodeCommand(major);
  return {
    name: `xenoscope, Node ${major}`,
    samples: [],
    run() {
      const words = [
        ...node.slice(1),
        COMMAND,
        'run',
        config,
        '--json',
        '--until',
        until,
        '--timeout',
        '500',
        '--no-cache',
      ];
      const sample = timed(node[0] as string, words, until);
      const report = JSON.parse(sample.output.trim().split('\n').at(-1) as string) as { mips: number };
      return { ...sample, mips: report.mips };
    },
  };
}

/** QEMU under TCG; it leaves by itself when the marker's guest resets or by `-no-reboot` on panic. */
function qemu(name: string, args: readonly string[]): Contender {
  return {
    name,
    samples: [],
    run: () =>
      timed(
        'qemu-system-x86_64',
        [...args, '-accel', 'tcg', '-display', 'none', '-no-reboot', '-monitor', 'none'],
        BOOT_MARKER,
      ),
  };
}

function config(name: string, text: string): string {
  const file = path.join(folder, `${name}.cfg`);
  writeFileSync(file, text);
  return file;
}

function buildMix(): string {
  const file = path.join(folder, 'mix.elf');
  const sample = 'test/guests/sample';
  const flags =
    '-O2 -DROUNDS=2000 -fomit-frame-pointer -ffreestanding -fno-stack-protector -fno-pic -no-pie -mno-red-zone';
  const more = `-mgeneral-regs-only -mcmodel=kernel -nostdlib -static -Wl,-T,${sample}/link.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096 -w`;
  const sources = [`${sample}/start.S`, `${sample}/console.c`, `${sample}/traps.c`, 'test/bench/integer-mix.c'];
  const built = spawnSync('gcc', [...flags.split(' '), ...more.split(' '), '-o', file, ...sources], {
    stdio: 'inherit',
  });
  if (built.status !== 0) throw new Error('gcc could not build test/bench/integer-mix.c');
  return file;
}

function compare(title: string, contenders: readonly Contender[]): void {
  for (let round = 0; round < rounds; round++) for (const one of contenders) one.samples.push(one.run());
  const base = median((contenders[0] as Contender).samples.map(({ seconds }) => seconds));
  console.log(`\n${title} (median of ${rounds})`);
  for (const { name, samples } of contenders) {
    const seconds = median(samples.map((sample) => sample.seconds));
    const mips = median(samples.map((sample) => sample.mips));
    const memory = median(samples.map((sample) => sample.memory)) / 2 ** 20;
    const speed = mips > 0 ? `, ${mips.toFixed(0)} MIPS` : '';
    console.log(
      `  ${name.padEnd(34)} ${seconds.toFixed(2).padStart(7)} s  ×${(seconds / base).toFixed(2)}${speed}, ${memory.toFixed(0)} MiB peak`,
    );
  }
}

function bootConfig(): string {
  return config(
    'debian',
    `name = "debian"\nkernel = "${debianKernel()}"\nramdisk = "${busyboxInitramfs()}"\nextra = "console=hvc0"\nmemory = 256\n`,
  );
}

/** An initramfs that powers the machine off after the marker, so that QEMU ends. */
function endingInitramfs(): string {
  return busyboxInitramfs({ commands: [`echo ${BOOT_MARKER}; sync; echo o > /proc/sysrq-trigger; poweroff -f`] });
}

const majors = values.node ?? NODES;
if (have('gcc')) {
  const mix = config('mix', `name = "mix"\nkernel = "${buildMix()}"\nmemory = 64\n`);
  compare(
    'Integer mix, 64-bit PV guest, interpreter',
    majors.map((major) => xenoscope(major, mix, 'MIX-DONE')),
  );
} else console.log('left out: the integer mix needs gcc');

const boots: Contender[] = [];
if (have('qemu-system-x86_64')) {
  const initramfs = endingInitramfs();
  const serial = ['-m', '256', '-serial', 'stdio', '-kernel', debianKernel(), '-initrd', initramfs];
  boots.push(qemu('QEMU TCG, the same kernel natively', [...serial, '-append', 'console=ttyS0 panic=-1']));
  try {
    const xen = path.join(folder, 'xen');
    writeFileSync(
      xen,
      gunzipSync(readFileSync(path.join(debianPackage('xen-hypervisor-4.17-amd64'), 'boot/xen-4.17-amd64.gz'))),
    );
    const modules = `${debianKernel()} console=hvc0 panic=-1,${initramfs}`;
    const append = 'com1=115200,8n1 console=com1 dom0_mem=512M noreboot';
    boots.push(
      qemu('QEMU TCG, Xen 4.17 and it as dom0', [
        '-m',
        '1024',
        '-serial',
        'stdio',
        '-kernel',
        xen,
        '-append',
        append,
        '-initrd',
        modules,
      ]),
    );
  } catch (error) {
    console.log(`left out: Xen on QEMU (${error instanceof Error ? error.message : String(error)})`);
  }
} else console.log('left out: QEMU is not installed (Debian: apt-get install qemu-system-x86)');
boots.push(...majors.map((major) => xenoscope(major, bootConfig(), BOOT_MARKER)));
compare('Debian 12 linux-image-amd64 to the shell marker, 256 MB', boots);
