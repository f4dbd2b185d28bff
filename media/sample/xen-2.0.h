/* The part of Xen 2.0's interface that this kernel uses (xen-2.0's public headers of 2004; i386 without PAE). */
#ifndef SAMPLE_XEN_2_0_H
#define SAMPLE_XEN_2_0_H
#include "hypercall.h"

enum {
    HYPERCALL_mmu_update = 1,
    HYPERCALL_set_callbacks = 4,
    HYPERCALL_sched_op = 6,
    HYPERCALL_dom_mem_op = 12,
    HYPERCALL_update_va_mapping = 14,
    HYPERCALL_set_timer_op = 15,
    HYPERCALL_event_channel_op = 16,
    HYPERCALL_xen_version = 17,
};

enum { UVMF_INVLPG = 2, DOMID_SELF = 0x7ff0, MEMOP_decrease_reservation = 1, VIRQ_TIMER = 1 };
enum { SCHEDOP_yield = 0, SCHEDOP_block = 1, SCHEDOP_shutdown = 2 };
enum { EVTCHNOP_bind_virq = 1, EVTCHNOP_send = 4, EVTCHNOP_status = 5 };
enum { MMU_NORMAL_PT_UPDATE = 0, MMU_MACHPHYS_UPDATE = 2 };

/* Many words have 64 bits' room: that of the next architecture, then. */
#define PADDED(name) u32 name, name##_pad

struct start_info {
    PADDED(nr_pages);
    PADDED(shared_info); /* machine address */
    u32 flags;
    u16 domain_controller_evtchn;
    u16 pad;
    PADDED(pt_base);
    PADDED(nr_pt_frames);
    PADDED(mfn_list);
    PADDED(mod_start);
    PADDED(mod_len);
    char cmd_line[256];
};

struct shared_info {
    u8 evtchn_upcall_pending;
    u8 evtchn_upcall_mask;
    u16 pad;
    u32 evtchn_pending[32];
    u32 evtchn_pending_sel;
    u32 evtchn_mask[32];
    u64 cpu_freq; /* Hz */
    u32 time_version1, time_version2; /* not equal: Xen is changing the three below */
    u64 tsc_timestamp;
    u64 system_time; /* ns */
    u32 wc_sec, wc_usec;
};

struct mmu_update {
    u32 ptr; /* machine address of the entry; its low bits say what to do */
    u32 val;
};

struct evtchn_op {
    u32 cmd, reserved;
    union {
        struct {
            u32 virq, port;
        } bind_virq;
        struct {
            u32 local_port;
        } send;
        struct {
            u16 dom;
            u32 port;
            u32 status;
            union {
                struct {
                    u16 dom;
                    u32 port;
                } interdomain;
                u32 virq;
            };
        } status;
        u32 pad[6];
    };
};

enum { EVTCHNSTAT_interdomain = 2, EVTCHNSTAT_virq = 4 };

/* xen-2.0.c */
u32 controller_port(void);
void channel_2_0_bind(u32 port, const char *name, void (*handler)(void));
void channel_2_0_notify(u32 port);
/* The frame behind a page leaves the domain; another one comes in its place. */
void frame_2_0_give(void *page);
void frame_2_0_take(void *page, u32 mfn);

/* xen-2.0-control.c: messages to and from the domain controller, which is what the toolstack was then. */
enum { CMSG_CONSOLE = 0, CMSG_BLKIF_FE = 2, CMSG_NETIF_FE = 4, CMSG_SHUTDOWN = 6 };
enum { INTERFACE_STATUS = 0, DRIVER_STATUS = 32, INTERFACE_CONNECT = 33 };
enum { STATUS_CLOSED = 0, STATUS_DISCONNECTED = 1, STATUS_CONNECTED = 2, STATUS_CHANGED = 3 };

struct driver_status {
    u32 status; /* 1: up */
    u32 interfaces;
} __attribute__((packed));

void control_init(void);
void control_send(u8 type, u8 subtype, const void *payload, u32 length);
void control_write(const char *text, u32 length);
int control_read(void);
void control_devices_init(void);
void control_work(void);

/* xen-2.0-block.c, xen-2.0-network.c: what the controller says of the interface, and what the main loop does then. */
void blkif_message(u8 subtype, const u8 *payload);
void blkif_work(void);
int blkif_is_ready(void);
int blkif_transfer(int write, u64 sector, void *page, u32 sectors);
void netif_message(u8 subtype, const u8 *payload);
void netif_work(void);
int netif_is_ready(void);
void netif_send(const void *frame, u32 length);

#endif
