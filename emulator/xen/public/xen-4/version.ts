import { struct } from '../struct.ts';

/** public/version.h, features.h. */

export const XEN_EXTRAVERSION = struct('xen_extraversion', { text: { type: 'char', count: 16, out: true } });
export const XEN_COMPILE_INFO = struct('xen_compile_info', {
  compiler: { type: 'char', count: 64, out: true },
  compile_by: { type: 'char', count: 16, out: true },
  compile_domain: { type: 'char', count: 32, out: true },
  compile_date: { type: 'char', count: 32, out: true },
});
export const XEN_CAPABILITIES_INFO = struct('xen_capabilities_info', {
  text: { type: 'char', count: 1024, out: true },
});
export const XEN_CHANGESET_INFO = struct('xen_changeset_info', { text: { type: 'char', count: 64, out: true } });
export const XEN_PLATFORM_PARAMETERS = struct('xen_platform_parameters', {
  virt_start: { type: 'pointer', out: true },
});
export const XEN_FEATURE_INFO = struct('xen_feature_info', {
  submap_idx: 'u32',
  submap: { type: 'u32', out: true, format: 'hex' },
});
export const XEN_DOMAIN_HANDLE = struct('xen_domain_handle', { bytes: { type: 'u8', count: 16, out: true } });
export const XEN_COMMANDLINE = struct('xen_commandline', { text: { type: 'char', count: 1024, out: true } });

export const XENFEAT_MMU_PT_UPDATE_PRESERVE_AD = 5;
export const XENFEAT_HIGHMEM_ASSIST = 6;
export const XENFEAT_GNTTAB_MAP_AVAIL_BITS = 7;
export const XENFEAT_PAE_PGDIR_ABOVE_4GB = 4;
export const XENFEAT_DOM0 = 11;
export const XENFEAT_MEMORY_OP_VNODE_SUPPORTED = 13;
export const XENFEAT_NOT_DIRECT_MAPPED = 16;
export const XENFEAT_DIRECT_MAPPED = 17;
