/** Cutting a large TCP packet into segments, as a network card with TSO does. */
import { fillIpv4HeaderChecksum, fillPartialChecksum } from './checksum.ts';
import { type Headers, PROTOCOL_TCP, parseHeaders, read16, write16 } from './headers.ts';
import type { Packet } from './packet.ts';

const TCP_HEADER = 20;
const SEQUENCE = 4;
const DATA_OFFSET = 12;
const FLAGS = 13;
const FIN = 0x01;
const PSH = 0x08;
const CWR = 0x80;
const IPV4_TOTAL_LENGTH = 2;
const IPV4_IDENTIFICATION = 4;
const IPV6_PAYLOAD_LENGTH = 4;
const IPV6_HEADER = 40;
/** A guest may ask for segments of one byte; Linux goes down to an MSS of 48 (TCP_MIN_SND_MSS). */
const MAX_SEGMENTS = 2048;

/**
 * The segments of a packet, with partial checksums; a packet without segmentation is its only one. Undefined when what
 * it says about itself is not so (it is no whole TCP packet of that IP version), or absurd.
 */
export function segment(packet: Packet): readonly Packet[] | undefined {
  const { bytes, segmentation } = packet;
  if (segmentation === undefined) return [packet];
  const headers = parseHeaders(bytes);
  if (headers === undefined || !isWholeTcp(bytes, headers)) return undefined;
  if (headers.version !== (segmentation.kind === 'tcpv4' ? 4 : 6) || segmentation.size === 0) return undefined;
  const payload = headers.transportOffset + tcpHeaderLength(bytes, headers);
  if (headers.end - payload > segmentation.size * MAX_SEGMENTS) return undefined;
  const segments: Packet[] = [];
  for (let from = payload; from < headers.end || segments.length === 0; from += segmentation.size) {
    const to = Math.min(headers.end, from + segmentation.size);
    segments.push(oneSegment(bytes, headers, payload, from, to, segments.length));
  }
  return segments;
}

function isWholeTcp(bytes: Uint8Array, headers: Headers): boolean {
  const { protocol, fragment, transportOffset, end } = headers;
  if (protocol !== PROTOCOL_TCP || fragment || transportOffset + TCP_HEADER > end) return false;
  const length = tcpHeaderLength(bytes, headers);
  return length >= TCP_HEADER && transportOffset + length <= end;
}

function tcpHeaderLength(bytes: Uint8Array, { transportOffset }: Headers): number {
  return ((bytes[transportOffset + DATA_OFFSET] as number) >>> 4) * 4;
}

/** Headers of the whole packet, then its bytes [from, to). */
function oneSegment(whole: Uint8Array, headers: Headers, payload: number, from: number, to: number, index: number) {
  const bytes = new Uint8Array(payload + to - from);
  bytes.set(whole.subarray(0, payload));
  bytes.set(whole.subarray(from, to), payload);
  const { networkOffset, transportOffset, version } = headers;
  if (version === 4) {
    write16(bytes, networkOffset + IPV4_TOTAL_LENGTH, bytes.length - networkOffset);
    const identification = networkOffset + IPV4_IDENTIFICATION;
    write16(bytes, identification, (read16(whole, identification) + index) & 0xffff);
    fillIpv4HeaderChecksum(bytes, headers);
  } else {
    write16(bytes, networkOffset + IPV6_PAYLOAD_LENGTH, bytes.length - networkOffset - IPV6_HEADER);
  }
  addToSequence(bytes, transportOffset + SEQUENCE, from - payload);
  // FIN and PSH belong to the last byte, CWR to the first segment only (RFC 3168, 6.1.2).
  let flags = bytes[transportOffset + FLAGS] as number;
  if (to < headers.end) flags &= ~(FIN | PSH);
  if (index > 0) flags &= ~CWR;
  bytes[transportOffset + FLAGS] = flags;
  fillPartialChecksum(bytes, { ...headers, end: bytes.length });
  return { bytes, checksum: 'partial', segmentation: undefined } as const;
}

function addToSequence(bytes: Uint8Array, at: number, distance: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(at, (view.getUint32(at) + distance) >>> 0);
}
