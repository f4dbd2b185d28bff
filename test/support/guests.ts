import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { cacheFolder } from '../../extension/workbench/cache.ts';
import { type CpioEntry, cpio } from './cpio.ts';
import { debianPackage, dependencyOf, foreignPackage, Unavailable } from './debian.ts';

/** What a guest test needs: real images from Debian packages, by path. Each throws `Unavailable` where it cannot. */

export { Unavailable };

/** GRUB 2 as a paravirtualised guest. */
export function grub(width: 64 | 32 = 64): string {
  const name = width === 64 ? 'grub-x86_64-xen.bin' : 'grub-i386-xen.bin';
  return path.join(debianPackage('grub-xen-host'), 'usr/lib/grub-xen', name);
}

/** Debian's kernel: bzImage with an XZ payload. */
export function debianKernel(): string {
  return kernelOf('linux-image-amd64', /^linux-image-[\d.]+.*-amd64$/);
}

/** Debian's kernel for clouds: bzImage with an LZ4 payload. */
export function debianCloudKernel(): string {
  return kernelOf('linux-image-cloud-amd64', /^linux-image-[\d.]+.*-cloud-amd64$/);
}

/** GNU Mach, whose only mark is a legacy `__xen_guest` section. */
export function gnumach(width: 64 | 32 = 64): string {
  const name = 'gnumach-image-1.8-xen-486';
  const boot = path.join(width === 64 ? debianPackage(name) : foreignPackage(name, 'i386'), 'boot');
  return path.join(boot, fileIn(boot, /^gnumach/));
}

/** A module of that kernel, by its file's name: "xen-netfront.ko". */
export function debianCloudModule(name: string): Uint8Array {
  return moduleOf('linux-image-cloud-amd64', /^linux-image-[\d.]+.*-cloud-amd64$/, name);
}

/** A module of `debianKernel()`. */
export function debianModule(name: string): Uint8Array {
  return moduleOf('linux-image-amd64', /^linux-image-[\d.]+.*-amd64$/, name);
}

function moduleOf(metapackage: string, pattern: RegExp, name: string): Uint8Array {
  const modules = path.join(debianPackage(dependencyOf(metapackage, pattern)), 'lib/modules');
  const found = readdirSync(modules, { recursive: true }).find((file) => path.basename(String(file)) === name);
  if (found === undefined) throw new Unavailable(`${modules} holds no ${name}`);
  return readFileSync(path.join(modules, String(found)));
}

function kernelOf(metapackage: string, pattern: RegExp): string {
  const boot = path.join(debianPackage(dependencyOf(metapackage, pattern)), 'boot');
  return path.join(boot, fileIn(boot, /^vmlinuz-/));
}

function fileIn(folder: string, pattern: RegExp): string {
  const found = readdirSync(folder).find((name) => pattern.test(name));
  if (found === undefined) throw new Unavailable(`${folder} holds no ${pattern.source}`);
  return found;
}

export interface InitramfsOptions {
  /** Shell commands that run before the shell starts. */
  readonly commands?: readonly string[];
  /** More members of the archive. */
  readonly files?: readonly CpioEntry[];
}

/** What the guest prints when its user space is up. */
export const BOOT_MARKER = 'BOOT-OK';

/**
 * An initramfs of our own around Debian's busybox-static: prints BOOT_MARKER and starts a shell on the console.
 * The path of a gzipped cpio archive.
 */
export function busyboxInitramfs({ commands = [], files = [] }: InitramfsOptions = {}): string {
  const busybox = readFileSync(path.join(debianPackage('busybox-static'), 'bin/busybox'));
  const init = [
    '#!/bin/busybox sh',
    '/bin/busybox --install -s /bin',
    'mount -t proc proc /proc',
    'mount -t sysfs sys /sys',
    'mount -t devtmpfs dev /dev 2>/dev/null',
    ...commands,
    `echo ${BOOT_MARKER}`,
    'exec setsid cttyhack sh',
    '',
  ].join('\n');
  const folder = (name: string) => ({ name, mode: 0o40755 });
  const archive = cpio([
    ...['bin', 'dev', 'proc', 'sys', 'tmp', 'root'].map(folder),
    { name: 'bin/busybox', mode: 0o100755, contents: busybox },
    { name: 'init', mode: 0o100755, contents: Buffer.from(init) },
    { name: 'dev/console', mode: 0o20600, device: [5, 1] },
    { name: 'dev/null', mode: 0o20666, device: [1, 3] },
    { name: 'dev/hvc0', mode: 0o20600, device: [229, 0] },
    ...files,
  ]);
  const file = path.join(cacheFolder('initramfs'), `busybox-${hashOf(archive)}.cpio.gz`);
  writeFileSync(file, gzipSync(archive, { level: 9 }));
  return file;
}

/** FNV-1a: names differ where contents do. */
function hashOf(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
}
