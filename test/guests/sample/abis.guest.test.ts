import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { busyboxInitramfs, debianCloudKernel, debianCloudModule, Unavailable } from '../../support/guests.ts';
import { orSkip } from '../../support/skip.ts';
import { configFile, run } from '../xenoscope.ts';
import { buildSample } from './build.ts';

const MINUTES = 60_000;
const SECTOR_BYTES = 512;
const DISK_BYTES = 64 * 1024;
/** The bundled image, as it is committed: no compiler needed. */
const kernel = path.resolve('media/sample/guest.elf');

/** A disk whose bytes tell where they are. */
function diskImage(): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-')), 'disk.img');
  writeFileSync(
    file,
    Uint8Array.from({ length: DISK_BYTES }, (_, index) => (index >> 9) + index),
  );
  return file;
}

test('does what it can on Xen 4, and Xen allows and refuses as it says', async () => {
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

test('takes commands on its console; a crash is status 4 with the reason', async () => {
  const line = (command: string): string[] => ['--after', 'sample> ', '--input', `${command}\\n`];
  const words = [...line('help'), ...line('read 0'), ...line('write 3 no'), ...line('crash'), '--timeout', '60'];
  const outcome = await run('media/sample/guest.cfg', ...words);
  expect(outcome.console).toContain('  refuse - make a hypercall that Xen refuses');
  expect(outcome.console).toContain("000  Sector 0 of the sample's disk.");
  expect(outcome.console).toContain('disk: sector 3 cannot be written');
  expect(outcome.console).toContain('address 0xdead000, error code 0x2');
  expect(outcome.report.exit).toBe('crash');
  expect(outcome.status).toBe(4);
});

test('what is committed is what the sources say', async (context) => {
  const built = path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-')), 'guest.elf');
  orSkip(context, () => {
    if (process.platform !== 'linux' || process.arch !== 'x64') throw new Unavailable('needs gcc on x86-64 Linux');
    buildSample(built);
  });
  const texts = [kernel, built].map(async (image) => {
    const extra = 'run=info,events,fault,refuse,paging,help,poweroff';
    return await run(configFile({ name: 'sample', kernel: image, memory: 8, extra }), '--timeout', '60');
  });
  const [committed, anew] = (await Promise.all(texts)).map(({ console: text }) => withoutAddresses(text));
  expect(anew).toContain('paging: the table is a page again: yes');
  expect(committed).toBe(anew);
});

/** Another gcc puts things elsewhere. */
const withoutAddresses = (text: string): string => text.replace(/0xc0[0-9a-f]{6}/g, '0xc0…');

test('two of them ping each other, the same way twice', async () => {
  const pair = ['00:16:3e:00:00:01', '00:16:3e:00:00:02'].map((mac, index) =>
    configFile({
      name: `domain${index + 1}`,
      kernel,
      memory: 8,
      vif: [`mac=${mac}`],
      extra: `ip=10.0.0.${index + 1} ${index === 1 ? 'run=ping+10.0.0.1,ping+10.0.0.9' : ''}`,
    }),
  );
  const outcomes = await Promise.all(
    [1, 2].map(() => run(...pair, '--until', 'domain2:nobody has that address', '--timeout', '60')),
  );
  const times = [...(outcomes[0]?.console ?? '').matchAll(/ping: sequence (\d), (\d+)\.(\d{3}) us/g)];
  expect(times.map(([, sequence]) => sequence)).toEqual(['1', '2', '3']);
  // The switch takes 10 us each way; what two kernels add is well below that.
  for (const [, , microseconds] of times.slice(0, 2)) expect(Number(microseconds)).toBeGreaterThan(20);
  for (const [, , microseconds] of times.slice(0, 2)) expect(Number(microseconds)).toBeLessThan(30);
  expect(outcomes[1]?.report.memoryHash).toBe(outcomes[0]?.report.memoryHash);
  expect(outcomes[1]?.console).toBe(outcomes[0]?.console);
});

test(
  'answers the pings of a Debian domain and serves it a page; nobody else answers',
  async (context) => {
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
