/*
 * event_channel_op between two domains.
 *
 * machine: domains=2
 */
#include "pair.h"

static evtchn_port_t port;

static struct evtchn_status status_of(evtchn_port_t at)
{
    struct evtchn_status op = {.dom = DOMID_SELF, .port = at};

    expect_success(event_channel_op(EVTCHNOP_status, &op), "status of an own port");
    return op;
}

/* The first domain offers a port to the second, which binds to it. */
static void connect(void)
{
    struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = peer_domid()};

    pair_connect();
    if (!is_second()) {
        expect_success(event_channel_op(EVTCHNOP_alloc_unbound, &alloc), "a port for the other domain");
        port = told->words[0] = alloc.port;
        struct evtchn_bind_interdomain own = {.remote_dom = DOMID_SELF, .remote_port = port};
        expect_errno(event_channel_op(EVTCHNOP_bind_interdomain, &own), -EINVAL, "it is not for this domain");
    }
    meet();
    if (is_second()) {
        struct evtchn_bind_interdomain bind = {.remote_dom = peer_domid(), .remote_port = heard->words[0]};
        expect_success(event_channel_op(EVTCHNOP_bind_interdomain, &bind), "to the offered port");
        port = bind.local_port;
        expect_true(port_pending(port), "an event is made up, in case one was lost");
        expect_errno(event_channel_op(EVTCHNOP_bind_interdomain, &bind), -EINVAL, "twice");
        bind.remote_port = 1000;
        expect_errno(event_channel_op(EVTCHNOP_bind_interdomain, &bind), -EINVAL, "to a port that does not exist");
        clear_port(port);
        told->words[0] = port;
    }
    meet();
    expect_equal(status_of(port).status, EVTCHNSTAT_interdomain, "both ends are connected");
    expect_equal(status_of(port).u.interdomain.dom, peer_domid(), "to the other domain");
    expect_equal(status_of(port).u.interdomain.port, heard->words[0], "to its port");
}

static void foreign(void)
{
    struct evtchn_alloc_unbound alloc = {.dom = peer_domid(), .remote_dom = DOMID_SELF};
    struct evtchn_status status = {.dom = peer_domid(), .port = heard->words[0]};
    struct evtchn_reset reset = {.dom = peer_domid()};

    expect_errno(event_channel_op(EVTCHNOP_alloc_unbound, &alloc), -EPERM, "a port of the other domain");
    expect_errno(event_channel_op(EVTCHNOP_status, &status), -EPERM, "its ports' status");
    expect_errno(event_channel_op(EVTCHNOP_reset, &reset), -EPERM, "its reset");
}

/* A ball that goes to and fro: each sleeps until it comes. */
static void ping_pong(void)
{
    struct evtchn_send send = {port};

    for (u32 round = 0; round < 10; round++) {
        if (is_second() == (int)(round & 1)) {
            expect_success(event_channel_op(EVTCHNOP_send, &send), "to the other domain");
        } else {
            struct sched_poll poll = {&port, 1, 0};
            expect_success(sched_op(SCHEDOP_poll, &poll), "until it comes");
            expect_true(port_pending(port), "it came");
            clear_port(port);
        }
    }
    meet();
    expect_true(!port_pending(port), "none is left");
}

static void upcall(void)
{
    if (is_second()) {
        unmask_port(port);
        events_taken[port] = 0;
        enable_events();
    }
    meet();
    if (!is_second()) {
        struct evtchn_send send = {port};
        expect_success(event_channel_op(EVTCHNOP_send, &send), "an event");
    }
    meet();
    if (is_second()) {
        expect_equal(events_taken[port], 1, "the upcall took it");
        disable_events();
    }
    meet();
}

static void close_one(void)
{
    struct evtchn_close close = {port};
    struct evtchn_send send = {port};

    if (!is_second())
        expect_success(event_channel_op(EVTCHNOP_close, &close), "the offering end");
    meet();
    if (is_second()) {
        expect_equal(status_of(port).status, EVTCHNSTAT_unbound, "the other end waits for somebody to bind");
        expect_equal(status_of(port).u.unbound.dom, peer_domid(), "from that domain");
        expect_success(event_channel_op(EVTCHNOP_send, &send), "sending to nobody");
        expect_success(event_channel_op(EVTCHNOP_close, &close), "the other end");
    }
    pair_disconnect();
}

TEST("event-channel-op/pair",
     {"EVTCHNOP_bind_interdomain", connect},
     {"EVTCHNOP_status", foreign},
     {"EVTCHNOP_send", ping_pong},
     {"EVTCHNOP_send", upcall},
     {"EVTCHNOP_close", close_one});
