/** Framing of the gdb remote protocol (gdb manual, appendix E.1): "$" payload "#" checksum, acknowledged by "+". */

const DOLLAR = 0x24;
const HASH = 0x23;
const PLUS = 0x2b;
const MINUS = 0x2d;
const ESCAPE = 0x7d;
const STAR = 0x2a;
const INTERRUPT = 0x03;
const ESCAPED_BIT = 0x20;
/** As announced with PacketSize: a longer packet is no packet of gdb's. */
export const MAXIMUM_PACKET = 0x4000;

export type Incoming =
  /** Payload, unescaped; one character a byte. */
  | { readonly kind: 'packet'; readonly payload: string }
  /** Bad checksum or too long: to be asked for again. */
  | { readonly kind: 'damaged' }
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'repeat' }
  /** Ctrl-C. */
  | { readonly kind: 'interrupt' };

/** Cuts a byte stream into packets; what has not arrived whole waits. */
export class PacketReader {
  private payload: number[] | undefined;
  private checksum: string | undefined;

  push(bytes: Uint8Array): readonly Incoming[] {
    const found: Incoming[] = [];
    for (const byte of bytes) {
      const incoming = this.take(byte);
      if (incoming !== undefined) found.push(incoming);
    }
    return found;
  }

  private take(byte: number): Incoming | undefined {
    if (this.checksum !== undefined) return this.takeChecksum(byte);
    if (this.payload !== undefined) {
      if (byte === HASH) this.checksum = '';
      else this.payload.push(byte);
      if (this.payload.length <= MAXIMUM_PACKET) return undefined;
      this.payload = undefined;
      return { kind: 'damaged' };
    }
    switch (byte) {
      case DOLLAR:
        this.payload = [];
        return undefined;
      case PLUS:
        return { kind: 'acknowledged' };
      case MINUS:
        return { kind: 'repeat' };
      case INTERRUPT:
        return { kind: 'interrupt' };
      default:
        return undefined;
    }
  }

  private takeChecksum(byte: number): Incoming | undefined {
    this.checksum += String.fromCharCode(byte);
    if (this.checksum?.length !== 2) return undefined;
    const payload = this.payload ?? [];
    const isWhole = Number.parseInt(this.checksum, 16) === sum(payload);
    this.payload = undefined;
    this.checksum = undefined;
    return isWhole ? { kind: 'packet', payload: withoutEscapes(payload) } : { kind: 'damaged' };
  }
}

/** A packet of text or, one character a byte, of bytes. */
export function encodePacket(payload: string): Uint8Array {
  const body: number[] = [];
  for (let at = 0; at < payload.length; at++) {
    const byte = payload.charCodeAt(at) & 0xff;
    if (byte === DOLLAR || byte === HASH || byte === ESCAPE || byte === STAR) body.push(ESCAPE, byte ^ ESCAPED_BIT);
    else body.push(byte);
  }
  const digits = sum(body).toString(16).padStart(2, '0');
  return Uint8Array.from([DOLLAR, ...body, HASH, digits.charCodeAt(0), digits.charCodeAt(1)]);
}

export const ACKNOWLEDGE = Uint8Array.of(PLUS);
export const ASK_AGAIN = Uint8Array.of(MINUS);

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Undefined for what is no string of whole bytes. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(at * 2, at * 2 + 2), 16));
}

/** Text as the protocol carries it: two digits a byte of UTF-8. */
export const hexOfText = (text: string): string => toHex(new TextEncoder().encode(text));

function sum(bytes: readonly number[]): number {
  return bytes.reduce((total, byte) => (total + byte) & 0xff, 0);
}

function withoutEscapes(bytes: readonly number[]): string {
  let text = '';
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    text += String.fromCharCode(byte === ESCAPE ? ((bytes[++at] ?? 0) ^ ESCAPED_BIT) & 0xff : byte);
  }
  return text;
}
