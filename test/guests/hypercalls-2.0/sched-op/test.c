/* sched_op: yields, sleeps (common/schedule.c). The endings are in shutdown.c. */
#include "test.h"

#define MS 1000000ull

static void yield(void)
{
    expect_success(sched_op(SCHEDOP_yield), "yield");
    expect_success(sched_op(SCHEDOP_yield | 0x100), "with a reason that means nothing here");
}

static void block(void)
{
    struct evtchn_op bind = {.cmd = EVTCHNOP_bind_virq, .u.bind_virq = {VIRQ_TIMER, 0}};

    expect_success(event_channel_op(&bind), "the timer's port");
    u32 port = (u32)bind.u.bind_virq.port;
    disable_events();
    u64 start = now();
    u32 before = events_taken[port];
    expect_success(set_timer_op(start + 5 * MS), "in 5 ms");
    /* Ticks come to who runs; who sleeps is woken by its timer. */
    while (now() < start + 5 * MS)
        expect_success(sched_op(SCHEDOP_block), "sleeps");
    expect_true(now() < start + 8 * MS, "not for long");
    expect_true(events_taken[port] > before, "woken by the timer");
    expect_equal(shared_info->evtchn_upcall_mask, 0, "events are unmasked");
    disable_events();
    bind.cmd = EVTCHNOP_close;
    bind.u.close.dom = DOMID_SELF;
    bind.u.close.port = (int)port;
    expect_success(event_channel_op(&bind), "closed");
}

static void unknown(void)
{
    expect_errno(sched_op(3), -ENOSYS, "a command that does not exist");
    expect_errno(sched_op(255), -ENOSYS, "the last number");
}

TEST("sched-op", {"SCHEDOP_yield", yield}, {"SCHEDOP_block", block}, {"sched_op", unknown});
