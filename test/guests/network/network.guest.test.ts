import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { orSkip } from '../../support/skip.ts';
import { tshark } from '../../support/tshark.ts';
import { run } from '../xenoscope.ts';
import { CLIENT, networkPair, type Pair, PORT, SERVER } from './pair.ts';

/** Debian's netfront in two domains, unmodified. */
const MINUTES = 60_000;
const MEGABYTES = 8;
/** Generous: both take 50 seconds on two quiet processors. */
const WORDS = ['--timeout', '580'];

interface Run {
  readonly pair: Pair;
  readonly pcap: string;
  readonly outcomes: Awaited<ReturnType<typeof run>>[];
}

let once: Promise<Run> | undefined;

/** Both at the same time: two processors are all that CI has. */
async function runTwice(pair: Pair): Promise<Run> {
  const pcap = path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-')), 'pair.pcapng');
  const outcomes = await Promise.all([
    run(...pair.files, ...WORDS, '--pcap', pcap),
    // Another pace of the host, and no capture: neither may be felt.
    run(...pair.files, ...WORDS),
  ]);
  return { pair, pcap, outcomes };
}

test(
  'two domains ping each other and move data by TCP, the same way twice',
  async (context) => {
    const pair = orSkip(context, () => networkPair(MEGABYTES));
    once = runTwice(pair);
    const { outcomes } = await once;
    const [first, second] = outcomes;
    expect(first?.console).toContain('client: 3 packets transmitted, 3 packets received, 0% packet loss');
    expect(first?.console).toContain(`server: ${pair.md5}  -`);
    expect(first?.console).toMatch(/client: +RX packets:\d+ errors:0 dropped:0/);
    expect(first?.status).toBe(0);
    expect(first?.report).toMatchObject({ exit: 'shutdown' });
    expect(second?.report).toMatchObject({
      instructions: first?.report.instructions,
      virtualSeconds: first?.report.virtualSeconds,
      memoryHash: first?.report.memoryHash,
    });
    expect(second?.console).toBe(first?.console);
  },
  10 * MINUTES,
);

test('Wireshark finds every frame in the capture, and every checksum right', async (context) => {
  if (once === undefined) return context.skip('the domains did not run');
  const { pair, pcap, outcomes } = await once;
  expect(outcomes[0]?.report.exit).toBe('shutdown');
  const fields = [
    ...['frame.interface_name', 'frame.packet_flags_direction', 'ip.src', 'tcp.len', 'tcp.checksum.status'],
    ...['ip.checksum.status', 'icmp.type', 'icmp.checksum.status', 'frame.comment', '_ws.malformed'],
  ];
  const checks = ['tcp', 'udp', 'ip'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
  // Random bytes are nobody's protocol, whatever Wireshark's registry says of the port.
  const data = ['-d', `tcp.port==${PORT},data`];
  const rows = orSkip(context, () => tshark(pcap, fields, ...checks, ...data)).map((cells) =>
    Object.fromEntries(fields.map((field, index) => [field, cells[index] ?? ''])),
  );
  const ofTcp = rows.filter((row) => row['tcp.len'] !== '');
  const from = (address: string) => rows.filter((row) => row['ip.src'] === address);
  const sent = ofTcp.filter((row) => row['ip.src'] === CLIENT.address && row['frame.interface_name'] === 'vif2.0');
  expect(sent.reduce((sum, row) => sum + Number(row['tcp.len']), 0)).toBe(pair.length);
  // 1: good (Wireshark's proto_checksum_vals).
  expect(new Set(ofTcp.map((row) => row['tcp.checksum.status']))).toEqual(new Set(['1']));
  expect(new Set(rows.map((row) => row['ip.checksum.status']))).toEqual(new Set(['', '1']));
  expect(new Set(rows.map((row) => row['_ws.malformed']))).toEqual(new Set(['']));
  // Every frame is seen at both ports: in at one, out at the other.
  const ports = (address: string, name: string, direction: string) =>
    from(address).filter(
      (row) => row['frame.interface_name'] === name && row['frame.packet_flags_direction'] === direction,
    ).length;
  expect(ports(CLIENT.address, 'vif2.0', '0x00000001')).toBe(ports(CLIENT.address, 'vif1.0', '0x00000002'));
  expect(ports(SERVER.address, 'vif1.0', '0x00000001')).toBe(ports(SERVER.address, 'vif2.0', '0x00000002'));
  const echoes = rows.filter((row) => row['icmp.type'] === '8' && row['frame.interface_name'] === 'vif2.0');
  expect(echoes.length).toBeGreaterThanOrEqual(4);
  for (const row of rows) {
    expect(row['frame.comment']).toMatch(
      /^domain [12] \((server|client)\) vif[12]\.0 [rt]x slot \d+ grant \d+ at instr/,
    );
  }
});
