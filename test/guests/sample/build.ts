/**
 * Builds the bundled sample domain with gcc: `node run-typescript.mjs test/guests/sample/build.ts`. The result is
 * committed beside its sources (media/sample), so that nobody needs a compiler to press F5 and stop on a line.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';

const FOLDER = 'media/sample';
const FLAGS = [
  '-m32 -march=i686 -Og -gdwarf-4 -fno-omit-frame-pointer -ffreestanding -fno-stack-protector -fno-pic -no-pie',
  '-mgeneral-regs-only -mpreferred-stack-boundary=2 -fno-strict-aliasing -fno-asynchronous-unwind-tables',
  '-Wall -Wextra -Werror -nostdlib -static -Wl,-T,link.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096',
  `-fdebug-prefix-map=${path.resolve(FOLDER)}=.`,
]
  .join(' ')
  .split(' ');

export function buildSample(out: string): void {
  const sources = readdirSync(FOLDER).filter((file) => /\.[cS]$/.test(file));
  execFileSync('gcc', [...FLAGS, '-o', path.resolve(out), ...sources.sort()], { cwd: FOLDER, stdio: 'inherit' });
}

if (process.argv[1]?.endsWith('build.ts') === true) buildSample(path.join(FOLDER, 'guest.elf'));
