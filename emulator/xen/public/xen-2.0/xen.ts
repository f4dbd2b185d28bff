import { struct } from '../struct.ts';

/** public/xen.h of Xen 2.0: hypercall structures, start of day, the shared info page. Sizes are those of gcc -m32. */

export const HYPERVISOR_VIRT_START = 0xfc000000;
/** Slots of a page directory that are the guest's (DOMAIN_ENTRIES_PER_L2_PAGETABLE); Xen's own follow. */
export const DOMAIN_ENTRIES_PER_L2_PAGETABLE = HYPERVISOR_VIRT_START >>> 22;
/** End of the read-only machine-to-physical table, and of the segments of guests (PAGE_OFFSET of asm-x86/page.h). */
export const PAGE_OFFSET = 0xfc400000;
/** Where Xen maps a page directory itself (LINEAR_PT_VIRT_START of asm-x86/config.h). */
export const LINEAR_PT_VIRT_START = 0xfec00000;

export const NR_HYPERCALLS = 32;

/** Two low bits of mmu_update.ptr. */
export const MMU_NORMAL_PT_UPDATE = 0;
export const MMU_MACHPHYS_UPDATE = 2;
export const MMU_EXTENDED_COMMAND = 3;

/** Extended commands, bits 7:0 of mmu_update.val. */
export const MMUEXT_NAMES: Readonly<Record<number, string>> = {
  0: 'PIN_L1_TABLE',
  1: 'PIN_L2_TABLE',
  2: 'PIN_L3_TABLE',
  3: 'PIN_L4_TABLE',
  4: 'UNPIN_TABLE',
  5: 'NEW_BASEPTR',
  6: 'TLB_FLUSH',
  7: 'INVLPG',
  8: 'FLUSH_CACHE',
  9: 'SET_LDT',
  10: 'SET_FOREIGNDOM',
  11: 'CLEAR_FOREIGNDOM',
  12: 'TRANSFER_PAGE',
  13: 'REASSIGN_PAGE',
};

export const UVMF_FLUSH_TLB = 1;
export const UVMF_INVLPG = 2;

export const CONSOLEIO_WRITE = 0;
export const CONSOLEIO_READ = 1;

export const VMASST_TYPE_4GB_SEGMENTS = 0;
export const VMASST_TYPE_4GB_SEGMENTS_NOTIFY = 1;
export const VMASST_TYPE_WRITABLE_PAGETABLES = 2;
export const VMASST_NAMES: Readonly<Record<number, string>> = {
  0: '4gb_segments',
  1: '4gb_segments_notify',
  2: 'writable_pagetables',
};

/** Virtual interrupts. */
export const VIRQ_MISDIRECT = 0;
export const VIRQ_TIMER = 1;
export const VIRQ_NAMES: readonly string[] = [
  'MISDIRECT',
  'TIMER',
  'DEBUG',
  'CONSOLE',
  'DOM_EXC',
  'PARITY_ERR',
  'IO_ERR',
];
export const NR_VIRQS = 7;

export const MMU_UPDATE = struct('mmu_update', {
  ptr: { type: 'u32', format: 'hex' },
  val: { type: 'u32', format: 'hex' },
});

export const MULTICALL_ENTRY = struct('multicall_entry', {
  op: 'ulong',
  args: { type: 'ulong', count: 7 },
});
/** The result of a call goes where its sixth argument would be. */
export const MULTICALL_RESULT = 5;

export const SIF_PRIVILEGED = 1;
export const SIF_INITDOMAIN = 2;
export const SIF_BLK_BE_DOMAIN = 0x10;
export const SIF_NET_BE_DOMAIN = 0x20;

/** MEMORY_PADDING of the header: 32-bit values stand in 8 bytes. */
export const START_INFO = struct('start_info', {
  nr_pages: { type: 'u32', format: 'decimal' },
  pad0: 'u32',
  shared_info: { type: 'u32', format: 'hex' },
  pad1: 'u32',
  flags: {
    type: 'u32',
    format: { flags: { 1: 'PRIVILEGED', 2: 'INITDOMAIN', 16: 'BLK_BE_DOMAIN', 32: 'NET_BE_DOMAIN' } },
  },
  domain_controller_evtchn: 'u16',
  pad2: 'u16',
  pt_base: 'pointer',
  pad3: 'u32',
  nr_pt_frames: { type: 'u32', format: 'decimal' },
  pad4: 'u32',
  mfn_list: 'pointer',
  pad5: 'u32',
  mod_start: 'pointer',
  pad6: 'u32',
  mod_len: { type: 'u32', format: 'decimal' },
  pad7: 'u32',
  cmd_line: { type: 'char', count: 256 },
});

/** The part of it that stands for one vCPU comes first; there is one. */
export const SHARED_INFO = struct('shared_info', {
  evtchn_upcall_pending: 'u8',
  evtchn_upcall_mask: 'u8',
  pad0: 'u16',
  evtchn_pending: { type: 'u32', count: 32, format: 'hex' },
  evtchn_pending_sel: { type: 'u32', format: 'hex' },
  evtchn_mask: { type: 'u32', count: 32, format: 'hex' },
  cpu_freq: { type: 'u64', format: 'decimal' },
  time_version1: 'u32',
  time_version2: 'u32',
  tsc_timestamp: { type: 'u64', format: 'decimal' },
  system_time: { type: 'u64', format: 'decimal' },
  wc_sec: 'u32',
  wc_usec: 'u32',
  domain_time: { type: 'u64', format: 'decimal' },
  wall_timeout: { type: 'u64', format: 'decimal' },
  domain_timeout: { type: 'u64', format: 'decimal' },
  arch_mfn_to_pfn_start: { type: 'u32', format: 'hex' },
  pad1: 'u32',
  arch_pfn_to_mfn_frame_list: { type: 'u32', format: 'hex' },
  pad2: 'u32',
});

/** Where in the shared info page the control interface lies, by convention of guests and tools. */
export const CONTROL_INTERFACE_OFFSET = 2048;
