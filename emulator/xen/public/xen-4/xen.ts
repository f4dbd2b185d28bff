import { struct } from '../struct.ts';

/** public/xen.h and public/arch-x86/xen*.h: start of day, shared pages, memory operations. */

export const MAX_VIRT_CPUS_IN_SHARED_INFO = 32;

export const SIF_PRIVILEGED = 1;
export const SIF_INITDOMAIN = 2;
export const SIF_MULTIBOOT_MOD = 4;
export const SIF_MOD_START_PFN = 8;
export const SIF_VIRT_P2M_4TOOLS = 16;

/** Magic strings of start_info, by ABI. */
export const START_INFO_MAGIC = { x86_64: 'xen-3.0-x86_64', x86_32p: 'xen-3.0-x86_32p' } as const;

export const START_INFO = struct('start_info', {
  magic: { type: 'char', count: 32 },
  nr_pages: { type: 'ulong', format: 'decimal' },
  shared_info: 'ulong',
  flags: {
    type: 'u32',
    format: {
      flags: { 1: 'PRIVILEGED', 2: 'INITDOMAIN', 4: 'MULTIBOOT_MOD', 8: 'MOD_START_PFN', 16: 'VIRT_P2M_4TOOLS' },
    },
  },
  store_mfn: 'frame',
  store_evtchn: 'u32',
  console_mfn: 'frame',
  console_evtchn: 'u32',
  console_dom0_info_off: { type: 'u32', overlaps: 'console_mfn' },
  pt_base: 'pointer',
  nr_pt_frames: { type: 'ulong', format: 'decimal' },
  mfn_list: 'pointer',
  mod_start: 'ulong',
  mod_len: { type: 'ulong', format: 'decimal' },
  cmd_line: { type: 'char', count: 1024 },
  first_p2m_pfn: 'ulong',
  nr_p2m_frames: { type: 'ulong', format: 'decimal' },
});

export const VCPU_TIME_INFO = struct('vcpu_time_info', {
  version: 'u32',
  pad0: 'u32',
  tsc_timestamp: 'u64',
  system_time: 'u64',
  tsc_to_system_mul: 'u32',
  tsc_shift: 's8',
  flags: 'u8',
  pad1: { type: 'u8', count: 2 },
});

/** Bit of `flags`: the TSC is stable across vCPUs (PVCLOCK_TSC_STABLE_BIT). */
export const XEN_PVCLOCK_TSC_STABLE = 1;

export const VCPU_INFO = struct('vcpu_info', {
  evtchn_upcall_pending: 'u8',
  evtchn_upcall_mask: 'u8',
  evtchn_pending_sel: 'ulong',
  arch_cr2: 'ulong',
  arch_pad: 'ulong',
  time: { type: VCPU_TIME_INFO },
});

export const SHARED_INFO = struct('shared_info', {
  vcpu_info: { type: VCPU_INFO, count: MAX_VIRT_CPUS_IN_SHARED_INFO },
  evtchn_pending: { type: 'ulong', count: 64 },
  evtchn_mask: { type: 'ulong', count: 64 },
  wc_version: 'u32',
  wc_sec: 'u32',
  wc_nsec: 'u32',
  wc_sec_hi: 'u32',
  arch_max_pfn: 'ulong',
  arch_pfn_to_mfn_frame_list_list: 'frame',
  arch_nmi_reason: 'ulong',
  arch_p2m_cr3: 'ulong',
  arch_p2m_vaddr: 'ulong',
  arch_p2m_generation: 'ulong',
});

/**
 * The 32-bit layout is another: 32 words of bitmap, and wc_sec_hi after the arch part. The pad after arch_cr2 does not
 * exist there either.
 */
export const VCPU_INFO_32 = struct('vcpu_info', {
  evtchn_upcall_pending: 'u8',
  evtchn_upcall_mask: 'u8',
  evtchn_pending_sel: 'ulong',
  arch_cr2: 'ulong',
  arch_pad: { type: 'u32', count: 5 },
  time: { type: VCPU_TIME_INFO },
});

