/*
 * Xen 1.2's interface for domains, the parts that the tests need (hypervisor-ifs of 1.2: hypervisor-if.h, network.h,
 * block.h, kbd.h). C's own layout rules with -m32 give the offsets of the sheet.
 */
#ifndef HYPERCALLS_XEN_1_2_H
#define HYPERCALLS_XEN_1_2_H
#include <public/errno.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef short s16;
typedef unsigned long ulong;
typedef u16 domid_t; /* of the framework; the interface has words */

#define NULL ((void *)0)

enum hypercall_number {
    __HYPERVISOR_set_trap_table = 0,
    __HYPERVISOR_mmu_update = 1,
    __HYPERVISOR_console_write = 2,
    __HYPERVISOR_set_gdt = 3,
    __HYPERVISOR_stack_switch = 4,
    __HYPERVISOR_set_callbacks = 5,
    __HYPERVISOR_net_io_op = 6,
    __HYPERVISOR_fpu_taskswitch = 7,
    __HYPERVISOR_sched_op = 8,
    __HYPERVISOR_dom0_op = 9,
    __HYPERVISOR_network_op = 10,
    __HYPERVISOR_block_io_op = 11,
    __HYPERVISOR_set_debugreg = 12,
    __HYPERVISOR_get_debugreg = 13,
    __HYPERVISOR_update_descriptor = 14,
    __HYPERVISOR_set_fast_trap = 15,
    __HYPERVISOR_dom_mem_op = 16,
    __HYPERVISOR_multicall = 17,
    __HYPERVISOR_kbd_op = 18,
    __HYPERVISOR_update_va_mapping = 19,
    __HYPERVISOR_event_channel_op = 20,
};

enum { FLAT_RING1_CS = 0x819, FLAT_RING1_DS = 0x821, FLAT_RING3_CS = 0x82b, FLAT_RING3_DS = 0x833 };
#define FIRST_RESERVED_GDT_ENTRY 256
#define LAST_RESERVED_GDT_ENTRY 295
#define HYPERVISOR_VIRT_START 0xfc000000ul
#define PAGE_OFFSET 0xfc400000ul

struct trap_info {
    u8 vector, flags; /* flags: DPL, and 4 to switch events off */
    u16 cs;
    ulong address;
};

enum { MMU_NORMAL_PT_UPDATE, MMU_UNCHECKED_PT_UPDATE, MMU_MACHPHYS_UPDATE, MMU_EXTENDED_COMMAND };
enum {
    MMUEXT_PIN_L1_TABLE,
    MMUEXT_PIN_L2_TABLE,
    MMUEXT_PIN_L3_TABLE,
    MMUEXT_PIN_L4_TABLE,
    MMUEXT_UNPIN_TABLE,
    MMUEXT_NEW_BASEPTR,
    MMUEXT_TLB_FLUSH,
    MMUEXT_INVLPG,
    MMUEXT_SET_LDT,
};

struct mmu_update {
    ulong ptr, val;
};

enum { UVMF_FLUSH_TLB = 1, UVMF_INVLPG = 2 };

struct multicall_entry {
    ulong op, args[7];
};

enum { SCHEDOP_yield, SCHEDOP_exit, SCHEDOP_stop };
enum { MEMOP_increase, MEMOP_decrease };
enum { EVTCHNOP_open, EVTCHNOP_close, EVTCHNOP_send, EVTCHNOP_status };
enum { EVTCHNSTAT_closed, EVTCHNSTAT_disconnected, EVTCHNSTAT_connected };
enum { KBD_OP_WRITEOUTPUT, KBD_OP_WRITECOMMAND, KBD_OP_READ };

/* Bits of `events` and of `events_mask`, where they switch them on. */
#define EVENT_BLKDEV 0x01u
#define EVENT_TIMER 0x02u
#define EVENT_DIE 0x04u
#define EVENT_DEBUG 0x08u
#define EVENT_NET 0x10u
#define EVENT_EVTCHN 0x80u
#define EVENTS_MASTER_ENABLE 0x80000000u

struct dom_mem_op {
    u32 op, size;
    ulong *pages;
};

enum { NETOP_PUSH_BUFFERS, NETOP_FLUSH_BUFFERS, NETOP_RESET_RINGS, NETOP_GET_VIF_INFO };

struct netop {
    u32 cmd, vif;
    u32 ring_mfn;
    u8 vmac[6], pad[2];
};

enum {
    BLOCK_IO_OP_SIGNAL,
    BLOCK_IO_OP_RESET,
    BLOCK_IO_OP_RING_ADDRESS,
    BLOCK_IO_OP_VBD_CREATE,
    BLOCK_IO_OP_VBD_GROW,
    BLOCK_IO_OP_VBD_SHRINK,
    BLOCK_IO_OP_VBD_SET_EXTENTS,
    BLOCK_IO_OP_VBD_DELETE,
    BLOCK_IO_OP_VBD_PROBE,
    BLOCK_IO_OP_VBD_INFO,
};

struct block_io_op {
    u32 cmd;
    u32 u[5];
};

struct net_idx {
    u32 tx_req_prod, tx_resp_prod, tx_event, rx_req_prod, rx_resp_prod, rx_event;
};

struct start_info {
    ulong nr_pages;
    ulong shared_info; /* machine address */
    u32 dom_id, flags;
    ulong pt_base, mod_start, mod_len;
    char cmd_line[256];
};

struct shared_info {
    u32 events, events_mask;
    u32 event_channel_pend[32], event_channel_pend_sel;
    u32 event_channel_disc[32], event_channel_disc_sel;
    u32 rdtsc_bitshift;
    u64 cpu_freq;
    u32 time_version1, time_version2;
    u32 tsc_timestamp;
    u64 system_time;
    u32 wc_sec, wc_usec;
    u64 domain_time, wall_timeout, domain_timeout;
    struct net_idx net_idx[8];
    u32 execution_context[17];
};

_Static_assert(sizeof(struct shared_info) == 596, "shared_info of the sheet");
_Static_assert(__builtin_offsetof(struct start_info, cmd_line) == 28, "start_info of the sheet");

#endif
