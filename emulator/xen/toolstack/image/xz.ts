/**
 * Unpacks .xz as the Linux build makes it: LZMA2, alone or behind the x86 branch filter, with CRC-32.
 *
 * NOT IMPLEMENTED: other filters; CRC-64 and SHA-256 are skipped unchecked; a second stream is ignored.
 */
import { ByteReader } from '../../../elf/byte-reader.ts';
import { undoBcjX86 } from './bcj-x86.ts';
import { crc32 } from './crc32.ts';
import { corruptPayload, unsupportedPayload } from './errors.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { LzmaDecoder } from './lzma-decoder.ts';

export const XZ_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];

const FILTER_BCJ_X86 = 0x04;
const FILTER_LZMA2 = 0x21;
const CHECK_CRC32 = 1;
/** Bytes of each check id (xz file format 1.0.4, 2.1.1.2). */
const CHECK_SIZES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const BLOCK_RESERVED_FLAGS = 0x3c;

/** `expectedSize` is a hint, 0 for none. */
export function unpackXz(packed: Uint8Array, expectedSize: number): Uint8Array {
  const reader = new ByteReader(packed);
  if (!reader.has(0, 12)) throw corruptPayload('XZ', 'the stream header is missing');
  if (crc32(reader.slice(6, 2)) !== reader.u32(8)) throw corruptPayload('XZ', 'the checksum of its header is wrong');
  const check = reader.u8(7) & 15;
  const output = new GrowingBuffer('XZ', expectedSize, packed.length);
  let at = 12;
  // A block header starts with its size; 0 there is the index, which ends the blocks.
  while (reader.has(at, 1) && reader.u8(at) !== 0) at = unpackBlock(reader, at, check, output);
  if (!reader.has(at, 1)) throw corruptPayload('XZ', 'it ends before its index');
  return output.finished();
}

function unpackBlock(reader: ByteReader, start: number, check: number, output: GrowingBuffer): number {
  const headerSize = (reader.u8(start) + 1) * 4;
  if (!reader.has(start, headerSize)) throw corruptPayload('XZ', 'it ends inside a block header');
  if (crc32(reader.slice(start, headerSize - 4)) !== reader.u32(start + headerSize - 4)) {
    throw corruptPayload('XZ', 'the checksum of a block header is wrong');
  }
  const branchFilter = readFilters(reader, start, start + headerSize - 4);
  const blockStart = output.length;
  let at = unpackLzma2(reader, start + headerSize, output);
  const block = output.bytes.subarray(blockStart, output.length);
  if (branchFilter) undoBcjX86(block);
  at += (4 - ((at - start) & 3)) & 3;
  const checkSize = CHECK_SIZES[check]!;
  if (!reader.has(at, checkSize)) throw corruptPayload('XZ', 'it ends inside a checksum');
  if (check === CHECK_CRC32 && crc32(block) !== reader.u32(at)) {
    throw corruptPayload('XZ', 'the checksum of its contents is wrong');
  }
  return at + checkSize;
}

/** Whether the x86 branch filter comes before LZMA2. */
function readFilters(reader: ByteReader, start: number, end: number): boolean {
  const flags = reader.u8(start + 1);
  if ((flags & BLOCK_RESERVED_FLAGS) !== 0) throw unsupportedPayload('XZ', `block flags ${flags}`);
  let at = start + 2;
  const next = (): number => {
    // Variable-length integer, 7 bits a byte; more than 4 bytes do not occur in what is supported.
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      if (at >= end) throw corruptPayload('XZ', 'a block header is too short');
      const byte = reader.u8(at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw unsupportedPayload('XZ', 'sizes or filters beyond 2^28');
  };
  if ((flags & 0x40) !== 0) next();
  if ((flags & 0x80) !== 0) next();
  const filters: number[] = [];
  for (let count = (flags & 3) + 1; count > 0; count--) {
    const filter = next();
    const propertySize = next();
    if (filter === FILTER_BCJ_X86 && propertySize !== 0) throw unsupportedPayload('XZ', 'a branch filter offset');
    filters.push(filter);
    at += propertySize;
  }
  const names = filters.map((filter) => `0x${filter.toString(16)}`).join(', ');
  if (filters.at(-1) !== FILTER_LZMA2) throw unsupportedPayload('XZ', `filters ${names}`);
  if (filters.length === 1) return false;
  if (filters.length === 2 && filters[0] === FILTER_BCJ_X86) return true;
  throw unsupportedPayload('XZ', `filters ${names}`);
}

/** Unpacks one LZMA2 sequence and answers where it ends. */
function unpackLzma2(reader: ByteReader, start: number, output: GrowingBuffer): number {
  const decoder = new LzmaDecoder();
  let dictionaryStart = output.length;
  let at = start;
  let haveDictionary = false;
  let haveProperties = false;
  for (;;) {
    if (!reader.has(at, 1)) throw corruptPayload('XZ', 'it ends before its last chunk');
    const control = reader.u8(at);
    if (control === 0) return at + 1;
    if (control >= 0xe0 || control === 1) {
      dictionaryStart = output.length;
      haveDictionary = true;
    } else if (!haveDictionary) throw corruptPayload('XZ', 'the first chunk does not reset the dictionary');
    if (control < 0x80) {
      if (control > 2) throw corruptPayload('XZ', `control byte ${control}`);
      if (!reader.has(at, 3)) throw corruptPayload('XZ', 'it ends inside a chunk header');
      const size = ((reader.u8(at + 1) << 8) | reader.u8(at + 2)) + 1;
      if (!reader.has(at + 3, size)) throw corruptPayload('XZ', 'it ends inside a stored chunk');
      output.append(reader.slice(at + 3, size));
      at += 3 + size;
      continue;
    }
    const headerSize = control >= 0xc0 ? 6 : 5;
    if (!reader.has(at, headerSize)) throw corruptPayload('XZ', 'it ends inside a chunk header');
    const unpackedSize = (((control & 0x1f) << 16) | (reader.u8(at + 1) << 8) | reader.u8(at + 2)) + 1;
    const packedSize = ((reader.u8(at + 3) << 8) | reader.u8(at + 4)) + 1;
    if (control >= 0xc0) {
      decoder.setProperties(reader.u8(at + 5));
      haveProperties = true;
    } else if (!haveProperties) throw corruptPayload('XZ', 'the first chunk has no properties');
    else if (control >= 0xa0) decoder.resetState();
    at += headerSize;
    if (!reader.has(at, packedSize)) throw corruptPayload('XZ', 'it ends inside a chunk');
    output.reserve(unpackedSize);
    const from = output.length;
    decoder.decodeChunk(reader.bytes, at, at + packedSize, output.bytes, from, from + unpackedSize, dictionaryStart);
    output.length = from + unpackedSize;
    at += packedSize;
  }
}
