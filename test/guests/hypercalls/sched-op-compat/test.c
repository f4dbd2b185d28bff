/* sched_op_compat: the form of Xen 2, whose arguments are values (arch/x86/compat.c). */
#include "test.h"

static void yield(void)
{
    expect_success(sched_op_compat(SCHEDOP_yield, 0), "nobody else is there");
}

static void block(void)
{
    struct evtchn_bind_ipi ipi = {.vcpu = 0};

    expect_success(event_channel_op(EVTCHNOP_bind_ipi, &ipi), "a port");
    unmask_port(ipi.port);
    struct evtchn_send send = {ipi.port};
    expect_success(event_channel_op(EVTCHNOP_send, &send), "an event that waits");
    expect_success(sched_op_compat(SCHEDOP_block, 0), "no sleep");
    expect_equal(events_taken[ipi.port], 1, "the event came");
    disable_events();
    expect_errno(sched_op_compat(3, 0), -ENOSYS, "newer commands");
    expect_errno(sched_op_compat(0xffffffff, 0), -ENOSYS, "command -1");
}

TEST("sched-op-compat", {"SCHEDOP_yield", yield}, {"SCHEDOP_block", block});
