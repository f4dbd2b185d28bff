import { struct } from '../../struct.ts';

/** public/io/blkif.h of Xen 2.0: the ring of a block interface, which carries requests for all of its disks. */

export const BLKIF_OP_READ = 0;
export const BLKIF_OP_WRITE = 1;
export const BLKIF_OP_PROBE = 2;

export const BLKIF_OP_NAMES: Readonly<Record<number, string>> = { 0: 'READ', 1: 'WRITE', 2: 'PROBE' };

export const BLKIF_RSP_OKAY = 0;
export const BLKIF_RSP_ERROR = -1;

export const BLKIF_RING_SIZE = 64;
export const BLKIF_MAX_SEGMENTS_PER_REQUEST = 11;
/** Unit of sector numbers and of the halves of `frame_and_sects`. */
export const BLKIF_SECTOR_BYTES = 512;

/** `info` of a vdisk: its type, and two flags above. */
export const VDISK_TYPE_DISK = 0x20;
export const VDISK_FLAG_RO = 0x40;

const OPERATION = { type: 'u8', format: { values: BLKIF_OP_NAMES } } as const;

export const BLKIF_REQUEST = struct(
  'blkif_request',
  {
    operation: OPERATION,
    nr_segments: 'u8',
    device: { type: 'u16', format: 'hex' },
    id: 'u32',
    sector_number: { type: 'u64', format: 'decimal' },
    /** Bits 31:12 machine frame, 5:3 first and 2:0 last sector in it, both inclusive. */
    frame_and_sects: { type: 'u32', count: BLKIF_MAX_SEGMENTS_PER_REQUEST, format: 'hex' },
  },
  1,
);

export const BLKIF_RESPONSE = struct(
  'blkif_response',
  {
    id: 'u32',
    operation: OPERATION,
    /** Of a probe: how many vdisks there are. */
    status: { type: 's16', format: { values: { 0: 'OKAY', [-1]: 'ERROR' } } },
  },
  1,
);

export const BLKIF_RING = struct(
  'blkif_ring',
  { req_prod: 'u32', resp_prod: 'u32', ring: { type: BLKIF_REQUEST, count: BLKIF_RING_SIZE } },
  1,
);

export const VDISK = struct('vdisk', { capacity: { type: 'u64', format: 'decimal' }, device: 'u16', info: 'u16' }, 1);
