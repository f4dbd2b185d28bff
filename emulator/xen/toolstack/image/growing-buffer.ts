import { payloadTooLarge } from './errors.ts';

/** Largest kernel or ramdisk that is unpacked: Debian's is 64 MB. Keeps a hostile size field from eating the host. */
export const MAX_UNPACKED_BYTES = 512 * 1024 * 1024;

/** Output of a decoder whose final size is only promised by the input. */
export class GrowingBuffer {
  bytes: Uint8Array;
  length = 0;

  /** `expected` is what the file promises; believed only as far as the packed size makes it likely. */
  constructor(
    private readonly format: string,
    expected: number,
    packedSize: number,
  ) {
    const likely = Math.max(65536, packedSize * 16);
    this.bytes = new Uint8Array(Math.min(expected > 0 ? expected : packedSize * 4, likely));
  }

  /** Makes room for `more` bytes after `length`. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    if (needed > MAX_UNPACKED_BYTES) throw payloadTooLarge(this.format, needed, MAX_UNPACKED_BYTES);
    const larger = new Uint8Array(Math.min(MAX_UNPACKED_BYTES, Math.max(needed, this.bytes.length * 2)));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  append(chunk: Uint8Array): void {
    this.reserve(chunk.length);
    this.bytes.set(chunk, this.length);
    this.length += chunk.length;
  }

  finished(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}
