import { signed64, unsigned64 } from '../../emulator/base/numbers.ts';
import { MalformedDwarf, pastTheEnd } from './malformed.ts';

/** Bytes of a 64-bit LEB128 at most; more are padding or nonsense. */
const MAXIMUM_LEB = 16;
const MAXIMUM_STRING = 65536;
const utf8 = new TextDecoder();

/** A cursor over one section. Reading past `end` throws `MalformedDwarf`. */
export class DataReader {
  private readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    readonly section: string,
    public at = 0,
    readonly end = bytes.length,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (!(at >= 0 && at <= end && end <= bytes.length)) throw pastTheEnd(section, at);
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** Another cursor over the same bytes. */
  from(at: number, end = this.bytes.length): DataReader {
    return new DataReader(this.bytes, this.section, at, end);
  }

  skip(length: number): void {
    this.take(length);
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  s8(): number {
    return this.view.getInt8(this.take(1));
  }

  u16(): number {
    return this.view.getUint16(this.take(2), true);
  }

  u24(): number {
    const at = this.take(3);
    return this.view.getUint16(at, true) + this.view.getUint8(at + 2) * 0x10000;
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  /** Rounded above 2^53: for sizes and offsets, which any bound check then refuses. */
  u64(): number {
    const at = this.take(8);
    return unsigned64(this.view.getUint32(at, true), this.view.getUint32(at + 4, true));
  }

  big(size: number): bigint {
    const at = this.take(size);
    let value = 0n;
    for (let index = size - 1; index >= 0; index--) value = (value << 8n) | BigInt(this.bytes[at + index] as number);
    return value;
  }

  /** A virtual address as it is kept everywhere: signed where it has 64 bits. */
  address(size: number): number {
    if (size === 4) return this.u32();
    if (size !== 8) throw new MalformedDwarf(`${this.section} has addresses of ${size} bytes.`);
    const at = this.take(8);
    return signed64(this.view.getUint32(at, true), this.view.getUint32(at + 4, true));
  }

  /** An offset into a section: 4 bytes in 32-bit DWARF, 8 in 64-bit. */
  offset(is64: boolean): number {
    return is64 ? this.u64() : this.u32();
  }

  /** A unit's length, which says whether it is 64-bit DWARF (DWARF 5, 7.4). */
  initialLength(): { readonly length: number; readonly is64: boolean } {
    const length = this.u32();
    if (length < 0xfffffff0) return { length, is64: false };
    if (length !== 0xffffffff) throw new MalformedDwarf(`${this.section} has a reserved unit length.`);
    return { length: this.u64(), is64: true };
  }

  /** Unsigned LEB128; rounded above 2^53. */
  uleb(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < MAXIMUM_LEB; count++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new MalformedDwarf(`${this.section} has a number that does not end.`);
  }

  /** Signed LEB128; rounded beyond ±2^53. */
  sleb(): number {
    return Number(this.slebBig());
  }

  ulebBig(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 7n * BigInt(MAXIMUM_LEB); shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new MalformedDwarf(`${this.section} has a number that does not end.`);
  }

  slebBig(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 7n * BigInt(MAXIMUM_LEB); ) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) return (byte & 0x40) === 0 ? value : value - (1n << shift);
    }
    throw new MalformedDwarf(`${this.section} has a number that does not end.`);
  }

  skipLeb(): void {
    while (this.u8() >= 0x80);
  }

  block(length: number): Uint8Array {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** Up to a NUL. */
  string(): string {
    const start = this.at;
    const stop = this.bytes.indexOf(0, start);
    if (stop < 0 || stop >= this.end) throw pastTheEnd(this.section, start);
    this.at = stop + 1;
    return utf8.decode(this.bytes.subarray(start, Math.min(stop, start + MAXIMUM_STRING)));
  }

  skipString(): void {
    const stop = this.bytes.indexOf(0, this.at);
    if (stop < 0 || stop >= this.end) throw pastTheEnd(this.section, this.at);
    this.at = stop + 1;
  }

  private take(length: number): number {
    const at = this.at;
    if (!(length >= 0 && at + length <= this.end)) throw pastTheEnd(this.section, at);
    this.at = at + length;
    return at;
  }
}
