/** Builds a test kernel, all tests in one image per width, into the cache: named after the hash of its sources. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../../../extension/workbench/cache.ts';
import { Unavailable } from '../../support/debian.ts';
import { type Suite, type Width, XEN_4 } from './suites.ts';

/** `-mno-red-zone` because traps push on the same stack; `-O1` keeps a test's order readable in a debugger. */
const COMMON_FLAGS = [
  '-O1 -g -fno-omit-frame-pointer -ffreestanding -fno-stack-protector -fno-pic -no-pie -mgeneral-regs-only',
  '-fno-strict-aliasing -fno-asynchronous-unwind-tables -Wall -Wextra -Werror -nostdlib -static',
  '-Wl,--build-id=none -Wl,-z,max-page-size=4096',
];
const WIDTH_FLAGS: Readonly<Record<Width, string>> = {
  64: '-m64 -mno-red-zone -mcmodel=kernel',
  32: '-m32 -march=i686',
};

function sources({ folder, shared, sharedTests }: Suite): string[] {
  const below = [folder, ...sharedTests].flatMap((root) => {
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'));
    return files.filter((file) => /\.[chS]$/.test(file)).map((file) => `${root}/${file}`);
  });
  return [...below, ...shared].sort();
}

/** Headers are looked for in its own framework first, then where it shares some. */
function folderFlags({ folder, includes }: Suite): string {
  return [`-fmacro-prefix-map=${folder}/=`, ...[`${folder}/framework`, ...includes].map((path) => `-I${path}`)].join(
    ' ',
  );
}

/** Path of the image. @throws Unavailable where there is no gcc for x86 */
export function hypercallTests(width: Width, suite: Suite = XEN_4): string {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Unavailable(`guests in C are built by gcc on x86-64 Linux, not on ${process.platform}-${process.arch}`);
  const flags = [...COMMON_FLAGS, folderFlags(suite), WIDTH_FLAGS[width]].join(' ').split(' ');
  const hash = createHash('sha256').update(flags.join(' '));
  for (const file of sources(suite)) hash.update(file).update(readFileSync(file));
  const folder = cacheFolder('hypercalls');
  const prefix = `xen-${suite.abi}-pv${width}-`;
  const image = path.join(folder, `${prefix}${hash.digest('hex').slice(0, 16)}.elf`);
  if (existsSync(image)) return image;
  const gcc = (words: readonly string[]): void => {
    execFileSync('gcc', words, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  };
  const script = `${image}.${process.pid}.ld`;
  const partial = `${image}.${process.pid}`;
  const units = sources(suite).filter((file) => /\.[cS]$/.test(file));
  try {
    gcc(['-E', '-P', '-x', 'c', `-m${width}`, '-o', script, `${suite.folder}/framework/link.ld.h`]);
    gcc([...flags, `-Wl,-T,${script}`, '-o', partial, ...units]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new Unavailable('gcc is not installed (apt-get install gcc)');
    throw error;
  }
  rmSync(script);
  for (const old of readdirSync(folder))
    if (old.startsWith(prefix) && old.endsWith('.elf')) rmSync(path.join(folder, old));
  renameSync(partial, image);
  return image;
}
