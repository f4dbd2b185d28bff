import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { recognizeImage } from '../../extension/host/configuration/recognize-image.ts';
import { busyboxInitramfs, debianCloudKernel, debianKernel, gnumach, grub } from './guests.ts';
import { orSkip } from './skip.ts';

test('every guest image is what it should be', (context) => {
  const kinds = orSkip(context, () =>
    [grub(64), grub(32), gnumach(), debianKernel(), debianCloudKernel()].map((file) =>
      recognizeImage(file, readFileSync(file)),
    ),
  );
  expect(kinds).toEqual(['elf', 'elf', 'elf', 'bzImage', 'bzImage']);
});

test('the initramfs is an archive that cpio reads', (context) => {
  const file = orSkip(context, () => busyboxInitramfs());
  const { stdout, status, error } = spawnSync('cpio', ['-tv'], {
    input: gunzipSync(readFileSync(file)),
    encoding: 'utf8',
  });
  if (error !== undefined) context.skip('needs cpio: apt-get install cpio');
  expect(status).toBe(0);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => line.replaceAll(/\s+/g, ' '));
  expect(lines.map((line) => line.split(' ').at(-1))).toEqual([
    ...['bin', 'dev', 'proc', 'sys', 'tmp', 'root'],
    ...['bin/busybox', 'init', 'dev/console', 'dev/null', 'dev/hvc0'],
  ]);
  expect(lines.find((line) => line.endsWith('dev/console'))).toMatch(/^crw------- 1 root root 5, 1 /);
  expect(lines.find((line) => line.endsWith('init'))).toMatch(/^-rwxr-xr-x/);
});
