/*
 * Xen 2.0's interface for domains, the parts that the tests need (public/xen.h, arch-x86_32.h, event_channel.h,
 * physdev.h of 2.0.6). C's own layout rules with -m32 give the offsets of the sheet.
 */
#ifndef HYPERCALLS_XEN_2_0_H
#define HYPERCALLS_XEN_2_0_H
#include <public/errno.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef short s16;
typedef unsigned long ulong;
typedef u16 domid_t;

#define NULL ((void *)0)

enum hypercall_number {
    __HYPERVISOR_set_trap_table = 0,
    __HYPERVISOR_mmu_update = 1,
    __HYPERVISOR_set_gdt = 2,
    __HYPERVISOR_stack_switch = 3,
    __HYPERVISOR_set_callbacks = 4,
    __HYPERVISOR_fpu_taskswitch = 5,
    __HYPERVISOR_sched_op = 6,
    __HYPERVISOR_dom0_op = 7,
    __HYPERVISOR_set_debugreg = 8,
    __HYPERVISOR_get_debugreg = 9,
    __HYPERVISOR_update_descriptor = 10,
    __HYPERVISOR_set_fast_trap = 11,
    __HYPERVISOR_dom_mem_op = 12,
    __HYPERVISOR_multicall = 13,
    __HYPERVISOR_update_va_mapping = 14,
    __HYPERVISOR_set_timer_op = 15,
    __HYPERVISOR_event_channel_op = 16,
    __HYPERVISOR_xen_version = 17,
    __HYPERVISOR_console_io = 18,
    __HYPERVISOR_physdev_op = 19,
    __HYPERVISOR_grant_table_op = 20,
    __HYPERVISOR_vm_assist = 21,
    __HYPERVISOR_update_va_mapping_otherdomain = 22,
    __HYPERVISOR_switch_vm86 = 23,
};

#define DOMID_SELF 0x7ff0
#define DOMID_IO 0x7ff1
#define DOMID_XEN 0x7ff2

enum { FLAT_RING1_CS = 0x819, FLAT_RING1_DS = 0x821, FLAT_RING3_CS = 0x82b, FLAT_RING3_DS = 0x833 };
#define FIRST_RESERVED_GDT_ENTRY 256
#define LAST_RESERVED_GDT_ENTRY 295
/* Where Xen's own part of an address space begins: the machine-to-physical table, which domains may read, stands there. */
#define HYPERVISOR_VIRT_START 0xfc000000ul
/* The first byte behind what a segment of a domain may reach. */
#define PAGE_OFFSET 0xfc400000ul

struct trap_info {
    u8 vector, flags; /* flags: DPL, and 4 to mask events */
    u16 cs;
    ulong address;
};

enum { MMU_NORMAL_PT_UPDATE, MMU_MACHPHYS_UPDATE = 2, MMU_EXTENDED_COMMAND };
enum {
    MMUEXT_PIN_L1_TABLE,
    MMUEXT_PIN_L2_TABLE,
    MMUEXT_PIN_L3_TABLE,
    MMUEXT_PIN_L4_TABLE,
    MMUEXT_UNPIN_TABLE,
    MMUEXT_NEW_BASEPTR,
    MMUEXT_TLB_FLUSH,
    MMUEXT_INVLPG,
    MMUEXT_FLUSH_CACHE,
    MMUEXT_SET_LDT,
    MMUEXT_SET_FOREIGNDOM,
    MMUEXT_CLEAR_FOREIGNDOM,
    MMUEXT_TRANSFER_PAGE,
    MMUEXT_REASSIGN_PAGE,
};

struct mmu_update {
    ulong ptr, val;
};

enum { UVMF_FLUSH_TLB = 1, UVMF_INVLPG = 2 };

struct multicall_entry {
    ulong op, args[7];
};

