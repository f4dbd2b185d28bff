/** The Internet checksum (RFC 1071) of IPv4 headers, TCP (RFC 9293, 3.1) and UDP (RFC 768; over IPv6 RFC 8200, 8.1). */
import { type Headers, PROTOCOL_TCP, PROTOCOL_UDP, parseHeaders, read16, write16 } from './headers.ts';
import type { Packet } from './packet.ts';

const TCP_HEADER = 20;
const UDP_HEADER = 8;
const TCP_CHECKSUM = 16;
const UDP_CHECKSUM = 6;
const IPV4_ADDRESSES = { offset: 12, bytes: 8 } as const;
const IPV6_ADDRESSES = { offset: 8, bytes: 32 } as const;
const IPV4_CHECKSUM = 10;

/** One's complement sum of big-endian 16-bit words; an odd last byte counts as the upper half of a word. */
export function onesComplementSum(bytes: Uint8Array, from: number, to: number, initial = 0): number {
  let sum = initial;
  const even = to - ((to - from) & 1);
  for (let at = from; at < even; at += 2) sum += ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  if (even !== to) sum += (bytes[even] as number) << 8;
  // 64 KB of words stay far below 2^53; two folds would do for 32 bits.
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

/** Offset of the checksum field inside the frame, where the frame has one that covers just this frame. */
export function checksumOffset(headers: Headers): number | undefined {
  if (headers.fragment) return undefined;
  const { protocol, transportOffset, end } = headers;
  if (protocol === PROTOCOL_TCP && transportOffset + TCP_HEADER <= end) return transportOffset + TCP_CHECKSUM;
  if (protocol === PROTOCOL_UDP && transportOffset + UDP_HEADER <= end) return transportOffset + UDP_CHECKSUM;
  return undefined;
}

/** Sum over addresses, length and protocol, not complemented: what a partial checksum field holds. */
export function pseudoHeaderSum(bytes: Uint8Array, headers: Headers): number {
  const { version, networkOffset, transportOffset, end, protocol } = headers;
  const addresses = version === 4 ? IPV4_ADDRESSES : IPV6_ADDRESSES;
  const from = networkOffset + addresses.offset;
  return onesComplementSum(bytes, from, from + addresses.bytes, protocol + (end - transportOffset));
}

/** Writes TCP's or UDP's checksum; false where the frame has none. */
export function fillChecksum(bytes: Uint8Array, headers: Headers): boolean {
  const offset = checksumOffset(headers);
  if (offset === undefined) return false;
  write16(bytes, offset, 0);
  const sum = onesComplementSum(bytes, headers.transportOffset, headers.end, pseudoHeaderSum(bytes, headers));
  const checksum = ~sum & 0xffff;
  // UDP: 0 means "none was computed", so a computed 0 is sent as its other form (RFC 768).
  write16(bytes, offset, checksum === 0 && headers.protocol === PROTOCOL_UDP ? 0xffff : checksum);
  return true;
}

/** Writes a partial checksum. False where the frame has none. */
export function fillPartialChecksum(bytes: Uint8Array, headers: Headers): boolean {
  const offset = checksumOffset(headers);
  if (offset === undefined) return false;
  write16(bytes, offset, pseudoHeaderSum(bytes, headers));
  return true;
}

export function fillIpv4HeaderChecksum(bytes: Uint8Array, headers: Headers): void {
  const at = headers.networkOffset + IPV4_CHECKSUM;
  write16(bytes, at, 0);
  write16(bytes, at, ~onesComplementSum(bytes, headers.networkOffset, headers.transportOffset) & 0xffff);
}

/** Whether the sum over pseudo header and segment comes out as all ones (tests, displays). */
export function checksumIsRight(bytes: Uint8Array): boolean {
  const headers = parseHeaders(bytes);
  if (headers === undefined || checksumOffset(headers) === undefined) return true;
  const offset = checksumOffset(headers) as number;
  if (headers.protocol === PROTOCOL_UDP && headers.version === 4 && read16(bytes, offset) === 0) return true;
  return onesComplementSum(bytes, headers.transportOffset, headers.end, pseudoHeaderSum(bytes, headers)) === 0xffff;
}

/** The packet with its checksum complete; one that cannot be completed stays as it is. */
export function completeChecksum(packet: Packet): Packet {
  if (packet.checksum === 'complete') return packet;
  const bytes = packet.bytes.slice();
  const headers = parseHeaders(bytes);
  if (headers !== undefined) fillChecksum(bytes, headers);
  return { ...packet, bytes, checksum: 'complete' };
}
