/** Where a frame's headers are: Ethernet with VLAN tags, IPv4 (RFC 791), IPv6 with extension headers (RFC 8200). */

export const ETHERNET_HEADER = 14;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
/** IEEE 802.1Q and 802.1ad. */
const VLAN_TAGS: ReadonlySet<number> = new Set([0x8100, 0x88a8]);
const VLAN_TAG = 4;
const MAX_VLAN_TAGS = 2;
const IPV4_MINIMUM = 20;
const IPV6_HEADER = 40;
const IPV6_FRAGMENT = 44;
/** Extension headers with the common "next header, length in 8 bytes beyond the first" form. */
const IPV6_OPTIONS: ReadonlySet<number> = new Set([0, 43, 60]);

export interface Headers {
  readonly version: 4 | 6;
  /** Of the IP header. */
  readonly networkOffset: number;
  /** Number of the protocol that follows the IP headers. */
  readonly protocol: number;
  readonly transportOffset: number;
  /** One past the packet's last byte; what follows is padding. */
  readonly end: number;
  /** A part of a datagram: its checksum covers other frames, too. */
  readonly fragment: boolean;
}

export function read16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number);
}

export function write16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = (value >>> 8) & 0xff;
  bytes[offset + 1] = value & 0xff;
}

/** Undefined for everything that is not a well-formed IP packet. */
export function parseHeaders(bytes: Uint8Array): Headers | undefined {
  if (bytes.length < ETHERNET_HEADER) return undefined;
  let offset = ETHERNET_HEADER;
  let type = read16(bytes, offset - 2);
  for (let tags = 0; tags < MAX_VLAN_TAGS && VLAN_TAGS.has(type); tags++) {
    offset += VLAN_TAG;
    if (offset > bytes.length) return undefined;
    type = read16(bytes, offset - 2);
  }
  if (type === ETHERTYPE_IPV4) return parseIpv4(bytes, offset);
  return type === ETHERTYPE_IPV6 ? parseIpv6(bytes, offset) : undefined;
}

function parseIpv4(bytes: Uint8Array, at: number): Headers | undefined {
  if (at + IPV4_MINIMUM > bytes.length || (bytes[at] as number) >>> 4 !== 4) return undefined;
  const headerLength = ((bytes[at] as number) & 0xf) * 4;
  const end = at + read16(bytes, at + 2);
  if (headerLength < IPV4_MINIMUM || at + headerLength > end || end > bytes.length) return undefined;
  return {
    version: 4,
    networkOffset: at,
    protocol: bytes[at + 9] as number,
    transportOffset: at + headerLength,
    end,
    // More fragments, or an offset.
    fragment: (read16(bytes, at + 6) & 0x3fff) !== 0,
  };
}

function parseIpv6(bytes: Uint8Array, at: number): Headers | undefined {
  if (at + IPV6_HEADER > bytes.length || (bytes[at] as number) >>> 4 !== 6) return undefined;
  const end = at + IPV6_HEADER + read16(bytes, at + 4);
  if (end > bytes.length) return undefined;
  let protocol = bytes[at + 6] as number;
  let offset = at + IPV6_HEADER;
  let fragment = false;
  while (IPV6_OPTIONS.has(protocol) || protocol === IPV6_FRAGMENT) {
    if (offset + 8 > end) return undefined;
    const length = protocol === IPV6_FRAGMENT ? 8 : ((bytes[offset + 1] as number) + 1) * 8;
    fragment ||= protocol === IPV6_FRAGMENT;
    protocol = bytes[offset] as number;
    offset += length;
  }
  if (offset > end) return undefined;
  return { version: 6, networkOffset: at, protocol, transportOffset: offset, end, fragment };
}
