import { struct } from '../../struct.ts';

/** hypervisor-ifs/block.h and vbd.h of Xen 1.2: one ring a domain, in a page of Xen's own, and its hypercall. */

export const BLOCK_IO_OP_SIGNAL = 0;
export const BLOCK_IO_OP_RESET = 1;
export const BLOCK_IO_OP_RING_ADDRESS = 2;
export const BLOCK_IO_OP_VBD_CREATE = 3;
export const BLOCK_IO_OP_VBD_DELETE = 7;
export const BLOCK_IO_OP_VBD_PROBE = 8;
export const BLOCK_IO_OP_VBD_INFO = 9;

export const BLOCK_IO_OP_NAMES: Readonly<Record<number, string>> = {
  ...{ 0: 'SIGNAL', 1: 'RESET', 2: 'RING_ADDRESS', 3: 'VBD_CREATE', 4: 'VBD_GROW', 5: 'VBD_SHRINK' },
  ...{ 6: 'VBD_SET_EXTENTS', 7: 'VBD_DELETE', 8: 'VBD_PROBE', 9: 'VBD_INFO' },
};

/** "All domains": for the privileged. */
export const VBD_PROBE_ALL = 0xffffffff;
export const VBD_MODE_R = 1;
export const VBD_MODE_W = 2;

export const XEN_BLOCK_READ = 0;
export const XEN_BLOCK_WRITE = 1;

export const XEN_BLOCK_NAMES: Readonly<Record<number, string>> = {
  ...{ 0: 'READ', 1: 'WRITE', 2: 'READA', 4: 'SPECIAL', 5: 'DEBUG' },
};

export const BLK_RING_SIZE = 64;
export const MAX_BLK_SEGS = 12;
export const SECTOR_BYTES = 512;

export const XD_TYPE_DISK = 0x20;
export const XD_FLAG_RO = 0x40;
export const XD_FLAG_VIRT = 0x80;

const DEVICE = { type: 'u16', format: 'hex' } as const;
const MACHINE = { type: 'u32', format: 'hex' } as const;

export const BLK_RING_REQ_ENTRY = struct('blk_ring_req_entry', {
  id: 'u32',
  sector_number: 'u32',
  device: DEVICE,
  operation: { type: 'u8', format: { values: XEN_BLOCK_NAMES } },
  nr_segments: 'u8',
  /** Bits 31:9 machine address, 8:0 number of sectors. */
  buffer_and_sects: { type: 'u32', count: MAX_BLK_SEGS, format: 'hex' },
});

export const BLK_RING_RESP_ENTRY = struct('blk_ring_resp_entry', {
  id: 'u32',
  operation: { type: 'u16', format: { values: XEN_BLOCK_NAMES } },
  /** 0: good. 1: a bad request, 2: an error of the disk. */
  status: 'u32',
});

export const BLK_RING = struct('blk_ring', {
  req_prod: 'u32',
  resp_prod: 'u32',
  ring: { type: BLK_RING_REQ_ENTRY, count: BLK_RING_SIZE },
});

export const XEN_DISK = struct('xen_disk', { device: DEVICE, info: 'u16', capacity: 'u32', domain: 'u32' });

export const XEN_EXTENT = struct('xen_extent', {
  device: DEVICE,
  unused: 'u16',
  start_sector: 'u32',
  nr_sectors: 'u32',
});

/** What the operations make of the 24 bytes: the ring's frame, a probe, a query. */
export const BLOCK_IO_OP = struct('block_io_op', {
  cmd: { type: 'u32', format: { values: BLOCK_IO_OP_NAMES } },
  ring_mfn: MACHINE,
  rest: { type: 'u32', count: 4 },
});
export const BLOCK_IO_OP_PROBE = struct('block_io_op', {
  cmd: 'u32',
  domain: 'u32',
  max: 'u32',
  disks: 'pointer',
  count: 'u32',
});
export const BLOCK_IO_OP_INFO = struct('block_io_op', {
  cmd: 'u32',
  domain: 'u32',
  vdevice: DEVICE,
  maxextents: 'u16',
  extents: 'pointer',
  nextents: 'u16',
  mode: 'u16',
});
