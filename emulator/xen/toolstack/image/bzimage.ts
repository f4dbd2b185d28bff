/** Linux's boot protocol header (Documentation/arch/x86/boot.rst), as far as the domain builder reads it. */
import { ByteReader } from '../../../elf/byte-reader.ts';
import { bzImageTooOld, bzImageTruncated } from './errors.ts';

const SETUP_SECTORS = 0x1f1;
const HEADER_MAGIC = 0x202;
const VERSION = 0x206;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const HEADER_END = 0x250;
const SECTOR = 512;
const DEFAULT_SETUP_SECTORS = 4;
/** payload_offset exists since 2.08. */
const MIN_VERSION = 0x208;

export interface BzImage {
  /** 0x20f is 2.15. */
  readonly version: number;
  /** The packed kernel. */
  readonly payload: Uint8Array;
}

/** Undefined when the file is no bzImage. @throws UserError `image.bzimage-*` */
export function readBzImage(bytes: Uint8Array): BzImage | undefined {
  const reader = new ByteReader(bytes);
  if (!reader.has(0, HEADER_END) || reader.string(HEADER_MAGIC, 4) !== 'HdrS') return undefined;
  const version = reader.u16(VERSION);
  if (version < MIN_VERSION) throw bzImageTooOld(version);
  const setupSectors = reader.u8(SETUP_SECTORS) || DEFAULT_SETUP_SECTORS;
  const start = (setupSectors + 1) * SECTOR + reader.u32(PAYLOAD_OFFSET);
  const length = reader.u32(PAYLOAD_LENGTH);
  if (!reader.has(start, length)) throw bzImageTruncated(start + length, bytes.length);
  return { version, payload: reader.slice(start, length) };
}
