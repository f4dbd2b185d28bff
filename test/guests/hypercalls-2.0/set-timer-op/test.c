/* set_timer_op: VIRQ_TIMER once, at a system time; high word first (common/schedule.c). */
#include "test.h"

#define MS 1000000ull
static u32 port;

/* Sets the timer and sleeps; answers when the next event of its port came. Who sleeps gets no ticks. */
static u64 comes(u64 first, u64 second)
{
    disable_events();
    u32 before = events_taken[port];

    expect_success(set_timer_op(first), "set");
    if (second)
        expect_success(set_timer_op(second), "set again");
    while (events_taken[port] == before)
        sched_op(SCHEDOP_block);
    return now();
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
    u64 came = comes(start + 7 * MS, 0);
    expect_true(came >= start + 7 * MS, "in 7 ms, not early");
    expect_true(came < start + 9 * MS, "nor late");
    start = now();
    came = comes(start + 7 * MS, start + 12 * MS);
    expect_true(came >= start + 12 * MS, "in 7 ms, no, in 12 ms: the last one counts");
    expect_true(came < start + 14 * MS, "nor late");
    expect_success(set_timer_op(0x100000000ull * 1000), "far away: the first argument is the high word");
    expect_success(set_timer_op(0), "none");
    start = now();
    expect_true(comes(1, 0) < start + 2 * MS, "a time that is over comes at once");
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
