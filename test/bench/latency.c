/*
 * What crossing into Xen costs, as a paravirtualised guest: "null" makes hypercalls that do nothing but answer,
 * "ping" sends events to a port of its own, each of which enters the event callback. Linked with the minimal guest's
 * start.S and traps.c; the runner divides the time of --json by OPERATIONS.
 */
#include "../guests/minimal/sample.h"

enum { XENVER_version = 0, EVTCHNOP_bind_interdomain = 0, EVTCHNOP_alloc_unbound = 6 };

struct evtchn_alloc_unbound {
    unsigned short dom, remote_dom;
    u32 port;
};

struct evtchn_bind_interdomain {
    unsigned short remote_dom;
    u32 remote_port;
    u32 local_port;
};

struct start_info *start_info;
struct shared_info *shared_info;
extern char shared_info_page[];
static u64 pongs;

/* The event callback of traps.c calls this for every port but the console's. */
void timer_tick(void)
{
    pongs++;
}

static void null_calls(void)
{
    for (u64 i = 0; i < OPERATIONS; i++)
        hypercall(HYPERCALL_xen_version, XENVER_version, 0, 0, 0);
}

static void ping_pong(void)
{
    struct evtchn_alloc_unbound from = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct evtchn_bind_interdomain to = {.remote_dom = DOMID_SELF};

    hypercall(HYPERCALL_event_channel_op, EVTCHNOP_alloc_unbound, (u64)&from, 0, 0);
    to.remote_port = from.port;
    hypercall(HYPERCALL_event_channel_op, EVTCHNOP_bind_interdomain, (u64)&to, 0, 0);
    shared_info->evtchn_mask[0] &= ~(1UL << from.port);
    shared_info->vcpu_info[0].evtchn_upcall_mask = 0;
    while (pongs < OPERATIONS)
        hypercall(HYPERCALL_event_channel_op, EVTCHNOP_send, (u64)&to.local_port, 0, 0);
}

void main(void)
{
    hypercall(HYPERCALL_update_va_mapping, (u64)shared_info_page, start_info->shared_info | 7, UVMF_INVLPG, 0);
    shared_info = (struct shared_info *)shared_info_page;
    console_init();
    traps_init();
    if (start_info->cmd_line[0] == 'n')
        null_calls();
    else
        ping_pong();
    print("LATENCY-DONE\n");
    u32 reason = SHUTDOWN_poweroff;
    hypercall(HYPERCALL_sched_op, SCHEDOP_shutdown, (u64)&reason, 0, 0);
}
