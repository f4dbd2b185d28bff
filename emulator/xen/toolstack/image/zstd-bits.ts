import { corruptPayload } from './errors.ts';

/**
 * A zstd bit stream, read from its end backwards (RFC 8878, 4.1): the highest set bit of the last byte marks where it
 * begins. Reading past the beginning gives zeros; `left` is negative then.
 */
export class ReverseBits {
  /** Bits that have not been read. */
  left: number;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly start: number,
    end: number,
  ) {
    const last = end > start ? bytes[end - 1]! : 0;
    if (last === 0) throw corruptPayload('zstd', 'a bit stream has no end mark');
    this.left = (end - start) * 8 - (Math.clz32(last) - 24) - 1;
  }

  /** At most 24 bits, not taken. */
  peek(count: number): number {
    return this.bitsAt(this.left - count, count);
  }

  /** At most 32 bits; unsigned. */
  read(count: number): number {
    if (count > 24) {
      const high = this.read(count - 16);
      return ((high << 16) | this.read(16)) >>> 0;
    }
    this.left -= count;
    return this.bitsAt(this.left, count);
  }

  private bitsAt(position: number, count: number): number {
    if (position < 0) return count + position <= 0 ? 0 : this.bitsAt(0, count + position) << -position;
    const at = this.start + (position >> 3);
    const { bytes } = this;
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    return (word >>> (position & 7)) & ((1 << count) - 1);
  }
}

/** Position of the highest set bit of a positive number. */
export function highestBit(value: number): number {
  return 31 - Math.clz32(value);
}
