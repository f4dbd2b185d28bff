/* The part of Xen 1.2's interface that this kernel uses (hypervisor-ifs of 2003; i386 without PAE). */
#ifndef SAMPLE_XEN_1_2_H
#define SAMPLE_XEN_1_2_H
#include "hypercall.h"

enum {
    HYPERCALL_mmu_update = 1,
    HYPERCALL_console_write = 2,
    HYPERCALL_set_callbacks = 5,
    HYPERCALL_net_io_op = 6,
    HYPERCALL_sched_op = 8,
    HYPERCALL_block_io_op = 11,
    HYPERCALL_multicall = 17,
    HYPERCALL_update_va_mapping = 19,
};

enum { UVMF_INVLPG = 2, MMU_NORMAL_PT_UPDATE = 0, MMU_MACHPHYS_UPDATE = 2 };
enum { SCHEDOP_yield = 0, SCHEDOP_exit = 1 };

/* All events that there are. Bit 31 of events_mask lets them in at all. */
enum { EVENT_BLKDEV = 0, EVENT_TIMER = 1, EVENT_DIE = 2, EVENT_NET = 4, EVENTS_ON = 31 };

struct start_info {
    u32 nr_pages;
    u32 shared_info; /* machine address */
    u32 dom_id;
    u32 flags;
    u32 pt_base;
    u32 mod_start;
    u32 mod_len;
    char cmd_line[256];
};

/* Indexes of an interface's rings. */
struct net_idx {
    u32 tx_req_prod, tx_resp_prod, tx_event;
    u32 rx_req_prod, rx_resp_prod, rx_event;
};

struct shared_info {
    u32 events;
    u32 events_mask; /* 1: deliver */
    u32 event_channels[66];
    u32 rdtsc_bitshift; /* the stamp has the counter's bits from here on */
    u64 cpu_freq;       /* Hz */
    u32 time_version1, time_version2; /* not equal: Xen is changing the two below */
    u32 tsc_timestamp;
    u64 system_time; /* ns */
    u32 wc_sec, wc_usec;
    u64 domain_time, wall_timeout, domain_timeout;
    struct net_idx net_idx[8];
};

struct mmu_update {
    u32 ptr; /* address of the entry, in the address space of now; its low bits say what to do */
    u32 val;
};

/* xen-1.2.c */
extern volatile struct shared_info *const shared_info_1_2;
void event_1_2_enable(u32 event, const char *name, void (*handler)(void));
/* The entry that maps a page. */
u32 *entry_of_page(const void *page);
/* Takes over the frame that has come to be behind a page. */
void frame_1_2_changed(const void *page);

/* xen-1.2-block.c, xen-1.2-network.c */
void block_1_2_init(void);
int block_1_2_transfer(int write, u64 sector, void *page, u32 sectors);
void network_1_2_init(void);
void network_1_2_send(const void *frame, u32 length);

#endif
