/**
 * Unpacks zstd frames (RFC 8878). Every loop is bounded by bytes read or written, so that no input can keep it busy.
 *
 * NOT IMPLEMENTED: dictionaries; the frame's checksum (xxHash64) is not verified.
 */
import { ByteReader } from '../../../elf/byte-reader.ts';
import { corruptPayload, payloadTooLarge, unsupportedPayload } from './errors.ts';
import { MAX_UNPACKED_BYTES } from './growing-buffer.ts';
import { type HuffmanTable, readLiterals } from './zstd-literals.ts';
import { executeSequences, newSequenceState } from './zstd-sequences.ts';

export const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
const FRAME_MAGIC = 0xfd2fb528;
/** 0x184D2A50 … 0x184D2A5F: a frame to skip. */
const SKIPPABLE_MAGIC = 0x184d2a5;
const MAX_BLOCK = 128 * 1024;

/** Unpacks into exactly `size` bytes, which the Linux build appends to the payload. */
export function unpackZstd(packed: Uint8Array, size: number): Uint8Array {
  if (size > MAX_UNPACKED_BYTES) throw payloadTooLarge('zstd', size, MAX_UNPACKED_BYTES);
  if (size > packed.length * 4096) throw corruptPayload('zstd', `it promises ${size} bytes, too many for its length`);
  const reader = new ByteReader(packed);
  const output = new Uint8Array(size);
  let at = 0;
  let position = 0;
  while (reader.has(at, 8)) {
    const magic = reader.u32(at);
    if (magic >>> 4 === SKIPPABLE_MAGIC) {
      at += 8 + reader.u32(at + 4);
      continue;
    }
    if (magic !== FRAME_MAGIC) throw corruptPayload('zstd', 'a frame does not start as one');
    ({ at, position } = unpackFrame(reader, at + 4, output, position));
  }
  if (position !== size) throw corruptPayload('zstd', `it has ${position} bytes instead of ${size}`);
  return output;
}

interface Progress {
  readonly at: number;
  readonly position: number;
}

function unpackFrame(reader: ByteReader, start: number, output: Uint8Array, from: number): Progress {
  const descriptor = reader.u8(start);
  if ((descriptor & 0x08) !== 0) throw unsupportedPayload('zstd', 'a reserved frame flag');
  if ((descriptor & 0x03) !== 0) throw unsupportedPayload('zstd', 'a dictionary');
  const singleSegment = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & 0x04) !== 0;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  let at = start + 1 + (singleSegment ? 0 : 1) + sizeBytes;
  let position = from;
  const sequences = newSequenceState();
  let huffman: HuffmanTable | undefined;
  for (let last = false; !last; ) {
    if (!reader.has(at, 3)) throw corruptPayload('zstd', 'it ends inside a frame');
    const header = reader.u16(at) | (reader.u8(at + 2) << 16);
    const size = header >> 3;
    const type = (header >> 1) & 3;
    const stored = type === 1 ? 1 : size;
    last = (header & 1) !== 0;
    at += 3;
    if (!reader.has(at, stored)) throw corruptPayload('zstd', 'it ends inside a block');
    if (type === 3 || size > MAX_BLOCK) throw corruptPayload('zstd', 'a block has an unknown type or an absurd size');
    if (type === 2) {
      const end = at + size;
      const literals = readLiterals(reader.bytes, at, end, huffman);
      huffman = literals.table;
      position = executeSequences(reader.bytes, literals.next, end, literals.bytes, sequences, output, position, from);
    } else {
      if (position + size > output.length) throw corruptPayload('zstd', 'it unpacks to more than it promises');
      if (type === 0) output.set(reader.slice(at, size), position);
      else output.fill(reader.u8(at), position, position + size);
      position += size;
    }
    at += stored;
  }
  return { at: at + (hasChecksum ? 4 : 0), position };
}
