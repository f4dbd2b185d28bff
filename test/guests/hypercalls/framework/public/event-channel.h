/* public/event_channel.h */
#ifndef HYPERCALLS_EVENT_CHANNEL_H
#define HYPERCALLS_EVENT_CHANNEL_H
#include "xen.h"

typedef u32 evtchn_port_t;

enum event_channel_command {
    EVTCHNOP_bind_interdomain = 0,
    EVTCHNOP_bind_virq = 1,
    EVTCHNOP_bind_pirq = 2,
    EVTCHNOP_close = 3,
    EVTCHNOP_send = 4,
    EVTCHNOP_status = 5,
    EVTCHNOP_alloc_unbound = 6,
    EVTCHNOP_bind_ipi = 7,
    EVTCHNOP_bind_vcpu = 8,
    EVTCHNOP_unmask = 9,
    EVTCHNOP_reset = 10,
    EVTCHNOP_init_control = 11,
    EVTCHNOP_expand_array = 12,
    EVTCHNOP_set_priority = 13,
};

struct evtchn_bind_interdomain {
    domid_t remote_dom;
    evtchn_port_t remote_port;
    evtchn_port_t local_port; /* out */
};

struct evtchn_bind_virq {
    u32 virq;
    u32 vcpu;
    evtchn_port_t port; /* out */
};

struct evtchn_bind_pirq {
    u32 pirq;
    u32 flags;
    evtchn_port_t port; /* out */
};

struct evtchn_close {
    evtchn_port_t port;
};

struct evtchn_send {
    evtchn_port_t port;
};

enum {
    EVTCHNSTAT_closed = 0,
    EVTCHNSTAT_unbound = 1,
    EVTCHNSTAT_interdomain = 2,
    EVTCHNSTAT_pirq = 3,
    EVTCHNSTAT_virq = 4,
    EVTCHNSTAT_ipi = 5,
};

struct evtchn_status {
    domid_t dom;
    evtchn_port_t port;
    u32 status; /* out, as are the rest */
    u32 vcpu;
    union {
        struct {
            domid_t dom;
        } unbound;
        struct {
            domid_t dom;
            evtchn_port_t port;
        } interdomain;
        u32 pirq;
        u32 virq;
    } u;
};

struct evtchn_alloc_unbound {
    domid_t dom;
    domid_t remote_dom;
    evtchn_port_t port; /* out */
};

struct evtchn_bind_ipi {
    u32 vcpu;
    evtchn_port_t port; /* out */
};

struct evtchn_bind_vcpu {
    evtchn_port_t port;
    u32 vcpu;
};

struct evtchn_unmask {
    evtchn_port_t port;
};

struct evtchn_reset {
    domid_t dom;
};

struct evtchn_init_control {
    u64 control_gfn;
    u32 offset;
    u32 vcpu;
    u8 link_bits; /* out */
    u8 pad[7];
};

struct evtchn_expand_array {
    u64 array_gfn;
};

struct evtchn_set_priority {
    evtchn_port_t port;
    u32 priority;
};

/* The one-argument hypercall of Xen 2 (event_channel_op_compat): command and structure in one. */
struct evtchn_op {
    u32 cmd;
    union {
        struct evtchn_bind_interdomain bind_interdomain;
        struct evtchn_bind_virq bind_virq;
        struct evtchn_bind_pirq bind_pirq;
        struct evtchn_close close;
        struct evtchn_send send;
        struct evtchn_status status;
        struct evtchn_alloc_unbound alloc_unbound;
        struct evtchn_bind_ipi bind_ipi;
        struct evtchn_bind_vcpu bind_vcpu;
        struct evtchn_unmask unmask;
    } u;
};

/* The FIFO ABI: a word per port, sixteen queues per vCPU. */
#define EVTCHN_FIFO_PENDING (1u << 31)
#define EVTCHN_FIFO_MASKED (1u << 30)
#define EVTCHN_FIFO_LINKED (1u << 29)
#define EVTCHN_FIFO_LINK_MASK ((1u << 17) - 1)
enum { EVTCHN_FIFO_PRIORITY_MAX = 0, EVTCHN_FIFO_PRIORITY_DEFAULT = 7, EVTCHN_FIFO_PRIORITY_MIN = 15 };

struct evtchn_fifo_control_block {
    u32 ready;
    u32 reserved;
    u32 head[16];
};

#endif
