import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { busyboxInitramfs, debianCloudKernel, debianCloudModule } from '../../support/guests.ts';
import { orSkip } from '../../support/skip.ts';
import { configFile, run } from '../xenoscope.ts';
import { sampleKernel } from './kernel-image.ts';

const MINUTES = 60_000;
const SECTOR_BYTES = 512;
const DISK_BYTES = 64 * 1024;

/** A disk whose bytes tell where they are. */
function diskImage(): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-')), 'disk.img');
  writeFileSync(
    file,
    Uint8Array.from({ length: DISK_BYTES }, (_, index) => (index >> 9) + index),
  );
  return file;
}

test('does what it can on Xen 4, and Xen allows and refuses as it says', async (context) => {
  const kernel = orSkip(context, sampleKernel);
  const image = diskImage();
  const before = readFileSync(image);
  const config = configFile({
    name: 'sample',
    kernel,
    memory: 16,
    disk: [`format=raw,vdev=xvda,access=rw,target=${image}`],
    vif: ['mac=00:16:3e:00:00:01'],
    extra: 'ip=10.0.0.1 run=info,events,fault,refuse,paging,disk,write+3+hello+there,read+3,poweroff',
  });
  const { console: text, report, status } = await run(config, '--timeout', '60');
  expect(text).toContain('hello from a paravirtualised domain on Xen 4.17');
  expect(text).toContain('Xen 4: pages 4096, page tables 4 frames from 0xc00');
  expect(text).toContain('disk: 128 sectors\r\n');
  expect(text).toContain('network: 00:16:3e:00:00:01, 10.0.0.1, HTTP on port 80');
  expect(text).toMatch(/timer: port \d+, virtual interrupt 0, /);
  expect(text).toMatch(/trap 14 at 0xc00[0-9a-f]+, address 0x10, error code 0x0\r\nthe load gave no value/);
  expect(text).toContain('Xen answered 16;');
  const steps = text.split('\r\n').filter((line) => line.startsWith('paging: '));
  expect(steps).toHaveLength(10);
  expect(steps.filter((line) => !line.endsWith(': yes'))).toEqual([]);
  expect(text).toContain('address 0xd0000000, error code 0x3');
  const sum = before.subarray(-8 * SECTOR_BYTES).reduce((total, byte) => total + byte, 0);
  expect(text).toContain(`disk: sectors 120 to 127 read, bytes add up to ${sum}`);
  expect(text).toContain('written and read again, 4096 of 4096 bytes');
  expect(text).toContain('000  hello there.....................');
  expect(report).toMatchObject({ exit: 'shutdown' });
  expect(status).toBe(0);
  const wanted = Buffer.from(before);
  wanted.fill(0, 3 * SECTOR_BYTES, 4 * SECTOR_BYTES).write('hello there', 3 * SECTOR_BYTES);
  expect(readFileSync(image).equals(wanted)).toBe(true);
});

test(
  'answers the pings of a Debian domain and serves it a page; nobody else answers',
  async (context) => {
    const kernel = orSkip(context, sampleKernel);
    const server = configFile({
      name: 'server',
      kernel,
      memory: 8,
      vif: ['mac=00:16:3e:00:00:01'],
      extra: 'ip=10.0.0.1',
    });
    const commands = [
      'insmod /xen-netfront.ko',
      'until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done',
      'ifconfig eth0 10.0.0.2 netmask 255.255.255.0 up',
      'until ping -c 1 -W 1 10.0.0.1 >/dev/null; do sleep 0.1; done',
      'ping -c 3 -i 0.2 -s 1000 10.0.0.1',
      'wget -q -O - http://10.0.0.1/',
      'wget -O - http://10.0.0.1/other',
      'nc -w 1 10.0.0.1 81 </dev/null || echo PORT-81-CLOSED',
      'poweroff -f',
    ];
    const client = orSkip(context, () =>
      configFile({
        name: 'client',
        kernel: debianCloudKernel(),
        memory: 192,
        ramdisk: busyboxInitramfs({
          commands,
          files: [{ name: 'xen-netfront.ko', mode: 0o100644, contents: debianCloudModule('xen-netfront.ko') }],
        }),
        extra: 'console=hvc0 quiet',
        vif: ['mac=00:16:3e:00:00:02'],
      }),
    );
    const { console: text } = await run(client, server, '--timeout', '280', '--until', 'PORT-81-CLOSED');
    expect(text).toContain('3 packets transmitted, 3 packets received, 0% packet loss');
    expect(text).toContain('<h1>A domain speaks</h1>');
    expect(text).toMatch(
      /network: port \d+, domain 0 port \d+, \d+ events\r?\nclient: <\/pre>|network: port .*\n.*<\/pre>/,
    );
    expect(text).toContain('404 Not Found');
    expect(text).toContain('PORT-81-CLOSED');
  },
  5 * MINUTES,
);
