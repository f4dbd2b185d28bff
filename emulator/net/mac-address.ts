import type { Brand } from '../base/numbers.ts';

/** Ethernet address: 48 bits, first octet on top, exact in a double. */
export type MacAddress = Brand<number, 'MAC address'>;

export const MAC_BYTES = 6;
export const BROADCAST = 0xffffffffffff as MacAddress;
/** First three octets of addresses that Xen's tools make up (Xensource's OUI). */
export const XEN_OUI = 0x00163e;

/** The address at an offset; the six bytes must exist. */
export function macAt(bytes: Uint8Array, offset: number): MacAddress {
  let value = 0;
  for (let index = 0; index < MAC_BYTES; index++) value = value * 256 + (bytes[offset + index] as number);
  return value as MacAddress;
}

export function macBytes(mac: MacAddress): Uint8Array {
  return Uint8Array.from({ length: MAC_BYTES }, (_, index) => Math.floor(mac / 256 ** (MAC_BYTES - 1 - index)) % 256);
}

/** "00:16:3e:12:34:56". */
export function formatMac(mac: MacAddress): string {
  return Array.from(macBytes(mac), (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Six pairs of digits with colons between, as xl takes them. Undefined for anything else. */
export function parseMac(text: string): MacAddress | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined;
  return Number.parseInt(text.replaceAll(':', ''), 16) as MacAddress;
}

/** The group bit (IEEE 802-2014, 8.2.2): multicast and broadcast addresses. */
export function isGroup(mac: MacAddress): boolean {
  return Math.floor(mac / 2 ** 40) % 2 === 1;
}

/** 01-80-C2-00-00-00 … 0F stay on their link: no bridge forwards them (IEEE 802.1D-2004, table 7-10). */
export function isLinkLocal(mac: MacAddress): boolean {
  return Math.floor(mac / 16) === 0x0180c200000;
}
