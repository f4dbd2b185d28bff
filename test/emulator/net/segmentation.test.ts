import { describe, expect, test } from 'vitest';
import { adaptPacket } from '../../../emulator/net/adapt.ts';
import { checksumIsRight, onesComplementSum } from '../../../emulator/net/checksum.ts';
import { type Packet, PLAIN_PORT, type PortCapabilities, type Segmentation } from '../../../emulator/net/packet.ts';
import { segment } from '../../../emulator/net/segmentation.ts';
import { hex, tcp6Frame, tcpFrame, UDP_PSEUDO, udpFrame } from './frames.ts';

const large = (bytes: Uint8Array, size: number, kind: Segmentation['kind'] = 'tcpv4'): Packet => ({
  bytes,
  checksum: 'partial',
  segmentation: { kind, size },
});
const EVERYTHING: PortCapabilities = {
  partialChecksum4: true,
  partialChecksum6: true,
  segmentation4: true,
  segmentation6: true,
};

describe('a large TCP packet is cut', () => {
  const segments = segment(large(tcpFrame(250), 100)) as readonly Packet[];

  test('into segments of the MSS with all payload in order', () => {
    expect(segments.map(({ bytes }) => bytes.length)).toEqual([154, 154, 104]);
    const payload = segments.flatMap(({ bytes }) => [...bytes.subarray(54)]);
    expect(payload).toEqual(Array.from({ length: 250 }, (_, index) => index));
  });

  test('lengths and identifications are each their own; the latter wraps (RFC 791)', () => {
    expect(segments.map(({ bytes }) => [...bytes.subarray(16, 20)])).toEqual([
      [0, 140, 0xff, 0xff],
      [0, 140, 0, 0],
      [0, 90, 0, 1],
    ]);
  });

  test('every IPv4 header checksum is right', () => {
    for (const { bytes } of segments) expect(onesComplementSum(bytes, 14, 34)).toBe(0xffff);
  });

  test('sequence numbers go on modulo 2^32 (RFC 9293, 3.4)', () => {
    expect(segments.map(({ bytes }) => [...bytes.subarray(38, 42)])).toEqual([
      [0xff, 0xff, 0xff, 0xf0],
      [0, 0, 0, 0x54],
      [0, 0, 0, 0xb8],
    ]);
  });

  test('FIN and PSH come last, CWR first (RFC 3168, 6.1.2)', () => {
    expect(segments.map(({ bytes }) => bytes[47])).toEqual([0x90, 0x10, 0x19]);
  });

  test('checksums are left to the next one', () => {
    // 0a00+0001+0a00+0002+0006, plus TCP length 0078 or 0046.
    expect(segments.map(({ bytes, checksum }) => [checksum, bytes[50], bytes[51]])).toEqual([
      ['partial', 0x14, 0x81],
      ['partial', 0x14, 0x81],
      ['partial', 0x14, 0x4f],
    ]);
  });
});

test('over IPv6 with an extension header: payload lengths count it (RFC 8200, 3)', () => {
  const segments = segment(large(tcp6Frame(150), 100, 'tcpv6')) as readonly Packet[];
  expect(segments.map(({ bytes }) => [bytes[18], bytes[19], bytes.length])).toEqual([
    [0, 128, 182],
    [0, 78, 132],
  ]);
});

test('a packet without payload is one segment', () => {
  expect(segment(large(tcpFrame(0), 100))).toHaveLength(1);
});

test('what it claims must be so', () => {
  const fragment = tcpFrame(200);
  fragment[20] = 0x20;
  const shortHeader = tcpFrame(200);
  shortHeader[46] = 0x40;
  const longHeader = tcpFrame(2);
  longHeader[46] = 0xf0;
  const bad: readonly Packet[] = [
    large(udpFrame(), 100),
    large(tcpFrame(200), 100, 'tcpv6'),
    large(tcp6Frame(200), 100),
    large(tcpFrame(200), 0),
    large(fragment, 100),
    large(shortHeader, 100),
    large(longHeader, 100),
    large(hex('00'), 100),
    large(tcpFrame(4000), 1),
  ];
  expect(bad.map(segment)).toEqual(bad.map(() => undefined));
});

describe('a port gets what it can take', () => {
  test('everything as it is', () => {
    const packet = large(tcpFrame(250), 100);
    expect(adaptPacket(packet, EVERYTHING)).toEqual([packet]);
  });

  test('segments with partial checksums', () => {
    const frames = adaptPacket(large(tcpFrame(250), 100), { ...EVERYTHING, segmentation4: false });
    expect(frames?.map(({ checksum }) => checksum)).toEqual(['partial', 'partial', 'partial']);
  });

  test('whole checksums', () => {
    const frames = adaptPacket(large(tcpFrame(250), 100), PLAIN_PORT) as readonly Packet[];
    expect(frames.map(({ bytes, checksum }) => [checksum, checksumIsRight(bytes)])).toEqual([
      ['complete', true],
      ['complete', true],
      ['complete', true],
    ]);
  });

  test('by IP version', () => {
    const only4 = { ...PLAIN_PORT, partialChecksum4: true };
    const udp = { bytes: udpFrame(UDP_PSEUDO), checksum: 'partial', segmentation: undefined } as const;
    const tcp6 = { bytes: tcp6Frame(8), checksum: 'partial', segmentation: undefined } as const;
    expect(adaptPacket(udp, only4)?.[0]?.checksum).toBe('partial');
    expect(adaptPacket(tcp6, only4)?.[0]?.checksum).toBe('complete');
    expect(adaptPacket(tcp6, { ...PLAIN_PORT, partialChecksum6: true })?.[0]?.checksum).toBe('partial');
  });

  test('segmentation of the other IP version does not help', () => {
    expect(adaptPacket(large(tcpFrame(250), 100), { ...EVERYTHING, segmentation4: false })).toHaveLength(3);
    expect(adaptPacket(large(tcp6Frame(250), 100, 'tcpv6'), { ...EVERYTHING, segmentation4: false })).toHaveLength(1);
  });
});
