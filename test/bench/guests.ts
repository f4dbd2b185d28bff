/** Small guests of the benchmarks, linked with the start-up code of test/guests/minimal. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { folder } from './contenders.ts';

const KERNEL = 'test/guests/minimal';
const FLAGS = [
  '-O2 -fomit-frame-pointer -ffreestanding -fno-stack-protector -fno-pic -no-pie -mno-red-zone',
  `-mcmodel=kernel -nostdlib -static -Wl,-T,${KERNEL}/link.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096 -w`,
]
  .join(' ')
  .split(' ');

/** Path of the ELF that gcc makes of test/bench/`name`.c, under another name if there are several. */
export function buildGuest(
  name: string,
  defines: readonly string[],
  output = name,
  flags: readonly string[] = ['-mgeneral-regs-only'],
): string {
  const file = path.join(folder, `${output}.elf`);
  const sources = ['start.S', 'console.c', 'traps.c'].map((source) => `${KERNEL}/${source}`);
  const words = [
    ...FLAGS,
    ...flags,
    ...defines.map((define) => `-D${define}`),
    '-o',
    file,
    ...sources,
    `test/bench/${name}.c`,
  ];
  const { status } = spawnSync('gcc', words, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`gcc could not build test/bench/${name}.c`);
  return file;
}