export const SHARED_INFO_32 = struct('shared_info', {
  vcpu_info: { type: VCPU_INFO_32, count: MAX_VIRT_CPUS_IN_SHARED_INFO },
  evtchn_pending: { type: 'ulong', count: 32 },
  evtchn_mask: { type: 'ulong', count: 32 },
  wc_version: 'u32',
  wc_sec: 'u32',
  wc_nsec: 'u32',
  arch_max_pfn: 'ulong',
  arch_pfn_to_mfn_frame_list_list: 'frame',
  arch_nmi_reason: 'ulong',
  arch_p2m_cr3: 'ulong',
  arch_p2m_vaddr: 'ulong',
  arch_p2m_generation: 'ulong',
  wc_sec_hi: 'u32',
});

export const TRAP_INFO = struct('trap_info', {
  vector: { type: 'u8', format: 'decimal' },
  flags: 'u8',
  cs: 'u16',
  address: 'pointer',
});

export const MMU_UPDATE = struct('mmu_update', {
  ptr: { type: 'u64', format: 'mmu-pointer' },
  val: { type: 'u64', format: 'pte' },
});

/** Low bits of mmu_update.ptr. */
export const MMU_NORMAL_PT_UPDATE = 0;
export const MMU_MACHPHYS_UPDATE = 1;
export const MMU_PT_UPDATE_PRESERVE_AD = 2;
export const MMU_PT_UPDATE_NO_TRANSLATE = 3;

export const MMUEXT_PIN_L1_TABLE = 0;
export const MMUEXT_PIN_L2_TABLE = 1;
export const MMUEXT_PIN_L3_TABLE = 2;
export const MMUEXT_PIN_L4_TABLE = 3;
export const MMUEXT_UNPIN_TABLE = 4;
export const MMUEXT_NEW_BASEPTR = 5;
export const MMUEXT_TLB_FLUSH_LOCAL = 6;
export const MMUEXT_INVLPG_LOCAL = 7;
export const MMUEXT_TLB_FLUSH_MULTI = 8;
export const MMUEXT_INVLPG_MULTI = 9;
export const MMUEXT_TLB_FLUSH_ALL = 10;
export const MMUEXT_INVLPG_ALL = 11;
export const MMUEXT_FLUSH_CACHE = 12;
export const MMUEXT_SET_LDT = 13;
export const MMUEXT_NEW_USER_BASEPTR = 15;
export const MMUEXT_CLEAR_PAGE = 16;
export const MMUEXT_COPY_PAGE = 17;
export const MMUEXT_FLUSH_CACHE_GLOBAL = 18;

export const MMUEXT_NAMES: Readonly<Record<number, string>> = {
  0: 'PIN_L1_TABLE',
  1: 'PIN_L2_TABLE',
  2: 'PIN_L3_TABLE',
  3: 'PIN_L4_TABLE',
  4: 'UNPIN_TABLE',
  5: 'NEW_BASEPTR',
  6: 'TLB_FLUSH_LOCAL',
  7: 'INVLPG_LOCAL',
  8: 'TLB_FLUSH_MULTI',
  9: 'INVLPG_MULTI',
  10: 'TLB_FLUSH_ALL',
  11: 'INVLPG_ALL',
  12: 'FLUSH_CACHE',
  13: 'SET_LDT',
  15: 'NEW_USER_BASEPTR',
  16: 'CLEAR_PAGE',
  17: 'COPY_PAGE',
  18: 'FLUSH_CACHE_GLOBAL',
};

export const MMUEXT_OP = struct('mmuext_op', {
  cmd: { type: 'u32', format: { values: MMUEXT_NAMES } },
  arg1: 'ulong',
  arg2: 'ulong',
});

/** update_va_mapping flags: what to flush, and where. */
export const UVMF_FLUSHTYPE_MASK = 3;
export const UVMF_TLB_FLUSH = 1;
export const UVMF_INVLPG = 2;
/** All vCPUs; else 0 for this one, else the rest of the word points to a vCPU mask. */
export const UVMF_ALL = 4;

export const MULTICALL_ENTRY = struct('multicall_entry', {
  op: { type: 'ulong', format: 'decimal' },
  result: { type: 'ulong', out: true },
  args: { type: 'ulong', count: 6 },
});

