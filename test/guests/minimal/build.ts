/**
 * Builds the minimal 64-bit domain of the tests: `node run-typescript.mjs test/guests/minimal/build.ts`. The result is
 * committed, so that tests which only need some domain need no compiler.
 */
import { execFileSync } from 'node:child_process';

const folder = 'test/guests/minimal';
const sources = ['start.S', 'main.c', 'console.c', 'traps.c', 'time.c'];
const flags = [
  '-O1 -gdwarf-4 -fno-omit-frame-pointer -ffreestanding -fno-stack-protector -fno-pic -no-pie -mno-red-zone',
  '-mgeneral-regs-only -mcmodel=kernel -fno-asynchronous-unwind-tables -Wall -Wextra -nostdlib -static',
  `-Wl,-T,link.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096 -fdebug-prefix-map=${process.cwd()}/${folder}=.`,
]
  .join(' ')
  .split(' ');
execFileSync('gcc', [...flags, '-o', 'guest.elf', ...sources], { cwd: folder, stdio: 'inherit' });
