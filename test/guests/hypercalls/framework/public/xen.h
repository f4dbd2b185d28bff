/*
 * Xen's interface for PV guests, the parts that every test needs (public/xen.h, public/arch-x86). Layouts follow from
 * C's own rules at both widths: `ulong` and pointers are 4 bytes with -m32, and 64-bit fields are aligned to 4 there,
 * which is what Xen's compat layer expects.
 */
#ifndef HYPERCALLS_XEN_H
#define HYPERCALLS_XEN_H
#include "errno.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;
typedef unsigned long ulong;
typedef u16 domid_t;

#define NULL ((void *)0)
#define BITS_PER_LONG (8 * sizeof(ulong))

enum hypercall_number {
    __HYPERVISOR_set_trap_table = 0,
    __HYPERVISOR_mmu_update = 1,
    __HYPERVISOR_set_gdt = 2,
    __HYPERVISOR_stack_switch = 3,
    __HYPERVISOR_set_callbacks = 4,
    __HYPERVISOR_fpu_taskswitch = 5,
    __HYPERVISOR_sched_op_compat = 6,
    __HYPERVISOR_platform_op = 7,
    __HYPERVISOR_set_debugreg = 8,
    __HYPERVISOR_get_debugreg = 9,
    __HYPERVISOR_update_descriptor = 10,
    __HYPERVISOR_memory_op = 12,
    __HYPERVISOR_multicall = 13,
    __HYPERVISOR_update_va_mapping = 14,
    __HYPERVISOR_set_timer_op = 15,
    __HYPERVISOR_event_channel_op_compat = 16,
    __HYPERVISOR_xen_version = 17,
    __HYPERVISOR_console_io = 18,
    __HYPERVISOR_physdev_op_compat = 19,
    __HYPERVISOR_grant_table_op = 20,
    __HYPERVISOR_vm_assist = 21,
    __HYPERVISOR_update_va_mapping_otherdomain = 22,
    __HYPERVISOR_iret = 23,
    __HYPERVISOR_vcpu_op = 24,
    __HYPERVISOR_set_segment_base = 25,
    __HYPERVISOR_mmuext_op = 26,
    __HYPERVISOR_xsm_op = 27,
    __HYPERVISOR_nmi_op = 28,
    __HYPERVISOR_sched_op = 29,
    __HYPERVISOR_callback_op = 30,
    __HYPERVISOR_xenoprof_op = 31,
    __HYPERVISOR_event_channel_op = 32,
    __HYPERVISOR_physdev_op = 33,
    __HYPERVISOR_hvm_op = 34,
    __HYPERVISOR_sysctl = 35,
    __HYPERVISOR_domctl = 36,
    __HYPERVISOR_kexec_op = 37,
    __HYPERVISOR_tmem_op = 38,
    __HYPERVISOR_argo_op = 39,
    __HYPERVISOR_xenpmu_op = 40,
    __HYPERVISOR_dm_op = 41,
    __HYPERVISOR_hypfs_op = 42,
    __HYPERVISOR_mca = 48,
    __HYPERVISOR_paging_domctl_cont = 49,
};

/* public/errno.h */
#define DOMID_FIRST_RESERVED 0x7ff0u
#define DOMID_SELF 0x7ff0u
#define DOMID_IO 0x7ff1u
#define DOMID_XEN 0x7ff2u
#define DOMID_COW 0x7ff3u
#define DOMID_INVALID 0x7ff4u

struct start_info {
    char magic[32];
    ulong nr_pages;
    ulong shared_info; /* machine address */
    u32 flags;
    ulong store_mfn;
    u32 store_evtchn;
    ulong console_mfn;
    u32 console_evtchn;
    ulong pt_base;
    ulong nr_pt_frames;
    ulong mfn_list;
    ulong mod_start;
    ulong mod_len;
    char cmd_line[1024];
    ulong first_p2m_pfn;
    ulong nr_p2m_frames;
};

struct vcpu_time_info {
    u32 version;
    u32 pad0;
    u64 tsc_timestamp;
    u64 system_time;
    u32 tsc_to_system_mul;
    s8 tsc_shift;
    u8 flags;
    u8 pad1[2];
};

struct vcpu_info {
    u8 evtchn_upcall_pending;
    u8 evtchn_upcall_mask;
    ulong evtchn_pending_sel;
    struct {
        ulong cr2;
#ifdef __x86_64__
        ulong pad;
#else
        ulong pad[5];
#endif
    } arch;
    struct vcpu_time_info time;
};

struct arch_shared_info {
    ulong max_pfn;
    ulong pfn_to_mfn_frame_list_list;
    ulong nmi_reason;
    ulong p2m_cr3;
    ulong p2m_vaddr;
    ulong p2m_generation;
#ifdef __i386__
    u32 wc_sec_hi;
#endif
};

struct shared_info {
    struct vcpu_info vcpu_info[32];
    ulong evtchn_pending[8 * sizeof(ulong)];
    ulong evtchn_mask[8 * sizeof(ulong)];
    u32 wc_version;
    u32 wc_sec;
    u32 wc_nsec;
#ifdef __x86_64__
    u32 wc_sec_hi;
#endif
    struct arch_shared_info arch;
};