export const VMASST_CMD_ENABLE = 0;
export const VMASST_CMD_DISABLE = 1;
export const VMASST_TYPE_4GB_SEGMENTS = 0;
export const VMASST_TYPE_4GB_SEGMENTS_NOTIFY = 1;
export const VMASST_TYPE_WRITABLE_PAGETABLES = 2;
export const VMASST_TYPE_PAE_EXTENDED_CR3 = 3;
export const VMASST_TYPE_ARCHITECTURAL_IOPL = 4;
export const VMASST_TYPE_RUNSTATE_UPDATE_FLAG = 5;
export const VMASST_TYPE_M2P_STRICT = 32;

/** Selectors of Xen's own flat descriptors (arch-x86/xen-x86_64.h, xen-x86_32.h). */
export const FLAT_RING3_CS32 = 0xe023;
export const FLAT_RING3_CS64 = 0xe033;
export const FLAT_RING3_DS32 = 0xe02b;
export const FLAT_RING3_SS64 = 0xe02b;
export const FLAT_COMPAT_RING1_CS = 0xe019;
export const FLAT_COMPAT_RING1_DS = 0xe021;
export const FLAT_COMPAT_RING3_CS = 0xe02b;
export const FLAT_COMPAT_RING3_DS = 0xe033;
export const FIRST_RESERVED_GDT_PAGE = 14;
export const FIRST_RESERVED_GDT_ENTRY = FIRST_RESERVED_GDT_PAGE * 512;

/** Xen's part of a 64-bit guest's address space: L4 slots 256 to 271. */
export const ROOT_PAGETABLE_FIRST_XEN_SLOT = 256;
export const ROOT_PAGETABLE_LAST_XEN_SLOT = 271;
export const HYPERVISOR_VIRT_START = -0x800000000000;
export const HYPERVISOR_VIRT_END = -0x780000000000;
export const MACH2PHYS_VIRT_START = HYPERVISOR_VIRT_START;

/** Xen's part of a 32-bit guest's address space: from this address on, in the L2 of the highest gigabyte (config.h). */
export const HYPERVISOR_COMPAT_VIRT_START = 0xf5800000;
export const MACH2PHYS_COMPAT_VIRT_START = HYPERVISOR_COMPAT_VIRT_START;
export const MACH2PHYS_COMPAT_VIRT_END = 0xffe00000;
export const MACH2PHYS_COMPAT_NR_ENTRIES = (MACH2PHYS_COMPAT_VIRT_END - MACH2PHYS_COMPAT_VIRT_START) / 4;
export const COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT = (HYPERVISOR_COMPAT_VIRT_START - 0xc0000000) / 0x200000;
/** int n of a hypercall in ring 1. */
export const HYPERCALL_VECTOR = 0x82;

/** iret frame flag: return by the short path of `sysret`. */
export const VGCF_IN_SYSCALL = 1 << 8;
export const VCPUID_NMI = 2;

export const VIRQ_TIMER = 0;
export const VIRQ_DEBUG = 1;
export const VIRQ_CONSOLE = 2;
export const VIRQ_DOM_EXC = 3;
export const VIRQ_XENOPROF = 7;
export const VIRQ_XENPMU = 13;
export const NR_VIRQS = 24;
/** VIRQs of which each vCPU has its own. */
export const PER_VCPU_VIRQS: ReadonlySet<number> = new Set([VIRQ_TIMER, VIRQ_DEBUG, VIRQ_XENOPROF, VIRQ_XENPMU]);
export const VIRQ_NAMES: Readonly<Record<number, string>> = {
  0: 'TIMER',
  1: 'DEBUG',
  2: 'CONSOLE',
  3: 'DOM_EXC',
  4: 'TBUF',
  6: 'DEBUGGER',
  7: 'XENOPROF',
  8: 'CON_RING',
  9: 'PCPU_STATE',
  10: 'MEM_EVENT',
  11: 'ARGO',
  12: 'ENOMEM',
  13: 'XENPMU',
  16: 'MCA',
};
