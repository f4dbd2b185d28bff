import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { BOOT_MARKER, busyboxInitramfs, debianCloudKernel, debianKernel } from '../support/guests.ts';
import { orSkip } from '../support/skip.ts';
import { configFile, run } from './xenoscope.ts';

/** Debian's kernels, unmodified, with an initramfs of ours around Debian's BusyBox. */
const MINUTES = 60_000;
const JOB_KILOBYTES = 4096;

function config(kernel: string): string {
  return configFile({ name: 'debian', kernel, ramdisk: busyboxInitramfs(), memory: 256, extra: 'console=hvc0' });
}

describe("Debian's kernel", () => {
  test(
    'boots to a shell, takes typed input, powers off',
    async (context) => {
      const file = orSkip(context, () => config(debianKernel()));
      const outcome = await run(
        file,
        ...['--after', BOOT_MARKER, '--input', 'echo sum=$((40+2)) $(uname -sm)\\n'],
        ...['--after', 'sum=42 Linux x86_64', '--input', 'poweroff -f\\n'],
        ...['--timeout', '280'],
      );
      expect(outcome.console).toContain('Hypervisor detected: Xen PV');
      expect(outcome.console).toContain('Xen version: 4.17');
      expect(outcome.console).toContain(BOOT_MARKER);
      expect(outcome.console).toContain('sum=42 Linux x86_64');
      expect(outcome.report).toMatchObject({ exit: 'shutdown' });
      expect(outcome.status).toBe(0);
    },
    5 * MINUTES,
  );

  test(
    'twice the same: instructions and memory at the marker',
    async (context) => {
      const file = orSkip(context, () => config(debianKernel()));
      const once = await run(file, '--until', BOOT_MARKER, '--timeout', '280');
      const again = await run(file, '--until', BOOT_MARKER, '--timeout', '280');
      expect(once.report.exit).toBe('matched');
      expect(again.report.instructions).toBe(once.report.instructions);
      expect(again.report.memoryHash).toBe(once.report.memoryHash);
    },
    10 * MINUTES,
  );
});

describe("Debian's kernel with four vCPUs", () => {
  test(
    'brings up all, and a job on each gives the right result',
    async (context) => {
      const file = orSkip(context, () =>
        configFile({
          kernel: debianCloudKernel(),
          ramdisk: busyboxInitramfs(),
          memory: 256,
          vcpus: 4,
          extra: 'console=hvc0',
        }),
      );
      const job = `dd if=/dev/zero bs=1k count=${JOB_KILOBYTES} 2>/dev/null | taskset -c $c md5sum`;
      const jobs = `for c in 0 1 2 3; do (${job} | sed s/^/cpu$c=/) & done; wait`;
      const words = ['--input', `grep -c ^processor /proc/cpuinfo; ${jobs}; grep ^cpu[0-3] /proc/stat; poweroff -f\\n`];
      const outcome = await run(file, '--after', BOOT_MARKER, ...words, '--timeout', '280');
      expect(outcome.console).toContain('Brought up 1 node, 4 CPUs');
      expect(outcome.console).toMatch(/\r?\n4\r?\n/);
      const sum = createHash('md5')
        .update(new Uint8Array(JOB_KILOBYTES * 1024))
        .digest('hex');
      for (const cpu of [0, 1, 2, 3]) {
        expect(outcome.console).toContain(`cpu${cpu}=${sum}`);
        // /proc/stat: user, nice, system time in hundredths of a second.
        const times = new RegExp(`^cpu${cpu} (\\d+) \\d+ (\\d+)`, 'm').exec(outcome.console);
        expect(Number(times?.[1]) + Number(times?.[2])).toBeGreaterThan(0);
      }
      expect(outcome.status).toBe(0);
    },
    5 * MINUTES,
  );
});

describe("Debian's kernel for clouds", () => {
  test(
    'boots to a shell and powers off',
    async (context) => {
      const file = orSkip(context, () => config(debianCloudKernel()));
      const words = ['--after', BOOT_MARKER, '--input', 'poweroff -f\\n', '--timeout', '280'];
      const outcome = await run(file, ...words);
      expect(outcome.console).toContain(BOOT_MARKER);
      expect(outcome.status).toBe(0);
    },
    5 * MINUTES,
  );
});
