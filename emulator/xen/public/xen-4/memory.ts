import { struct } from '../struct.ts';

/** public/memory.h. */

export const XEN_MEMORY_RESERVATION = struct('xen_memory_reservation', {
  extent_start: 'pointer',
  nr_extents: { type: 'ulong', format: 'decimal' },
  extent_order: 'u32',
  mem_flags: 'u32',
  domid: { type: 'u16', format: 'domid' },
});
export const XEN_MEMORY_EXCHANGE = struct('xen_memory_exchange', {
  in: { type: XEN_MEMORY_RESERVATION },
  out: { type: XEN_MEMORY_RESERVATION },
  nr_exchanged: { type: 'ulong', format: 'decimal', out: true },
});
export const XEN_MACHPHYS_MFN_LIST = struct('xen_machphys_mfn_list', {
  max_extents: 'u32',
  extent_start: 'pointer',
  nr_extents: { type: 'u32', out: true },
});
export const XEN_MACHPHYS_MAPPING = struct('xen_machphys_mapping', {
  v_start: { type: 'pointer', out: true },
  v_end: { type: 'pointer', out: true },
  max_mfn: { type: 'ulong', out: true },
});
export const XEN_ADD_TO_PHYSMAP = struct('xen_add_to_physmap', {
  domid: { type: 'u16', format: 'domid' },
  size: 'u16',
  space: 'u32',
  idx: 'ulong',
  gpfn: 'ulong',
});
export const XEN_ADD_TO_PHYSMAP_BATCH = struct('xen_add_to_physmap_batch', {
  domid: { type: 'u16', format: 'domid' },
  space: 'u16',
  size: 'u16',
  extra: 'u16',
  idxs: 'pointer',
  gpfns: 'pointer',
  errs: 'pointer',
});
export const XEN_RESERVED_DEVICE_MEMORY_MAP = struct('xen_reserved_device_memory_map', {
  flags: 'u32',
  nr_entries: { type: 'u32', out: true },
  buffer: 'pointer',
  dev: { type: 'u32', count: 3 },
});
export const XEN_REMOVE_FROM_PHYSMAP = struct('xen_remove_from_physmap', {
  domid: { type: 'u16', format: 'domid' },
  gpfn: 'ulong',
});
export const XEN_MEMORY_MAP = struct('xen_memory_map', { nr_entries: 'u32', buffer: 'pointer' });
export const XEN_FOREIGN_MEMORY_MAP = struct('xen_foreign_memory_map', {
  domid: { type: 'u16', format: 'domid' },
  map: { type: XEN_MEMORY_MAP },
});
export const DOMID_ARGUMENT = struct('domid', { domid: { type: 'u16', format: 'domid' } });
export const XEN_POD_TARGET = struct('xen_pod_target', {
  target_pages: 'u64',
  tot_pages: 'u64',
  pod_cache_pages: 'u64',
  pod_entries: 'u64',
  domid: { type: 'u16', format: 'domid' },
});
export const XEN_MEM_ACCESS_OP = struct('xen_mem_access_op', {
  op: 'u8',
  access: 'u8',
  domid: { type: 'u16', format: 'domid' },
  nr: 'u32',
  pfn: 'u64',
});
export const XEN_VNUMA_TOPOLOGY_INFO = struct('xen_vnuma_topology_info', {
  domid: { type: 'u16', format: 'domid' },
  pad: 'u16',
  nr_vnodes: 'u32',
  nr_vcpus: 'u32',
  nr_vmemranges: 'u32',
});
export const XEN_MEM_ACQUIRE_RESOURCE = struct('xen_mem_acquire_resource', {
  domid: { type: 'u16', format: 'domid' },
  type: 'u16',
  id: 'u32',
  nr_frames: 'u32',
  pad: 'u32',
  frame: 'u64',
  frame_list: 'pointer',
});
