import { struct } from '../struct.ts';

/** public/grant_table.h. */

export const GTF_INVALID = 0;
export const GTF_PERMIT_ACCESS = 1;
export const GTF_ACCEPT_TRANSFER = 2;
export const GTF_TRANSITIVE = 3;
export const GTF_TYPE_MASK = 3;
export const GTF_READONLY = 4;
export const GTF_READING = 8;
export const GTF_WRITING = 16;
export const GTF_SUB_PAGE = 0x100;
export const GTF_TRANSFER_COMMITTED = 4;
export const GTF_TRANSFER_COMPLETED = 8;

export const GRANT_ENTRY_V1 = struct('grant_entry_v1', {
  flags: 'u16',
  domid: { type: 'u16', format: 'domid' },
  frame: { type: 'u32', format: 'hex' },
});
export const GRANT_ENTRY_V1_BYTES = 8;
export const GRANT_ENTRY_V2_BYTES = 16;
/** References that the toolstack fills in. */
export const GNTTAB_RESERVED_CONSOLE = 0;
export const GNTTAB_RESERVED_XENSTORE = 1;
export const GNTTAB_NR_RESERVED_ENTRIES = 8;

export const GNTMAP_DEVICE_MAP = 1;
export const GNTMAP_HOST_MAP = 2;
export const GNTMAP_READONLY = 4;
export const GNTMAP_APPLICATION_MAP = 8;
export const GNTMAP_CONTAINS_PTE = 16;

export const GNTST_OKAY = 0;
export const GNTST_GENERAL_ERROR = -1;
export const GNTST_BAD_DOMAIN = -2;
export const GNTST_BAD_GNTREF = -3;
export const GNTST_BAD_HANDLE = -4;
export const GNTST_BAD_VIRT_ADDR = -5;
export const GNTST_BAD_DEV_ADDR = -6;
export const GNTST_NO_DEVICE_SPACE = -7;
export const GNTST_PERMISSION_DENIED = -8;
export const GNTST_BAD_PAGE = -9;
export const GNTST_BAD_COPY_ARG = -10;
export const GNTST_ADDRESS_TOO_BIG = -11;
export const GNTST_EAGAIN = -12;
export const GNTST_NO_SPACE = -13;

export const GNTST_NAMES: Readonly<Record<number, string>> = {
  0: 'okay',
  [-1]: 'general_error',
  [-2]: 'bad_domain',
  [-3]: 'bad_gntref',
  [-4]: 'bad_handle',
  [-5]: 'bad_virt_addr',
  [-6]: 'bad_dev_addr',
  [-7]: 'no_device_space',
  [-8]: 'permission_denied',
  [-9]: 'bad_page',
  [-10]: 'bad_copy_arg',
  [-11]: 'address_too_big',
  [-12]: 'eagain',
  [-13]: 'no_space',
};

const STATUS = { type: 's16', out: true, format: { values: GNTST_NAMES } } as const;

export const GNTTAB_MAP_GRANT_REF = struct('gnttab_map_grant_ref', {
  host_addr: 'u64',
  flags: 'u32',
  ref: 'u32',
  dom: { type: 'u16', format: 'domid' },
  status: STATUS,
  handle: { type: 'u32', out: true },
  dev_bus_addr: { type: 'u64', out: true },
});
export const GNTTAB_UNMAP_GRANT_REF = struct('gnttab_unmap_grant_ref', {
  host_addr: 'u64',
  dev_bus_addr: 'u64',
  handle: 'u32',
  status: STATUS,
});
export const GNTTAB_SETUP_TABLE = struct('gnttab_setup_table', {
  dom: { type: 'u16', format: 'domid' },
  nr_frames: 'u32',
  status: STATUS,
  frame_list: 'pointer',
});
export const GNTTAB_TRANSFER = struct('gnttab_transfer', {
  mfn: 'frame',
  domid: { type: 'u16', format: 'domid' },
  ref: 'u32',
  status: STATUS,
});
export const GNTTAB_COPY = struct('gnttab_copy', {
  source_ref: 'ulong',
  source_domid: { type: 'u16', format: 'domid' },
  source_offset: 'u16',
  dest_ref: 'ulong',
  dest_domid: { type: 'u16', format: 'domid' },
  dest_offset: 'u16',
  // Source and destination are structures of their own, padded to a word.
  len: { type: 'u16', align: 'ulong' },
  flags: 'u16',
  status: STATUS,
});
export const GNTTAB_QUERY_SIZE = struct('gnttab_query_size', {
  dom: { type: 'u16', format: 'domid' },
  nr_frames: { type: 'u32', out: true },
  max_nr_frames: { type: 'u32', out: true },
  status: STATUS,
});
export const GNTTAB_UNMAP_AND_REPLACE = struct('gnttab_unmap_and_replace', {
  host_addr: 'u64',
  new_addr: 'u64',
  handle: 'u32',
  status: STATUS,
});
export const GNTTAB_SET_VERSION = struct('gnttab_set_version', { version: 'u32' });
export const GNTTAB_GET_STATUS_FRAMES = struct('gnttab_get_status_frames', {
  nr_frames: 'u32',
  dom: { type: 'u16', format: 'domid' },
  status: STATUS,
  frame_list: 'pointer',
});
export const GNTTAB_GET_VERSION = struct('gnttab_get_version', {
  dom: { type: 'u16', format: 'domid' },
  pad: 'u16',
  version: { type: 'u32', out: true },
});
export const GNTTAB_SWAP_GRANT_REF = struct('gnttab_swap_grant_ref', { ref_a: 'u32', ref_b: 'u32', status: STATUS });
/** Bits of gnttab_cache_flush.op. */
export const GNTTAB_CACHE_CLEAN = 1;
export const GNTTAB_CACHE_INVAL = 2;

export const GNTTAB_CACHE_FLUSH = struct('gnttab_cache_flush', {
  a: 'u64',
  offset: 'u16',
  length: 'u16',
  op: 'u32',
});
