import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CapturedFrame, CapturedPort } from '../../../emulator/net/capture.ts';
import { macAt } from '../../../emulator/net/mac-address.ts';
import { PcapngWriter } from '../../../emulator/net/pcapng.ts';
import { orSkip } from '../../support/skip.ts';
import { tshark } from '../../support/tshark.ts';
import { hex, join, MAC_A, MAC_B, udpFrame } from './frames.ts';

const EPOCH = 1_767_225_600;
const PORT_A: CapturedPort = {
  network: 'xenbr0',
  name: 'vif1.0',
  owner: 'domain 1 (alpha)',
  mac: macAt(hex(MAC_A), 0),
};
const PORT_B: CapturedPort = { ...PORT_A, name: 'vif2.0', owner: 'domain 2 (beta)', mac: macAt(hex(MAC_B), 0) };

function frame(port: CapturedPort, direction: CapturedFrame['direction'], time: number): CapturedFrame {
  const place = direction === 'dropped' ? undefined : { slot: 12, grant: 769 };
  const reason = direction === 'dropped' ? 'no receive buffer' : undefined;
  return { port, direction, time, instructions: 123456789, bytes: udpFrame(), place, reason };
}

/** 5 seconds are more than 2^32 ns. */
const FRAMES = [
  frame(PORT_A, 'in', 5_000_000_001),
  frame(PORT_B, 'out', 5_000_010_001),
  frame(PORT_B, 'dropped', 5_000_010_002),
];

function capture(frames: readonly CapturedFrame[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const writer = new PcapngWriter((bytes) => parts.push(bytes), EPOCH);
  for (const each of frames) writer.frame(each);
  return join(...parts);
}

/** Blocks of a little-endian section: type, length given at both ends, body (draft-ietf-opsawg-pcapng, 3.1). */
function blocks(file: Uint8Array): { type: number; body: Uint8Array }[] {
  const view = new DataView(file.buffer, file.byteOffset);
  const found = [];
  for (let at = 0; at < file.length; ) {
    const length = view.getUint32(at + 4, true);
    expect(length % 4).toBe(0);
    expect(view.getUint32(at + length - 4, true)).toBe(length);
    found.push({ type: view.getUint32(at, true), body: file.subarray(at + 8, at + length - 4) });
    at += length;
  }
  return found;
}

describe('pcapng', () => {
  const found = blocks(capture(FRAMES));

  test('a section, then each interface before its first packet', () => {
    expect(found.map(({ type }) => type)).toEqual([0x0a0d0d0a, 1, 6, 1, 6, 6]);
  });

  test('the section header: magic, version 1.0, length not told', () => {
    expect(found[0]?.body.subarray(0, 16)).toEqual(hex('4d3c2b1a 0100 0000 ffffffffffffffff'));
  });

  test('an interface: Ethernet, whole frames, name, address, nanoseconds from the epoch', () => {
    const text = (value: string) => new TextEncoder().encode(value);
    expect(found[1]?.body).toEqual(
      join(
        ...[hex('0100 0000 00000000'), hex('0200 0600'), text('vif1.0'), hex('0000')],
        ...[hex('0300 1a00'), text('domain 1 (alpha) on xenbr0'), hex('0000')],
        ...[hex('0600 0600'), hex(MAC_A), hex('0000'), hex('0900 0100 09 000000')],
        // 1767225600 = 0x6955b900.
        ...[hex('0e00 0800 00b95569 00000000'), hex('0000 0000')],
      ),
    );
  });

  test('a packet: 5000000001 ns are 1 and 2a05f201', () => {
    const head = hex('00000000 01000000 01f2052a 2d000000 2d000000');
    expect(found[2]?.body.subarray(0, 68)).toEqual(join(head, udpFrame(), hex('000000')));
  });

  test('Wireshark reads it', (context) => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-')), 'test.pcapng');
    writeFileSync(file, capture(FRAMES));
    const fields = ['frame.time_epoch', 'frame.interface_name', 'frame.packet_flags_direction', 'frame.comment'];
    const rows = orSkip(context, () => tshark(file, [...fields, 'udp.checksum'], '-o', 'udp.check_checksum:TRUE'));
    expect(rows).toEqual([
      [
        ...['1767225605.000000001', 'vif1.0', '0x00000001'],
        'domain 1 (alpha) vif1.0 tx slot 12 grant 769 at instruction 123456789',
        '0x56b4',
      ],
      [
        ...['1767225605.000010001', 'vif2.0', '0x00000002'],
        'domain 2 (beta) vif2.0 rx slot 12 grant 769 at instruction 123456789',
        '0x56b4',
      ],
      [
        ...['1767225605.000010002', 'vif2.0', '0x00000002'],
        'domain 2 (beta) vif2.0 dropped: no receive buffer at instruction 123456789',
        '0x56b4',
      ],
    ]);
  });
});
