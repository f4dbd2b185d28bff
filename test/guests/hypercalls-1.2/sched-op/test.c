/* sched_op: sleeps until an event (common/schedule.c). The endings are in ending.c. */
#include "test.h"

#define MS 1000000ull

/* Yield is what later interfaces call block: it comes back with an event that is switched on. */
static void yield(void)
{
    enable_events(EVENT_TIMER);
    u64 start = now();
    u32 before = events_taken[1];
    while (events_taken[1] == before)
        expect_success(sched_op(SCHEDOP_yield), "sleeps");
    expect_true(now() - start <= 21 * MS, "until the next tick of 20 ms");
    disable_events();
}

static void unknown(void)
{
    expect_errno(sched_op(3), -ENOSYS, "a command that does not exist");
    expect_errno(sched_op(0x100), -ENOSYS, "one of later interfaces");
}

TEST("sched-op", {"SCHEDOP_yield", yield}, {"sched_op", unknown});
