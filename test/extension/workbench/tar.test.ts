import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { unpackTarball } from '../../../extension/workbench/tar.ts';

test.each(['ustar', 'gnu', 'pax'])('unpacks what tar packs (%s), long names included', (format) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'xenoscope-tar-'));
  try {
    const name = format === 'ustar' ? path.join('deep', 'name.txt') : path.join('deep', 'long-'.repeat(40), 'name.txt');
    mkdirSync(path.dirname(path.join(folder, 'in', name)), { recursive: true });
    writeFileSync(path.join(folder, 'in', name), 'contents');
    writeFileSync(path.join(folder, 'in', 'skipped.map'), 'x'.repeat(1000));
    const args = [`--format=${format}`, '-czf', path.join(folder, 'a.tgz'), '-C', path.join(folder, 'in'), '.'];
    expect(spawnSync('tar', args).status).toBe(0);
    const tarball = readFileSync(path.join(folder, 'a.tgz'));
    expect(unpackTarball(tarball, path.join(folder, 'out'), (file) => !file.endsWith('.map'))).toBe(1);
    expect(readFileSync(path.join(folder, 'out', name), 'utf8')).toBe('contents');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a name that leads outside is refused', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'xenoscope-tar-'));
  const header = Buffer.alloc(512);
  header.write('../outside');
  header.write('00000000001', 124);
  header.write('0', 156);
  const tarball = gzipSync(Buffer.concat([header, Buffer.alloc(512, 1), Buffer.alloc(1024)]));
  expect(() => unpackTarball(tarball, folder, () => true)).toThrow('would lie outside');
  expect(existsSync(path.join(folder, '..', 'outside'))).toBe(false);
  rmSync(folder, { recursive: true, force: true });
});
