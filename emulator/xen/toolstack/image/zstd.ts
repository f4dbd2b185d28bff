/** NOT IMPLEMENTED: the frame's checksum is not verified; dictionaries. */
import { decompress } from 'fzstd';
import { corruptPayload, payloadTooLarge } from './errors.ts';
import { MAX_UNPACKED_BYTES } from './growing-buffer.ts';

export const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

/** Unpacks into exactly `size` bytes, which the Linux build appends to the payload. */
export function unpackZstd(packed: Uint8Array, size: number): Uint8Array {
  if (size > MAX_UNPACKED_BYTES) throw payloadTooLarge('zstd', size, MAX_UNPACKED_BYTES);
  if (size > packed.length * 4096) throw corruptPayload('zstd', `it promises ${size} bytes, too many for its length`);
  const output = new Uint8Array(size);
  try {
    decompress(packed, output);
  } catch (error) {
    throw corruptPayload('zstd', error instanceof Error ? error.message : String(error));
  }
  return output;
}
