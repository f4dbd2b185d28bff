/* The part of Xen 4's PV interface that this kernel uses, as 32-bit PAE guests see it (public/xen.h and others). */
#ifndef SAMPLE_XEN_4_H
#define SAMPLE_XEN_4_H
#include "hypercall.h"

enum {
    HYPERCALL_mmu_update = 1,
    HYPERCALL_set_callbacks = 4,
    HYPERCALL_memory_op = 12,
    HYPERCALL_update_va_mapping = 14,
    HYPERCALL_set_timer_op = 15,
    HYPERCALL_xen_version = 17,
    HYPERCALL_grant_table_op = 20,
    HYPERCALL_sched_op = 29,
    HYPERCALL_event_channel_op = 32,
};

enum { UVMF_INVLPG = 2, DOMID_SELF = 0x7ff0, XENMEM_machphys_mapping = 12, VIRQ_TIMER = 0 };
enum { SCHEDOP_yield = 0, SCHEDOP_block = 1, SCHEDOP_shutdown = 2 };
enum { EVTCHNOP_bind_virq = 1, EVTCHNOP_close = 3, EVTCHNOP_send = 4, EVTCHNOP_status = 5, EVTCHNOP_alloc_unbound = 6 };

struct start_info {
    char magic[32];
    u32 nr_pages;
    u32 shared_info; /* machine address */
    u32 flags;
    u32 store_mfn;
    u32 store_evtchn;
    u32 console_mfn;
    u32 console_evtchn;
    u32 pt_base;
    u32 nr_pt_frames;
    u32 mfn_list;
    u32 mod_start;
    u32 mod_len;
    char cmd_line[1024];
};

struct vcpu_time_info {
    u32 version; /* odd: Xen is changing it */
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
    u16 pad;
    u32 evtchn_pending_sel;
    u32 cr2;
    u32 pad1[5];
    struct vcpu_time_info time;
};

struct shared_info {
    struct vcpu_info vcpu_info[32];
    u32 evtchn_pending[32];
    u32 evtchn_mask[32];
};

struct mmu_update {
    u64 ptr; /* machine address of the entry */
    u64 val;
};

struct machphys_mapping {
    u32 v_start, v_end, max_mfn;
};

struct evtchn_bind_virq {
    u32 virq, vcpu, port;
};

struct evtchn_alloc_unbound {
    u16 dom, remote_dom;
    u32 port;
};

enum { EVTCHNSTAT_interdomain = 2, EVTCHNSTAT_virq = 4 };

struct evtchn_status {
    u16 dom;
    u32 port;
    u32 status;
    u32 vcpu;
    union {
        struct {
            u16 dom;
            u32 port;
        } interdomain;
        u32 virq;
    };
};

/* xen-4.c */
extern const struct start_info *start_info;
u32 channel_open(u16 domain, const char *name, void (*handler)(void));
void channel_bind(u32 port, const char *name, void (*handler)(void));
void channel_close(u32 port);
void channel_notify(u32 port);

/* xen-4-console.c */
void console_4_init(void);
void console_4_write(const char *text, u32 length);
int console_4_read(void);

/* xen-4-xenstore.c: paths relative to the domain's own. What read() and list() answer holds until the next call. */
void xenstore_init(void);
const char *xenstore_read(const char *directory, const char *name);
u32 xenstore_read_number(const char *directory, const char *name);
void xenstore_write(const char *directory, const char *name, const char *value);
void xenstore_write_number(const char *directory, const char *name, u32 value);
/* The first entry, NULL when there is none. */
const char *xenstore_first(const char *path);
/* Calls the handler from the main loop, now and whenever something below the path has changed. */
void xenstore_watch(const char *path, void (*handler)(void));
void xenstore_unwatch(const char *path, void (*handler)(void));
void xenstore_work(void);
/* Sleeps until a message is there: something may have changed. */
void xenstore_wait(void);

/* xen-4-grants.c */
void grants_init(void);
/* Lets another domain use a page; answers the number to tell it. */
u32 grant_page(u16 domain, const void *page, int read_only);
void grant_end(u32 reference);

/* xen-4-devices.c */
enum xenbus_state {
    XenbusStateInitialising = 1,
    XenbusStateInitWait = 2,
    XenbusStateInitialised = 3,
    XenbusStateConnected = 4,
    XenbusStateClosing = 5,
    XenbusStateClosed = 6,
};

struct device {
    char path[40];     /* "device/vbd/51712" */
    char backend[64];  /* its other end's directory */
    u16 backend_id;
};

void devices_4_init(void);

/* xen-4-block.c, xen-4-network.c */
void blkfront_publish(const struct device *device);
void blkfront_connected(const struct device *device);
void blkfront_close(void);
int blkfront_transfer(int write, u64 sector, void *page, u32 sectors);
void netfront_publish(const struct device *device);
void netfront_connected(const struct device *device);
void netfront_close(void);
void netfront_send(const void *frame, u32 length);

#endif
