import { RUN_OPTIONS } from './arguments.ts';

export function helpText(): string {
  const width = Math.max(...RUN_OPTIONS.map(({ name, value }) => name.length + value.length)) + 3;
  const rows = RUN_OPTIONS.map(({ name, value, help }) => `  ${`${name} ${value}`.padEnd(width)}${help}`);
  return `xenoscope: boots Xen paravirtualised domains on an emulated machine

  xenoscope run FILE.cfg… [options]   boot the domains on one machine; this terminal is a console (Ctrl-] leaves)
  xenoscope dap [--port N]            debug adapter on stdio, or on a TCP port of this machine

Options of run:
${rows.join('\n')}

FILE.cfg is xl.cfg(5): name, kernel, ramdisk, extra or cmdline, memory, vcpus … Relative paths start from its folder.
On a terminal, guest time follows the clock on the wall; with --until or --json it runs as fast as it can.

Exit status: 0 text found or clean shutdown, 2 bad configuration, image or usage, 3 timeout, 4 the guest crashed,
5 a replay differs from its recording.
`;
}
