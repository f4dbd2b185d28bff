import { describe, expect, test } from 'vitest';
import {
  checksumIsRight,
  completeChecksum,
  fillIpv4HeaderChecksum,
  onesComplementSum,
  pseudoHeaderSum,
} from '../../../emulator/net/checksum.ts';
import { type Headers, parseHeaders } from '../../../emulator/net/headers.ts';
import { hex, join, paddedUdpFrame, tcp6Frame, tcpFrame, UDP_CHECKSUM, UDP_PSEUDO, udpFrame } from './frames.ts';

const headersOf = (bytes: Uint8Array): Headers => parseHeaders(bytes) as Headers;

describe('the Internet checksum', () => {
  test('the example of RFC 1071, 3: 0001 f203 f4f5 f6f7 sums to ddf2', () => {
    expect(onesComplementSum(hex('0001f203f4f5f6f7'), 0, 8)).toBe(0xddf2);
  });

  test('an odd last byte is padded with zero on the right (RFC 1071, 4.1)', () => {
    expect(onesComplementSum(hex('0001f2'), 0, 3)).toBe(0xf201);
  });

  test('64 KB of ones do not overflow', () => {
    expect(onesComplementSum(new Uint8Array(65536).fill(0xff), 0, 65536)).toBe(0xffff);
  });

  test('an IPv4 header', () => {
    const bytes = udpFrame();
    bytes.fill(0, 24, 26);
    fillIpv4HeaderChecksum(bytes, headersOf(bytes));
    expect(bytes).toEqual(udpFrame());
  });
});

describe('a partial checksum is completed', () => {
  test('UDP over IPv4, by hand', () => {
    const partial = udpFrame(UDP_PSEUDO);
    expect(pseudoHeaderSum(partial, headersOf(partial))).toBe(UDP_PSEUDO);
    const packet = completeChecksum({ bytes: partial, checksum: 'partial', segmentation: undefined });
    expect(packet).toEqual({ bytes: udpFrame(UDP_CHECKSUM), checksum: 'complete', segmentation: undefined });
    expect(partial).toEqual(udpFrame(UDP_PSEUDO));
  });

  test('without counting the padding of a short frame', () => {
    const packet = completeChecksum({ bytes: paddedUdpFrame(0), checksum: 'partial', segmentation: undefined });
    expect(packet.bytes).toEqual(paddedUdpFrame(UDP_CHECKSUM));
  });

  test('UDP whose sum comes out as 0 carries ffff (RFC 768)', () => {
    const bytes = udpFrame(0);
    // The payload's first word 6869 grows by what is missing to ffff.
    bytes.set(hex('bf1d'), 42);
    const packet = completeChecksum({ bytes, checksum: 'partial', segmentation: undefined });
    expect(Array.from(packet.bytes.subarray(40, 42))).toEqual([0xff, 0xff]);
  });

  test('TCP over IPv4 and IPv6 with an extension header: the receiver sums to all ones (RFC 9293, 3.1)', () => {
    for (const bytes of [tcpFrame(101), tcp6Frame(100)]) {
      expect(checksumIsRight(bytes)).toBe(false);
      const packet = completeChecksum({ bytes, checksum: 'partial', segmentation: undefined });
      expect(checksumIsRight(packet.bytes)).toBe(true);
      expect(packet.bytes).not.toEqual(bytes);
    }
  });

  test('what has none stays as it is: a fragment, another protocol, a header that lies', () => {
    const fragment = udpFrame(0);
    fragment[20] = 0x20;
    const icmp = udpFrame(0);
    icmp[23] = 1;
    const tooLong = udpFrame(0);
    tooLong[17] = 0x20;
    const short = udpFrame(0).subarray(0, 40);
    for (const bytes of [fragment, icmp, tooLong, short, hex('00')]) {
      expect(completeChecksum({ bytes, checksum: 'partial', segmentation: undefined }).bytes).toEqual(bytes);
    }
  });
});

describe('headers', () => {
  test('behind a VLAN tag, and behind two', () => {
    const frame = udpFrame();
    const tag = hex('8100 0005');
    const tagged = join(frame.subarray(0, 12), tag, frame.subarray(12));
    const twice = join(frame.subarray(0, 12), tag, tag, frame.subarray(12));
    expect(headersOf(tagged).transportOffset).toBe(38);
    expect(headersOf(twice).transportOffset).toBe(42);
  });

  test('of IPv6: extensions are skipped, a fragment is seen, a chain that leaves the packet is refused', () => {
    const frame = tcp6Frame(4);
    expect(headersOf(frame)).toMatchObject({ version: 6, protocol: 6, transportOffset: 62, fragment: false });
    const fragment = tcp6Frame(4);
    fragment[20] = 44;
    expect(headersOf(fragment).fragment).toBe(true);
    const outside = tcp6Frame(4);
    outside[55] = 200;
    expect(parseHeaders(outside)).toBeUndefined();
  });
});
