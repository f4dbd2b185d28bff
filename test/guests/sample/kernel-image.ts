/** Builds the kernel for three Xens with gcc, into the cache: named after the hash of its sources. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../../../extension/workbench/cache.ts';
import { Unavailable } from '../../support/debian.ts';

const SOURCES = 'test/guests/sample/kernel';

const FLAGS = [
  '-m32 -march=i686 -O1 -gdwarf-4 -fno-omit-frame-pointer -ffreestanding -fno-stack-protector -fno-pic -no-pie',
  '-mgeneral-regs-only -mpreferred-stack-boundary=2 -fno-strict-aliasing -fno-asynchronous-unwind-tables',
  '-Wall -Wextra -Werror -nostdlib -static -Wl,-T,link.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096',
  `-fdebug-prefix-map=${process.cwd()}/${SOURCES}=.`,
]
  .join(' ')
  .split(' ');

/** Path of the image. @throws Unavailable where there is no gcc for x86 */
export function sampleKernel(): string {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Unavailable(`guests in C are built by gcc on x86-64 Linux, not on ${process.platform}-${process.arch}`);
  const files = readdirSync(SOURCES).sort();
  const hash = createHash('sha256').update(FLAGS.join(' '));
  for (const file of files) hash.update(file).update(readFileSync(path.join(SOURCES, file)));
  const image = path.join(cacheFolder('sample'), `${hash.digest('hex').slice(0, 16)}.elf`);
  if (existsSync(image)) return image;
  const partial = `${image}.${process.pid}`;
  const units = files.filter((file) => /\.[cS]$/.test(file));
  try {
    execFileSync('gcc', [...FLAGS, '-o', partial, ...units], { cwd: SOURCES, stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new Unavailable('gcc is not installed (apt-get install gcc)');
    throw error;
  }
  renameSync(partial, image);
  return image;
}
