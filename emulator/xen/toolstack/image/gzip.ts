import { gunzipSync } from 'fflate';
import { ByteReader } from '../../../elf/byte-reader.ts';
import { crc32 } from './crc32.ts';
import { corruptPayload, payloadTooLarge } from './errors.ts';
import { MAX_UNPACKED_BYTES } from './growing-buffer.ts';

export const GZIP_MAGIC = [0x1f, 0x8b];
/** Deflate packs at most 1032 : 1 (zlib's technical notes). */
const MAX_RATIO = 1032;
const MIN_SIZE = 18;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === GZIP_MAGIC[0] && bytes[1] === GZIP_MAGIC[1];
}

/** Size that a gzip file promises in its last four bytes. */
export function gzipPromisedSize(packed: Uint8Array): number {
  return packed.length < MIN_SIZE ? 0 : new ByteReader(packed).u32(packed.length - 4);
}

/** Unpacks a gzip file of one member, size and CRC checked. */
export function unpackGzip(packed: Uint8Array): Uint8Array {
  if (packed.length < MIN_SIZE) throw corruptPayload('gzip', 'it is too short');
  const size = gzipPromisedSize(packed);
  if (size > MAX_UNPACKED_BYTES) throw payloadTooLarge('gzip', size, MAX_UNPACKED_BYTES);
  if (size > packed.length * MAX_RATIO)
    throw corruptPayload('gzip', `it promises ${size} bytes, too many for its length`);
  let unpacked: Uint8Array;
  try {
    unpacked = gunzipSync(packed, { out: new Uint8Array(size) });
  } catch (error) {
    throw corruptPayload('gzip', error instanceof Error ? error.message : String(error));
  }
  if (unpacked.length !== size) throw corruptPayload('gzip', `it has ${unpacked.length} bytes instead of ${size}`);
  const expected = new ByteReader(packed).u32(packed.length - 8);
  if (crc32(unpacked) !== expected) throw corruptPayload('gzip', 'its checksum is wrong');
  return unpacked;
}
