import { signed64, unsigned64 } from '../base/numbers.ts';

/**
 * Little-endian reads from a file in memory. The caller has checked the bounds; a read past the end is a RangeError of
 * DataView, which would be our bug.
 */
export class ByteReader {
  private readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get size(): number {
    return this.bytes.length;
  }

  /** Whether `length` bytes exist at `offset`; false for any non-integer or huge value. */
  has(offset: number, length: number): boolean {
    return (
      Number.isSafeInteger(offset) &&
      Number.isSafeInteger(length) &&
      offset >= 0 &&
      length >= 0 &&
      offset + length <= this.bytes.length
    );
  }

  u8(offset: number): number {
    return this.view.getUint8(offset);
  }

  u16(offset: number): number {
    return this.view.getUint16(offset, true);
  }

  u32(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  /** A size or file offset: rounded when above 2^53, which every bound check then refuses. */
  u64(offset: number): number {
    return unsigned64(this.u32(offset), this.u32(offset + 4));
  }

  /** A 64-bit address as the signed number that virtual addresses are kept as. */
  s64(offset: number): number {
    return signed64(this.u32(offset), this.u32(offset + 4));
  }

  slice(offset: number, length: number): Uint8Array {
    return this.bytes.subarray(offset, offset + length);
  }

  /** Bytes up to a NUL, the end of the file or `limit`, as Latin-1. */
  string(offset: number, limit: number): string {
    let text = '';
    for (let at = offset; at < offset + limit && at < this.bytes.length; at++) {
      const byte = this.bytes[at] as number;
      if (byte === 0) break;
      text += String.fromCharCode(byte);
    }
    return text;
  }
}
