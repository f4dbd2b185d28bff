import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
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

interface Abi {
  readonly abi: '4' | '2.0' | '1.2';
  readonly version: string;
  readonly pageTables: RegExp;
  readonly timer: RegExp;
  /** That of a writable mapping of a page table. */
  readonly errno: number;
}

const ABIS: readonly Abi[] = [
  {
    abi: '4',
    version: 'Xen 4.17',
    pageTables: /^Xen 4: pages 4096, page tables 4 /m,
    timer: /interrupt 0,/,
    errno: 16,
  },
  {
    abi: '2.0',
    version: 'Xen 2.0',
    pageTables: /^Xen 2.0: pages 4096, page tables 2 /m,
    timer: /interrupt 1,/,
    errno: 22,
  },
  {
    abi: '1.2',
    version: 'Xen 1.2',
    pageTables: /^Xen 1.2: pages 4096, page tables 5 /m,
    timer: /event 1 of Xen,/,
    errno: 22,
  },
];
const COMMANDS =
  'info,events,fault,refuse,paging,disk,write+3+hello+there,read+3,ping+10.0.0.1,read+9999,help,poweroff';
/** What the console showed on each, with what may differ left out. */
const seen = new Map<string, string>();

describe.each(ABIS)('on Xen $abi', ({ abi, version, pageTables, timer, errno }) => {
  test('does what it can, and Xen allows and refuses as it says', async () => {
    const image = diskImage();
    const before = readFileSync(image);
    const config = configFile({
      name: 'sample',
      kernel,
      memory: 16,
      xen_abi: abi,
      disk: [`format=raw,vdev=xvda,access=rw,target=${image}`],
      vif: ['mac=00:16:3e:00:00:02'],
      extra: `ip=10.0.0.2 run=${COMMANDS}`,
    });
    const { console: text, report, status } = await run(config, '--timeout', '60');
    expect(text).toContain(`hello from a paravirtualised domain on ${version}\r\n`);
    expect(text).toMatch(pageTables);
    expect(text).toContain('disk: 128 sectors\r\n');
    expect(text).toContain('network: 00:16:3e:00:00:02, 10.0.0.2, HTTP on port 80');
    expect(text).toMatch(/^network: port \d+, /m);
    expect(text.split('\n').find((line) => line.startsWith('timer: '))).toMatch(timer);
    expect(text).toMatch(/trap 14 at 0xc00[0-9a-f]+, address 0x10, error code 0x0\r\nthe load gave no value/);
    expect(text).toContain(`Xen answered ${errno};`);
    const steps = text.split('\r\n').filter((line) => line.startsWith('paging: '));
    expect(steps).toHaveLength(10);
    expect(steps.filter((line) => !line.endsWith(': yes'))).toEqual([]);
    expect(text).toContain('address 0xd0000000, error code 0x3');
    const sum = before.subarray(-8 * SECTOR_BYTES).reduce((total, byte) => total + byte, 0);
    expect(text).toContain(`disk: sectors 120 to 127 read, bytes add up to ${sum}`);
    expect(text).toContain('written and read again, 4096 of 4096 bytes');
    expect(text).toContain('000  hello there.....................');
    expect(text).toContain('ping: nobody has that address');
    expect(report).toMatchObject({ exit: 'shutdown' });
    expect(status).toBe(0);
    const wanted = Buffer.from(before);
    wanted.fill(0, 3 * SECTOR_BYTES, 4 * SECTOR_BYTES).write('hello there', 3 * SECTOR_BYTES);
    expect(readFileSync(image).equals(wanted)).toBe(true);
    seen.set(abi, neutral(text));
  });

  test('shuts down when the toolstack asks', async () => {
    const config = configFile({ name: 'sample', kernel, memory: 8, xen_abi: abi });
    const { console: text, report } = await run(
      config,
      '--after',
      'sample> ',
      '--control',
      'shutdown',
      '--timeout',
      '60',
    );
    expect(text).toContain('the toolstack asks for a poweroff');
    expect(report.exit).toBe('shutdown');
  });

  // A domain of Xen 1.2 can only write to its console.
  if (abi === '1.2') return;
  test('takes commands on its console; a crash is status 4 with the reason', async () => {
    const line = (command: string): string[] => ['--after', 'sample> ', '--input', `${command}\\n`];
    const disk = `format=raw,vdev=xvda,access=ro,target=${path.resolve('media/sample/disk.img')}`;
    const config = configFile({ name: 'sample', kernel, memory: 64, xen_abi: abi, disk: [disk] });
    const words = [...line('help'), ...line('read 0'), ...line('write 3 no'), ...line('crash'), '--timeout', '60'];
    const outcome = await run(config, ...words);
    expect(outcome.console).toContain('  refuse - make a hypercall that Xen refuses');
    expect(outcome.console).toContain("000  Sector 0 of the sample's disk.");
    expect(outcome.console).toContain('disk: sector 3 cannot be written');
    expect(outcome.console).toContain('address 0xdead000, error code 0x2');
    expect(outcome.report.exit).toBe('crash');
    expect(outcome.status).toBe(4);
  });
});

