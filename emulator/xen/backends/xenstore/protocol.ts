/** Messages on the xenstore ring (public/io/xs_wire.h): encoding, decoding, names. */
import { ByteReader } from '../../../elf/byte-reader.ts';
import type { DecodedArgument } from '../../common/trace.ts';
import { newStruct } from '../../public/struct.ts';
import { XS_TYPE_NAMES, XSD_SOCKMSG } from '../../public/xen-4/io/xs-wire.ts';

export const HEADER_BYTES = XSD_SOCKMSG[64].size;
export const PAYLOAD_MAX = 4096;

export const XS_DIRECTORY = 1;
export const XS_WATCH_EVENT = 15;
export const XS_ERROR = 16;

/** Errors that travel by name; the protocol knows no others. */
export type XsError =
  | 'EINVAL'
  | 'EACCES'
  | 'EEXIST'
  | 'EISDIR'
  | 'ENOENT'
  | 'ENOMEM'
  | 'ENOSPC'
  | 'EIO'
  | 'ENOTEMPTY'
  | 'ENOSYS'
  | 'EROFS'
  | 'EBUSY'
  | 'EAGAIN'
  | 'EISCONN'
  | 'E2BIG'
  | 'EPERM';

export interface XsMessage {
  readonly type: number;
  readonly requestId: number;
  readonly transactionId: number;
  readonly payload: Uint8Array;
}

export function encodeMessage(message: XsMessage): Uint8Array {
  const header = newStruct(XSD_SOCKMSG, 64);
  header.set('type', message.type);
  header.set('req_id', message.requestId);
  header.set('tx_id', message.transactionId);
  header.set('len', message.payload.length);
  const bytes = new Uint8Array(HEADER_BYTES + message.payload.length);
  bytes.set(header.bytes);
  bytes.set(message.payload, HEADER_BYTES);
  return bytes;
}

export type Decoded =
  | { readonly kind: 'message'; readonly message: XsMessage; readonly length: number }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'too-long'; readonly length: number };

/** Reads the first message of a stream. */
export function decodeMessage(stream: Uint8Array): Decoded {
  if (stream.length < HEADER_BYTES) return { kind: 'incomplete' };
  const reader = new ByteReader(stream);
  const { offset } = XSD_SOCKMSG[64];
  const length = reader.u32(offset.len);
  if (length > PAYLOAD_MAX) return { kind: 'too-long', length };
  if (!reader.has(HEADER_BYTES, length)) return { kind: 'incomplete' };
  const message = {
    type: reader.u32(offset.type),
    requestId: reader.u32(offset.req_id),
    transactionId: reader.u32(offset.tx_id),
    payload: reader.bytes.slice(HEADER_BYTES, HEADER_BYTES + length),
  };
  return { kind: 'message', message, length: HEADER_BYTES + length };
}

/** The NUL-terminated strings of a payload, in order; bytes after the last NUL are left out. */
export function payloadStrings(payload: Uint8Array): string[] {
  const strings: string[] = [];
  let start = 0;
  for (let at = 0; at < payload.length; at++) {
    if (payload[at] !== 0) continue;
    strings.push(latin1(payload.subarray(start, at)));
    start = at + 1;
  }
  return strings;
}

/** A payload of NUL-terminated strings. */
export function stringsPayload(...strings: readonly string[]): Uint8Array {
  return bytesOf(strings.map((text) => `${text}\0`).join(''));
}

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export function typeName(type: number): string {
  return XS_TYPE_NAMES[type] ?? `type ${type}`;
}

/** "WRITE device/state = 4": for traces and views. */
export function summarize(message: XsMessage): string {
  const text = latin1(message.payload).replace(/\0$/, '').split('\0').map(printable).join(' ');
  const transaction = message.transactionId === 0 ? '' : ` (transaction ${message.transactionId})`;
  return `${typeName(message.type)} ${text}${transaction}`.trimEnd();
}

export function messageFields(message: XsMessage): DecodedArgument[] {
  const field = (name: string, value: string): DecodedArgument => ({ name, value, children: [] });
  return [
    field('type', `${typeName(message.type)} (${message.type})`),
    field('req_id', String(message.requestId)),
    field('tx_id', String(message.transactionId)),
    field('len', String(message.payload.length)),
    ...latin1(message.payload)
      .split('\0')
      .filter((text, index, all) => text !== '' || index < all.length - 1)
      .map((text, index) => field(`string ${index}`, printable(text))),
  ];
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
