import { spawn } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { busyboxInitramfs, debianCloudKernel, debianCloudModule } from '../support/guests.ts';
import { config, folder } from './contenders.ts';

const COMMAND = 'dist/cli/xenoscope.mjs';
const MEGABYTES = 128;

/** Sequential throughput of a virtual disk inside Debian, by dd past the page cache, in MB a second on the wall. */
export async function printDiskThroughput(): Promise<void> {
  const image = path.join(folder, 'bench.img');
  writeFileSync(image, '');
  truncateSync(image, MEGABYTES << 20);
  const dd = `bs=1M count=${MEGABYTES} 2> /dev/null`;
  const ramdisk = busyboxInitramfs({
    commands: [
      'insmod /xen-blkfront.ko',
      `echo WRITE-BEGIN; dd if=/dev/zero of=/dev/xvda conv=fsync ${dd}; echo WRITE-END`,
      'echo 3 > /proc/sys/vm/drop_caches',
      `echo READ-BEGIN; dd if=/dev/xvda of=/dev/null ${dd}; echo READ-END; poweroff -f`,
    ],
    files: [{ name: 'xen-blkfront.ko', mode: 0o100644, contents: debianCloudModule('xen-blkfront.ko') }],
  });
  const text = `kernel = "${debianCloudKernel()}"\nramdisk = "${ramdisk}"\nextra = "console=hvc0 quiet"\nmemory = 128\n`;
  const times = await timesOf(config('disk', `${text}disk = ["${image},,xvda"]\n`), [
    ...['WRITE-BEGIN', 'WRITE-END', 'READ-BEGIN', 'READ-END'],
  ]);
  const speed = (from: number): string =>
    (MEGABYTES / (((times[from + 1] ?? 0) - (times[from] ?? 0)) / 1000)).toFixed(0);
  console.log(`\nVirtual disk in Debian, ${MEGABYTES} MB in sequence: ${speed(0)} MB/s written, ${speed(2)} MB/s read`);
}

/** When each of these was first seen on the console, in milliseconds. */
function timesOf(file: string, marks: readonly string[]): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [COMMAND, 'run', file, '--json', '--timeout', '300']);
    const times: number[] = [];
    let console = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      console += text;
      while (times.length < marks.length && console.includes(marks[times.length] as string)) {
        times.push(performance.now());
      }
    });
    child.on('error', reject);
    child.on('close', () =>
      times.length === marks.length ? resolve(times) : reject(new Error(`the guest got no further: ${console}`)),
    );
  });
}
