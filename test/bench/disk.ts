import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { busyboxInitramfs, debianCloudKernel, debianCloudModule } from '../support/guests.ts';
import { COMMAND, config, folder } from './contenders.ts';
import { type DomU, xenInQemu } from './dom0.ts';
import { compareSpeeds } from './marks.ts';

const MEGABYTES = 128;

/** Sequential throughput of a virtual disk inside Debian, by dd past the page cache. */
export async function printDiskThroughput(rounds: number, withQemu: boolean): Promise<void> {
  const kernel = debianCloudKernel();
  const ramdisk = initramfs();
  const guest: DomU = { name: 'disk', kernel, ramdisk, memory: 128, disk: true };
  const image = path.join(folder, 'bench.img');
  writeFileSync(image, '');
  truncateSync(image, MEGABYTES << 20);
  const text = `kernel = "${kernel}"\nramdisk = "${ramdisk}"\nextra = "console=hvc0 quiet"\nmemory = 128\n`;
  const file = config('disk', `${text}disk = ["${image},,xvda"]\n`);
  const ours = [process.execPath, COMMAND, 'run', file, '--timeout', '300'];
  await compareSpeeds({
    title: `Virtual disk of Debian as domU, ${MEGABYTES} MB in sequence`,
    megabytes: MEGABYTES,
    spans: ['WRITE', 'READ'],
    commands: [
      ...(withQemu ? [['QEMU TCG, Xen 4.17, blkback', xenInQemu([guest])] as const] : []),
      ['xenoscope', ours],
    ],
    rounds,
  });
}

function initramfs(): string {
  const dd = `bs=1M count=${MEGABYTES} 2> /dev/null`;
  const uptime = '$(cut -d " " -f 1 /proc/uptime)';
  return busyboxInitramfs({
    commands: [
      'insmod /xen-blkfront.ko',
      'until [ -e /dev/xvda ]; do sleep 0.1; done',
      `echo WRITE-BEGIN ${uptime}; dd if=/dev/zero of=/dev/xvda conv=fsync ${dd}; echo WRITE-END ${uptime}`,
      'echo 3 > /proc/sys/vm/drop_caches',
      `echo READ-BEGIN ${uptime}; dd if=/dev/xvda of=/dev/null ${dd}; echo READ-END ${uptime}; poweroff -f`,
    ],
    files: [{ name: 'xen-blkfront.ko', mode: 0o100644, contents: debianCloudModule('xen-blkfront.ko') }],
  });
}
