/*
 * A channel between two domains: one offers a port, the other binds to it, both ring (common/event_channel.c).
 * machine: domains=2
 */
#include "test.h"

/* Ports are given out in order: the first free one is the same in both domains. */
static int offer(domid_t domid)
{
    struct evtchn_op op = {.cmd = EVTCHNOP_alloc_unbound, .u.alloc_unbound = {domid, 0}};

    expect_success(event_channel_op(&op), "a port for the other");
    return op.u.alloc_unbound.port;
}

static void wait_for(u32 port, u32 count)
{
    for (u32 turn = 0; turn < 100000 && events_taken[port] < count; turn++)
        sched_op(SCHEDOP_yield);
    expect_true(events_taken[port] >= count, "the other rings");
}

static void ring(int port)
{
    struct evtchn_op send = {.cmd = EVTCHNOP_send, .u.send = {port}};

    expect_success(event_channel_op(&send), "rings");
}

static void pair(void)
{
    int offered = offer(peer_domid());

    enable_events();
    if (is_second()) {
        struct evtchn_op op = {.cmd = EVTCHNOP_bind_interdomain,
                               .u.bind_interdomain = {DOMID_SELF, peer_domid(), 0, offered}};
        long result = -EPERM;
        /* Until the other has offered it, a free port of its is not for this one to take. */
        for (u32 turn = 0; turn < 100000 && result; turn++) {
            op.u.bind_interdomain.port1 = 0;
            op.u.bind_interdomain.port2 = offered;
            result = event_channel_op(&op);
            if (result)
                sched_op(SCHEDOP_yield);
        }
        expect_success(result, "bound to what the other offers");
        int port = op.u.bind_interdomain.port1;
        op.u.bind_interdomain.port1 = 0;
        op.u.bind_interdomain.port2 = 0;
        expect_errno(event_channel_op(&op), -EPERM, "a free port of the other's");
        ring(port);
        wait_for((u32)port, 1);
    } else {
        wait_for((u32)offered, 1);
        struct evtchn_op status = {.cmd = EVTCHNOP_status, .u.status = {.dom = DOMID_SELF, .port = offered}};
        expect_success(event_channel_op(&status), "its state");
        expect_equal(status.u.status.status, EVTCHNSTAT_interdomain, "bound");
        expect_equal(status.u.status.u.interdomain.dom, peer_domid(), "to the other");
        ring(offered);
    }
    disable_events();
}

TEST("event-channel-op/pair", {"EVTCHNOP_bind_interdomain", pair});
