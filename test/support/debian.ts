import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../../extension/workbench/cache.ts';

/** Why a guest package cannot be had here, in words for the list of skipped tests. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}

function run(program: string, args: readonly string[], cwd?: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8', timeout: 600_000 });
  if (error !== undefined)
    throw new Unavailable(`needs ${program} (Debian or a system derived from it): ${error.message}`);
  if (status !== 0) throw new Unavailable(`${program} ${args.join(' ')} failed: ${stderr.trim().split('\n').at(-1)}`);
  return stdout;
}

/**
 * Folder with the unpacked contents of a Debian package, fetched into the cache on first use; nothing is installed.
 * @throws Unavailable where there is no apt, or no network.
 */
export function debianPackage(name: string): string {
  const folder = path.join(cacheFolder('debian'), name);
  if (existsSync(folder)) return folder;
  const attempt = mkdtempSync(path.join(cacheFolder('debian'), 'attempt-'));
  try {
    // apt-get drops to the user _apt for downloads, who may not be allowed in here; as root that is turned off.
    run('apt-get', ['download', '-q', '-o', 'APT::Sandbox::User=root', name], attempt);
    const deb = readdirSync(attempt).find((file) => file.endsWith('.deb'));
    if (deb === undefined) throw new Unavailable(`apt-get left no file of ${name}`);
    mkdirSync(path.join(attempt, 'unpacked'));
    run('dpkg', ['-x', path.join(attempt, deb), path.join(attempt, 'unpacked')]);
    if (!existsSync(folder)) renameSync(path.join(attempt, 'unpacked'), folder);
    return folder;
  } finally {
    rmSync(attempt, { recursive: true, force: true });
  }
}

/**
 * The same for an architecture that this machine's dpkg does not know: by package lists of our own, so that nothing of
 * its state changes.
 */
export function foreignPackage(name: string, architecture: string): string {
  const folder = path.join(cacheFolder('debian'), `${name}-${architecture}`);
  if (existsSync(folder)) return folder;
  const attempt = mkdtempSync(path.join(cacheFolder('debian'), 'attempt-'));
  try {
    for (const kind of ['lists', 'archives']) mkdirSync(path.join(attempt, kind, 'partial'), { recursive: true });
    const settings = {
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
      'APT::Sandbox::User': 'root',
      'Dir::State::lists': path.join(attempt, 'lists'),
      'Dir::Cache': attempt,
      'Acquire::Languages': 'none',
    };
    const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
    // A list that is missing may be one that nobody needs; if not, the download says so.
    spawnSync('apt-get', [...options, '-q', 'update'], { encoding: 'utf8', timeout: 300_000 });
    run('apt-get', [...options, '-q', 'download', `${name}:${architecture}`], attempt);
    const deb = readdirSync(attempt).find((file) => file.endsWith('.deb'));
    if (deb === undefined) throw new Unavailable(`apt-get left no file of ${name}:${architecture}`);
    mkdirSync(path.join(attempt, 'unpacked'));
    run('dpkg', ['-x', path.join(attempt, deb), path.join(attempt, 'unpacked')]);
    if (!existsSync(folder)) renameSync(path.join(attempt, 'unpacked'), folder);
    return folder;
  } finally {
    rmSync(attempt, { recursive: true, force: true });
  }
}

/** The real package behind a metapackage: linux-image-amd64 → linux-image-6.1.0-50-amd64. */
export function dependencyOf(metapackage: string, pattern: RegExp): string {
  const lines = run('apt-cache', ['depends', metapackage]).split('\n');
  const names = lines.map((line) => /^\s*Depends:\s*(\S+)/.exec(line)?.[1] ?? '');
  const found = names.find((name) => pattern.test(name));
  if (found === undefined) {
    throw new Unavailable(`apt-cache knows no ${metapackage}: run "apt-get update" once`);
  }
  return found;
}
