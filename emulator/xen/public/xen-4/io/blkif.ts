import { struct } from '../../struct.ts';

/**
 * public/io/blkif.h: requests and responses of block devices. The two layouts are those of "x86_64-abi" (64) and
 * "x86_32-abi" (32) front ends, which differ in the alignment of 64-bit fields alone.
 */

export const BLKIF_OP_READ = 0;
export const BLKIF_OP_WRITE = 1;
export const BLKIF_OP_WRITE_BARRIER = 2;
export const BLKIF_OP_FLUSH_DISKCACHE = 3;
export const BLKIF_OP_DISCARD = 5;
export const BLKIF_OP_INDIRECT = 6;

export const BLKIF_OP_NAMES: Readonly<Record<number, string>> = {
  0: 'READ',
  1: 'WRITE',
  2: 'WRITE_BARRIER',
  3: 'FLUSH_DISKCACHE',
  4: 'RESERVED_1',
  5: 'DISCARD',
  6: 'INDIRECT',
};

export const BLKIF_RSP_OKAY = 0;
export const BLKIF_RSP_ERROR = -1;
export const BLKIF_RSP_EOPNOTSUPP = -2;

const STATUS_NAMES: Readonly<Record<number, string>> = { 0: 'OKAY', [-1]: 'ERROR', [-2]: 'EOPNOTSUPP' };

export const BLKIF_MAX_SEGMENTS_PER_REQUEST = 11;
export const BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST = 8;
/** Unit of sector numbers, of `sectors`, and of segments, whatever `sector-size` says. */
export const BLKIF_SECTOR_BYTES = 512;

/** `info` of the back end's directory. */
export const VDISK_CDROM = 1;
export const VDISK_REMOVABLE = 2;
export const VDISK_READONLY = 4;

export const BLKIF_REQUEST_SEGMENT = struct('blkif_request_segment', {
  gref: { type: 'u32', format: 'decimal' },
  first_sect: 'u8',
  last_sect: 'u8',
  pad: { type: 'u8', count: 2 },
});

const OPERATION = { type: 'u8', format: { values: BLKIF_OP_NAMES } } as const;
const SECTOR_NUMBER = { type: 'u64', format: 'decimal' } as const;

export const BLKIF_REQUEST = struct('blkif_request', {
  operation: OPERATION,
  nr_segments: 'u8',
  handle: 'u16',
  id: 'u64',
  sector_number: SECTOR_NUMBER,
  seg: { type: BLKIF_REQUEST_SEGMENT, count: BLKIF_MAX_SEGMENTS_PER_REQUEST },
});

export const BLKIF_REQUEST_DISCARD = struct('blkif_request_discard', {
  operation: OPERATION,
  flag: 'u8',
  handle: 'u16',
  id: 'u64',
  sector_number: SECTOR_NUMBER,
  nr_sectors: { type: 'u64', format: 'decimal' },
});

export const BLKIF_REQUEST_INDIRECT = struct('blkif_request_indirect', {
  operation: OPERATION,
  indirect_op: OPERATION,
  nr_segments: 'u16',
  id: 'u64',
  sector_number: SECTOR_NUMBER,
  handle: 'u16',
  pad: 'u16',
  indirect_grefs: { type: 'u32', count: BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST, format: 'decimal' },
});

export const BLKIF_RESPONSE = struct('blkif_response', {
  id: 'u64',
  operation: OPERATION,
  status: { type: 's16', format: { values: STATUS_NAMES } },
});
