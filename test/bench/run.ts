/**
 * npm run bench [-- --rounds N] [--devices]: figures that the issues ask for, as ratios in one run; with --devices,
 * only the throughput of a disk. Needs gcc for its own guests, and qemu-system-x86_64 for the comparison (Debian:
 * apt-get install qemu-system-x86); what is missing is named and left out.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { debianPackage } from '../support/debian.ts';
import { BOOT_MARKER, busyboxInitramfs, debianKernel } from '../support/guests.ts';
import { type Contender, compare, config, folder, have, qemu, xenoscope } from './contenders.ts';
import { printDiskThroughput } from './disk.ts';
import { buildGuest } from './guests.ts';
import { printIdleCost, printLatencies } from './latency.ts';
import { benchPrograms } from './programs.ts';

const NODES: readonly string[] = ['20', '22'];
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    node: { type: 'string', multiple: true },
    devices: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const majors = values.node ?? NODES;

function benchOwnGuests(): void {
  const mix = config('mix', `name = "mix"\nkernel = "${buildGuest('integer-mix', ['ROUNDS=2000'])}"\nmemory = 64\n`);
  const contenders = majors.map((major) => xenoscope(major, mix, 'MIX-DONE'));
  compare('Integer mix, 64-bit PV guest', contenders, rounds);
  for (const major of majors) benchPrograms(major, rounds);
  for (const major of majors) printLatencies(major, rounds);
  for (const major of majors) printIdleCost(major);
}

function benchDebian(): void {
  const others = have('qemu-system-x86_64') ? qemuBoots() : [];
  if (others.length === 0) console.log('left out: QEMU is not installed (Debian: apt-get install qemu-system-x86)');
  const text = `kernel = "${debianKernel()}"\nramdisk = "${busyboxInitramfs()}"\nextra = "console=hvc0"\nmemory = 256\n`;
  const file = config('debian', `name = "debian"\n${text}`);
  const ours = majors.map((major) => xenoscope(major, file, BOOT_MARKER));
  compare('Debian 12 linux-image-amd64 to the shell marker, 256 MB', [...others, ...ours], rounds);
}

/** The same kernel without Xen, and as dom0 of a real Xen. The initramfs powers off, so that QEMU ends. */
function qemuBoots(): readonly Contender[] {
  const initramfs = busyboxInitramfs({
    commands: [`echo ${BOOT_MARKER}; sync; echo o > /proc/sysrq-trigger; poweroff -f`],
  });
  const natively = ['-m', '256', '-serial', 'stdio', '-kernel', debianKernel(), '-initrd', initramfs];
  const boots = [qemu('QEMU TCG, the same kernel natively', [...natively, '-append', 'console=ttyS0 panic=-1'])];
  try {
    const packed = path.join(debianPackage('xen-hypervisor-4.17-amd64'), 'boot/xen-4.17-amd64.gz');
    const xen = path.join(folder, 'xen');
    writeFileSync(xen, gunzipSync(readFileSync(packed)));
    const append = 'com1=115200,8n1 console=com1 dom0_mem=512M noreboot';
    const modules = `${debianKernel()} console=hvc0 panic=-1,${initramfs}`;
    const words = ['-m', '1024', '-serial', 'stdio', '-kernel', xen, '-append', append, '-initrd', modules];
    boots.push(qemu('QEMU TCG, Xen 4.17 and it as dom0', words));
  } catch (error) {
    console.log(`left out: Xen on QEMU (${error instanceof Error ? error.message : String(error)})`);
  }
  return boots;
}

const hasQemu = have('qemu-system-x86_64');
if (!values.devices) {
  if (have('gcc')) benchOwnGuests();
  else console.log('left out: our own guests need gcc');
  benchDebian();
}
await printDiskThroughput(rounds, hasQemu);
