import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { planDomain } from '../../../../emulator/xen/toolstack/domain-layout.ts';
import { readKernelImage } from '../../../../emulator/xen/toolstack/image/kernel-image.ts';
import { layoutAccount } from '../../../../emulator/xen/toolstack/layout-account.ts';
import { debianCloudKernel, debianKernel, gnumach, grub } from '../../../support/guests.ts';
import { orSkip } from '../../../support/skip.ts';
import { builderTranscript } from './builder-transcript.ts';

/** The transcripts' own images, from Debian's packages: same pages, same addresses. */

const read = (file: string): Uint8Array => new Uint8Array(readFileSync(file));

/** The ramdisk of the transcript, unpacked as the builder did. */
const RAMDISK_BYTES = 0x231eec;
const TRANSCRIPT_KERNEL = 'vmlinuz-6.1.0-56-amd64';

const withoutNumbers = (line: string): string => line.replaceAll(/0x[0-9a-f]+|\d+(?= table)/g, '#');

test("Debian's kernel with a ramdisk", (context) => {
  const file = orSkip(context, debianKernel);
  const image = readKernelImage(read(file));
  expect(image).toMatchObject({ container: 'bzImage', compression: 'XZ', guestType: 'xen-3.0-x86_64' });
  const account = layoutAccount(planDomain(image, 65536, RAMDISK_BYTES));
  const transcript = builderTranscript('linux-6.1');
  // Debian updates its kernel: another one has other sizes, and must still be laid out in the same steps.
  expect(account.map(withoutNumbers)).toEqual(transcript.map(withoutNumbers));
  if (path.basename(file) !== TRANSCRIPT_KERNEL) return;
  expect(image.elf.reader.size).toBe(0x3eda7b4);
  expect(account).toEqual(transcript);
});

test("Debian's cloud kernel: an LZ4 payload", (context) => {
  const image = readKernelImage(read(orSkip(context, debianCloudKernel)));
  expect(image).toMatchObject({ container: 'bzImage', compression: 'LZ4', virtBase: -0x80000000 });
  expect(image.parameters).toMatchObject({ guestOs: 'linux', initP2m: 0x8000000000, modStartPfn: true });
});

describe.each([
  [64, 'grub-x86_64'],
  [32, 'grub-i386'],
] as const)('GRUB, %i bit', (width, transcript) => {
  test('layout', (context) => {
    const image = readKernelImage(read(orSkip(context, () => grub(width))));
    expect(layoutAccount(planDomain(image, 16384, undefined))).toEqual(builderTranscript(transcript));
  });
});

test('GNU Mach', (context) => {
  const image = readKernelImage(read(orSkip(context, gnumach)));
  expect(image.parameters.source).toBe('__xen_guest');
  expect(image.parameters.hypercallPage).toBe(0x40002000);
  expect(layoutAccount(planDomain(image, 16384, undefined))).toEqual(builderTranscript('gnumach-x86_64'));
});