/** Without names and numbers of the ABI's own: its name, page tables, event channels, errno, and times. */
function neutral(text: string): string {
  return text
    .replace(/on Xen .*/, 'on Xen …')
    .replace(/^Xen .*?, page tables .*$/m, 'Xen …')
    .replace(/^(\w+: port .*\r?\n)+/m, 'events …\n')
    .replace(/Xen answered \d+/, 'Xen answered …')
    .replace(/up \d+ ms/, 'up … ms');
}

test('says the same on all of them where they do not differ', () => {
  expect(seen.size).toBe(ABIS.length);
  const [first, ...others] = [...seen.values()];
  expect(first).toContain('paging: the table is a page again: yes');
  for (const other of others) expect(other).toBe(first);
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

const PAIRS = ABIS.flatMap(({ abi: server }) => ABIS.map(({ abi: client }) => [server, client] as const));

test.each(PAIRS)('one on Xen %s answers the pings of one on Xen %s, the same way twice', async (server, client) => {
  const pair = [server, client].map((abi, index) =>
    configFile({
      name: `domain${index + 1}`,
      kernel,
      memory: 8,
      xen_abi: abi,
      vif: [`mac=00:16:3e:00:00:0${index + 1}`],
      extra: `ip=10.0.0.${index + 1} ${index === 1 ? 'run=ping+10.0.0.1' : ''}`,
    }),
  );
  const outcomes = await Promise.all(
    [1, 2].map(() => run(...pair, '--until', 'domain2:sequence 3, ', '--timeout', '60')),
  );
  const times = [...(outcomes[0]?.console ?? '').matchAll(/ping: sequence (\d), (\d+)\.(\d{3}) us/g)];
  expect(times.map(([, sequence]) => sequence).slice(0, 2)).toEqual(['1', '2']);
  for (const [, , microseconds] of times) {
    // The switch takes 10 us each way; what two kernels add is well below that.
    expect(Number(microseconds)).toBeGreaterThanOrEqual(20);
    expect(Number(microseconds)).toBeLessThan(30);
  }
  expect(outcomes[1]?.report.memoryHash).toBe(outcomes[0]?.report.memoryHash);
  expect(outcomes[1]?.console).toBe(outcomes[0]?.console);
});

test(
  'answers the pings of a Debian domain and serves it a page; nobody else answers',
  async (context) => {
    const servers = ABIS.map(({ abi }, index) =>
      configFile({
        name: `server${abi}`,
        kernel,
        memory: 8,
        xen_abi: abi,
        vif: [`mac=00:16:3e:00:01:0${index + 1}`],
        extra: `ip=10.0.0.${index + 1}`,
      }),
    );
    const talks = ABIS.flatMap((_, index) => [
      `until ping -c 1 -W 1 10.0.0.${index + 1} >/dev/null; do sleep 0.1; done`,
      `ping -c 3 -i 0.2 -s 1000 10.0.0.${index + 1}`,
      `wget -q -O - http://10.0.0.${index + 1}/`,
      `wget -O - http://10.0.0.${index + 1}/other`,
      `nc -w 1 10.0.0.${index + 1} 81 </dev/null || echo PORT-81-CLOSED-${index + 1}`,
    ]);
    const commands = [
      'insmod /xen-netfront.ko',
      'until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done',
      'ifconfig eth0 10.0.0.9 netmask 255.255.255.0 up',
      ...talks,
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
        vif: ['mac=00:16:3e:00:00:09'],
      }),
    );
    const last = `PORT-81-CLOSED-${ABIS.length}`;
    const { console: text } = await run(client, ...servers, '--timeout', '280', '--until', last);
    for (const { abi } of ABIS) expect(text).toContain(`client: Xen ${abi}: pages 2048, `);
    const counts = (wanted: string | RegExp): number => text.split(wanted).length - 1;
    expect(counts('3 packets transmitted, 3 packets received, 0% packet loss')).toBe(ABIS.length);
    expect(counts('<h1>A domain speaks</h1>')).toBe(ABIS.length);
    expect(counts(/client: network: port \d+, .*, \d+ events/)).toBe(ABIS.length);
    expect(counts('404 Not Found')).toBe(ABIS.length);
    expect(text).toContain(last);
  },
  5 * MINUTES,
);
