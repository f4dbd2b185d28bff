import { describe, expect, test } from 'vitest';
import { BOOT_MARKER, busyboxInitramfs, debianCloudKernel, debianKernel } from '../support/guests.ts';
import { orSkip } from '../support/skip.ts';
import { configFile, run } from './xenoscope.ts';

/** Debian's kernels, unmodified, with an initramfs of ours around Debian's BusyBox. */
const MINUTES = 60_000;

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

describe("Debian's kernel with two vCPUs", () => {
  test(
    'brings up both',
    async (context) => {
      const file = orSkip(context, () =>
        configFile({
          kernel: debianCloudKernel(),
          ramdisk: busyboxInitramfs(),
          memory: 256,
          vcpus: 2,
          extra: 'console=hvc0',
        }),
      );
      const words = [
        '--after',
        BOOT_MARKER,
        '--input',
        'grep -c ^processor /proc/cpuinfo; poweroff -f\\n',
        '--timeout',
        '280',
      ];
      const outcome = await run(file, ...words);
      expect(outcome.console).toContain('Brought up 1 node, 2 CPUs');
      expect(outcome.console).toMatch(/\r?\n2\r?\n/);
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
