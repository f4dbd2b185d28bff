/**
 * The packed kernel inside a bzImage. One row per way of packing.
 *
 * NOT IMPLEMENTED: bzip2, LZMA (.lzma) and LZO, which the real builder knows too.
 */
import { ByteReader } from '../../../elf/byte-reader.ts';
import { isElf } from '../../../elf/elf-file.ts';
import { unknownCompression } from './errors.ts';
import { GZIP_MAGIC, unpackGzip } from './gzip.ts';
import { LZ4_LEGACY_MAGIC, unpackLz4Legacy } from './lz4-legacy.ts';
import { unpackXz, XZ_MAGIC } from './xz.ts';
import { unpackZstd, ZSTD_MAGIC } from './zstd.ts';

export type PayloadFormat = 'gzip' | 'XZ' | 'LZ4' | 'zstd' | 'none';

interface Codec {
  readonly format: PayloadFormat;
  readonly magic: readonly number[];
  /**
   * Linux appends the unpacked size to every payload but gzip's, which ends with it anyway: `size` is that number,
   * `body` the payload without it.
   */
  readonly unpack: (payload: Uint8Array, body: Uint8Array, size: number) => Uint8Array;
}

const CODECS: readonly Codec[] = [
  { format: 'gzip', magic: GZIP_MAGIC, unpack: (payload) => unpackGzip(payload) },
  { format: 'XZ', magic: XZ_MAGIC, unpack: (_payload, body, size) => unpackXz(body, size) },
  { format: 'LZ4', magic: LZ4_LEGACY_MAGIC, unpack: (_payload, body, size) => unpackLz4Legacy(body, size) },
  { format: 'zstd', magic: ZSTD_MAGIC, unpack: (_payload, body, size) => unpackZstd(body, size) },
];

export function payloadFormat(payload: Uint8Array): PayloadFormat | undefined {
  if (isElf(payload)) return 'none';
  return CODECS.find((codec) => codec.magic.every((byte, index) => payload[index] === byte))?.format;
}

/** @throws UserError `image.*` */
export function unpackPayload(payload: Uint8Array): Uint8Array {
  const format = payloadFormat(payload);
  if (format === 'none') return payload;
  const codec = CODECS.find((row) => row.format === format);
  if (codec === undefined || payload.length < 8) throw unknownCompression(payload.subarray(0, 6));
  const body = payload.subarray(0, payload.length - 4);
  return codec.unpack(payload, body, new ByteReader(payload).u32(payload.length - 4));
}
