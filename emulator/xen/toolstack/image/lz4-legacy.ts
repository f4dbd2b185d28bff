/** Unpacks the LZ4 "legacy frame" of the Linux build: a magic number, then chunks that unpack to at most 8 MiB each. */
import { ByteReader } from '../../../elf/byte-reader.ts';
import { corruptPayload } from './errors.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { copyMatch } from './window-copy.ts';

/** 0x184C2102, little-endian. */
export const LZ4_LEGACY_MAGIC = [0x02, 0x21, 0x4c, 0x18];
const CHUNK_LIMIT = 8 * 1024 * 1024;
const MIN_MATCH = 4;
/** Above this, `set` beats a loop. */
const LONG_LITERALS = 48;

/** `expectedSize` is a hint, 0 for none. */
export function unpackLz4Legacy(packed: Uint8Array, expectedSize: number): Uint8Array {
  const reader = new ByteReader(packed);
  const output = new GrowingBuffer('LZ4', expectedSize, packed.length);
  let at = LZ4_LEGACY_MAGIC.length;
  // Fewer than four bytes after the last chunk are padding.
  while (reader.has(at, 4)) {
    const size = reader.u32(at);
    at += 4;
    if (!reader.has(at, size)) throw corruptPayload('LZ4', 'it ends inside a chunk');
    unpackChunk(reader.slice(at, size), output);
    at += size;
  }
  return output.finished();
}

function unpackChunk(input: Uint8Array, buffer: GrowingBuffer): void {
  buffer.reserve(Math.min(CHUNK_LIMIT, input.length * 255 + 64));
  const output = buffer.bytes;
  const start = buffer.length;
  const limit = Math.min(output.length, start + CHUNK_LIMIT);
  let from = 0;
  let to = start;
  while (from < input.length) {
    const token = input[from++]!;
    let literals = token >> 4;
    if (literals === 15) {
      let byte: number;
      do {
        byte = input[from++] ?? 0;
        literals += byte;
      } while (byte === 255);
    }
    if (from + literals > input.length || to + literals > limit) throw corruptPayload('LZ4', 'literals run too far');
    if (literals > LONG_LITERALS) {
      output.set(input.subarray(from, from + literals), to);
      from += literals;
      to += literals;
    } else for (const end = from + literals; from < end; from++, to++) output[to] = input[from]!;
    if (from === input.length) break;
    if (from + 2 > input.length) throw corruptPayload('LZ4', 'it ends inside a match');
    const distance = input[from]! | (input[from + 1]! << 8);
    from += 2;
    let length = (token & 15) + MIN_MATCH;
    if ((token & 15) === 15) {
      let byte: number;
      do {
        byte = input[from++] ?? 0;
        length += byte;
      } while (byte === 255);
    }
    if (distance === 0 || distance > to - start) throw corruptPayload('LZ4', 'a match reaches too far back');
    if (to + length > limit) throw corruptPayload('LZ4', 'a match runs too far');
    copyMatch(output, to, distance, length);
    to += length;
  }
  buffer.length = to;
}
