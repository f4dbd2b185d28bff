/* set_callbacks: where events and selectors that cannot be loaded are brought to (arch/x86/traps.c). */
#include "test.h"

static void selectors(void)
{
    expect_errno(set_callbacks(0x0808, event_entry, FLAT_RING1_CS, failsafe_entry), -EPERM, "Xen's code segment");
    expect_errno(set_callbacks(FLAT_RING1_CS, event_entry, 0x0818, failsafe_entry), -EPERM, "ring 0");
    expect_errno(set_callbacks(FLAT_RING1_DS, event_entry, FLAT_RING1_CS, failsafe_entry), -EPERM,
                 "a reserved descriptor that is not the flat code segment");
    expect_errno(set_callbacks(0, event_entry, FLAT_RING1_CS, failsafe_entry), -EPERM, "none");
    /* The first page of the table has no entry 5, but a domain may announce what it will have. */
    expect_success(set_callbacks(5 << 3 | 1, event_entry, FLAT_RING1_CS, failsafe_entry), "an own descriptor");
    traps_restore();
}

static void events(void)
{
    struct evtchn_op op = {.cmd = EVTCHNOP_bind_interdomain, .u.bind_interdomain = {DOMID_SELF, DOMID_SELF, 0, 0}};

    expect_success(event_channel_op(&op), "a channel to oneself");
    u32 near = (u32)op.u.bind_interdomain.port1, far = (u32)op.u.bind_interdomain.port2;
    struct evtchn_op send = {.cmd = EVTCHNOP_send, .u.send = {(int)near}};
    u32 before = events_taken[far], upcalls = upcalls_taken;

    expect_success(event_channel_op(&send), "sent while events are masked");
    expect_equal(upcalls_taken, upcalls, "nothing comes");
    enable_events();
    expect_equal(events_taken[far], before + 1, "it comes when they are not");
    expect_success(event_channel_op(&send), "sent");
    expect_equal(events_taken[far], before + 2, "it comes at once");
    disable_events();
}

TEST("set-callbacks", {"set_callbacks", selectors}, {"set_callbacks", events});