struct trap_info {
    u8 vector;
    u8 flags; /* DPL in bits 1:0, bit 2: mask events */
    u16 cs;
    ulong address;
};

struct mmu_update {
    u64 ptr;
    u64 val;
};

/* Bits 1:0 of mmu_update.ptr. */
enum {
    MMU_NORMAL_PT_UPDATE = 0,
    MMU_MACHPHYS_UPDATE = 1,
    MMU_PT_UPDATE_PRESERVE_AD = 2,
    MMU_PT_UPDATE_NO_TRANSLATE = 3,
};

enum mmuext_command {
    MMUEXT_PIN_L1_TABLE = 0,
    MMUEXT_PIN_L2_TABLE = 1,
    MMUEXT_PIN_L3_TABLE = 2,
    MMUEXT_PIN_L4_TABLE = 3,
    MMUEXT_UNPIN_TABLE = 4,
    MMUEXT_NEW_BASEPTR = 5,
    MMUEXT_TLB_FLUSH_LOCAL = 6,
    MMUEXT_INVLPG_LOCAL = 7,
    MMUEXT_TLB_FLUSH_MULTI = 8,
    MMUEXT_INVLPG_MULTI = 9,
    MMUEXT_TLB_FLUSH_ALL = 10,
    MMUEXT_INVLPG_ALL = 11,
    MMUEXT_FLUSH_CACHE = 12,
    MMUEXT_SET_LDT = 13,
    MMUEXT_NEW_USER_BASEPTR = 15,
    MMUEXT_CLEAR_PAGE = 16,
    MMUEXT_COPY_PAGE = 17,
    MMUEXT_FLUSH_CACHE_GLOBAL = 18,
    MMUEXT_MARK_SUPER = 19,
    MMUEXT_UNMARK_SUPER = 20,
};

struct mmuext_op {
    u32 cmd;
    ulong arg1; /* mfn or linear address */
    ulong arg2; /* number of entries, pointer to a vCPU mask, or source mfn */
};

enum { UVMF_NONE = 0, UVMF_TLB_FLUSH = 1, UVMF_INVLPG = 2, UVMF_FLUSHTYPE_MASK = 3, UVMF_LOCAL = 0, UVMF_ALL = 4 };

struct multicall_entry {
    ulong op;
    ulong result;
    ulong args[6];
};

enum { VMASST_CMD_enable = 0, VMASST_CMD_disable = 1 };
enum {
    VMASST_TYPE_4gb_segments = 0,
    VMASST_TYPE_4gb_segments_notify = 1,
    VMASST_TYPE_writable_pagetables = 2,
    VMASST_TYPE_pae_extended_cr3 = 3,
    VMASST_TYPE_architectural_iopl = 4,
    VMASST_TYPE_runstate_update_flag = 5,
    VMASST_TYPE_m2p_strict = 32,
};

enum { SEGBASE_FS = 0, SEGBASE_GS_USER = 1, SEGBASE_GS_KERNEL = 2, SEGBASE_GS_USER_SEL = 3 };

enum {
    VIRQ_TIMER = 0,
    VIRQ_DEBUG = 1,
    VIRQ_CONSOLE = 2,
    VIRQ_DOM_EXC = 3,
    VIRQ_XENOPROF = 7,
    NR_VIRQS = 24,
};

#ifdef __x86_64__
enum {
    FLAT_KERNEL_CS = 0xe033,
    FLAT_KERNEL_SS = 0xe02b,
    FLAT_USER_CS = 0xe033,
    FLAT_USER_SS = 0xe02b,
};
#define XEN_START_INFO_MAGIC "xen-3.0-x86_64"
#else
enum {
    FLAT_KERNEL_CS = 0xe019,
    FLAT_KERNEL_SS = 0xe021,
    FLAT_USER_CS = 0xe02b,
    FLAT_USER_SS = 0xe033,
};
#define XEN_START_INFO_MAGIC "xen-3.0-x86_32p"
#endif

/* public/callback.h, public/nmi.h */
enum { CALLBACKOP_register = 0, CALLBACKOP_unregister = 1 };
enum {
    CALLBACKTYPE_event = 0,
    CALLBACKTYPE_failsafe = 1,
    CALLBACKTYPE_syscall = 2,
    CALLBACKTYPE_sysenter_deprecated = 3,
    CALLBACKTYPE_nmi = 4,
    CALLBACKTYPE_sysenter = 5,
    CALLBACKTYPE_syscall32 = 7,
};
enum { CALLBACKF_mask_events = 1 };

struct callback_register {
    u16 type;
    u16 flags;
#ifdef __i386__
    u32 cs;
#endif
    ulong address;
};

struct callback_unregister {
    u16 type;
    u16 pad;
};

enum { XENNMI_register_callback = 0, XENNMI_unregister_callback = 1 };

struct xennmi_callback {
    ulong handler_address;
    ulong pad;
};

struct xencons_interface {
    char in[1024];
    char out[2048];
    u32 in_cons, in_prod;
    u32 out_cons, out_prod;
};

#endif
