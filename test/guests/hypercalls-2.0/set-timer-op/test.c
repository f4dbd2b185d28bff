/* set_timer_op: VIRQ_TIMER once, at a system time; high word first (common/schedule.c). */
#include "test.h"

#define MS 1000000ull
static u32 port;

/* Sleeps until the time, and tells when the first event of the timer's port came; 0: none did. */
static u64 first_event(u64 until)
{
    u32 before = events_taken[port];

    /* The tick that comes whenever a domain is scheduled in would hide the timer. */
    while (now() < until) {
        sched_op(SCHEDOP_block);
        if (events_taken[port] != before)
            return now();
    }
    return 0;
}

static void bind(void)
{
    struct evtchn_op op = {.cmd = EVTCHNOP_bind_virq, .u.bind_virq = {VIRQ_TIMER, 0}};

    expect_success(event_channel_op(&op), "the timer's port");
    port = (u32)op.u.bind_virq.port;
}

static void timer(void)
{
    bind();
    u64 start = now();
    expect_success(set_timer_op(start + 7 * MS), "in 7 ms");
    u64 came = first_event(start + 20 * MS);
    expect_true(came >= start + 7 * MS, "not early");
    expect_true(came < start + 9 * MS, "nor late");
    start = now();
    expect_success(set_timer_op(start + 7 * MS), "in 7 ms");
    expect_success(set_timer_op(start + 12 * MS), "no, in 12 ms");
    came = first_event(start + 30 * MS);
    expect_true(came >= start + 12 * MS, "the last one counts");
    expect_true(came < start + 14 * MS, "nor late");
    expect_success(set_timer_op(0x100000000ull * 1000), "far away: the first argument is the high word");
    expect_success(set_timer_op(0), "none");
    start = now();
    expect_success(set_timer_op(1), "a time that is over");
    came = first_event(start + 10 * MS);
    expect_true(came != 0 && came < start + 2 * MS, "comes at once");
    disable_events();
}

/* Who runs gets a tick every 10 ms without asking. */
static void ticks(void)
{
    u64 start = now();
    u32 before = events_taken[port];

    enable_events();
    while (now() < start + 55 * MS)
        ;
    expect_true(events_taken[port] - before >= 4, "at least four in 55 ms");
    expect_true(events_taken[port] - before <= 7, "and not many more");
    disable_events();
}

TEST("set-timer-op", {"set_timer_op", timer}, {"set_timer_op", ticks});