enum { SCHEDOP_yield, SCHEDOP_block, SCHEDOP_shutdown };
enum { SHUTDOWN_poweroff, SHUTDOWN_reboot, SHUTDOWN_suspend, SHUTDOWN_crash };
enum { CONSOLEIO_write, CONSOLEIO_read };
enum { MEMOP_increase_reservation, MEMOP_decrease_reservation };
enum { VMASST_CMD_enable, VMASST_CMD_disable };
enum { VMASST_TYPE_4gb_segments, VMASST_TYPE_4gb_segments_notify, VMASST_TYPE_writable_pagetables };
enum { VIRQ_MISDIRECT, VIRQ_TIMER, VIRQ_DEBUG, VIRQ_CONSOLE, VIRQ_DOM_EXC, VIRQ_PARITY_ERR, VIRQ_IO_ERR, NR_VIRQS };

enum {
    EVTCHNOP_bind_interdomain,
    EVTCHNOP_bind_virq,
    EVTCHNOP_bind_pirq,
    EVTCHNOP_close,
    EVTCHNOP_send,
    EVTCHNOP_status,
    EVTCHNOP_alloc_unbound,
};
enum { EVTCHNSTAT_closed, EVTCHNSTAT_unbound, EVTCHNSTAT_interdomain, EVTCHNSTAT_pirq, EVTCHNSTAT_virq };

struct evtchn_op {
    u32 cmd, reserved;
    union {
        struct {
            domid_t dom1, dom2;
            int port1, port2;
        } bind_interdomain;
        struct {
            u32 virq;
            int port;
        } bind_virq;
        struct {
            u32 pirq, flags;
            int port;
        } bind_pirq;
        struct {
            domid_t dom;
            int port;
        } close;
        struct {
            int local_port;
        } send;
        struct {
            domid_t dom;
            int port;
            u32 status;
            union {
                domid_t dom;
                struct {
                    domid_t dom;
                    int port;
                } interdomain;
                u32 irq;
            } u;
        } status;
        struct {
            domid_t dom;
            int port;
        } alloc_unbound;
        u32 words[6];
    } u;
};

enum {
    PHYSDEVOP_PCI_CFGREG_READ,
    PHYSDEVOP_PCI_CFGREG_WRITE,
    PHYSDEVOP_PCI_INITIALISE_DEVICE,
    PHYSDEVOP_PCI_PROBE_ROOT_BUSES,
    PHYSDEVOP_IRQ_UNMASK_NOTIFY,
    PHYSDEVOP_IRQ_STATUS_QUERY,
};

struct physdev_op {
    u32 cmd, pad;
    u32 u[8];
};

struct start_info {
    ulong nr_pages, pad0;
    ulong shared_info, pad1; /* machine address */
    u32 flags;
    u16 domain_controller_evtchn, pad2;
    ulong pt_base, pad3;
    ulong nr_pt_frames, pad4;
    ulong mfn_list, pad5;
    ulong mod_start, pad6;
    ulong mod_len, pad7;
    char cmd_line[256];
};

struct shared_info {
    u8 evtchn_upcall_pending, evtchn_upcall_mask;
    u16 pad;
    u32 evtchn_pending[32];
    u32 evtchn_pending_sel;
    u32 evtchn_mask[32];
    u64 cpu_freq;
    u32 time_version1, time_version2;
    u64 tsc_timestamp;
    u64 system_time;
    u32 wc_sec, wc_usec;
    u64 domain_time, wall_timeout, domain_timeout;
    ulong mfn_to_pfn_start, pad1;
    ulong pfn_to_mfn_frame_list, pad2;
};

_Static_assert(sizeof(struct start_info) == 320, "start_info of the sheet");
_Static_assert(sizeof(struct shared_info) == 344, "shared_info of the sheet");
_Static_assert(sizeof(struct evtchn_op) == 32, "evtchn_op of the sheet");
_Static_assert(sizeof(struct physdev_op) == 40, "physdev_op of the sheet");

#endif
