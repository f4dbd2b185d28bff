/* set_timer_op: the one-shot timer of a vCPU; a time in nanoseconds since boot, 0 to stop (common/sched/core.c). */
#include "test.h"

#define MS 1000000ull

static evtchn_port_t port;

/* Whether the timer comes before a time; waits until then. */
static int fires_before(u64 time)
{
    struct sched_poll poll = {&port, 1, time};

    while (!port_pending(port) && now() < time)
        sched_op(SCHEDOP_poll, &poll);
    int came = port_pending(port);
    clear_port(port);
    return came;
}

static void timer(void)
{
    struct evtchn_bind_virq bind = {.virq = VIRQ_TIMER, .vcpu = 0};
    u64 start;

    expect_success(event_channel_op(EVTCHNOP_bind_virq, &bind), "the timer's port");
    port = bind.port;
    mask_port(port);
    /* A vCPU starts with a periodic timer, which comes by the same port. */
    expect_success(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), "the periodic timer");
    start = now();
    expect_success(set_timer_op(start + 10 * MS), "in 10 ms");
    expect_true(!fires_before(start + 9 * MS), "not before 9 ms");
    expect_success(set_timer_op(start + 10 * MS), "the same again");
    expect_true(fires_before(start + 11 * MS), "before 11 ms");
    expect_true(now() >= start + 10 * MS, "not early");
    expect_true(!fires_before(start + 40 * MS), "once");
    start = now();
    expect_success(set_timer_op(start + 10 * MS), "in 10 ms");
    expect_success(set_timer_op(start + 20 * MS), "no, in 20 ms");
    expect_true(!fires_before(start + 15 * MS), "the first is replaced");
    expect_true(fires_before(start + 21 * MS), "the second comes");
    start = now();
    expect_success(set_timer_op(start + 5 * MS), "in 5 ms");
    expect_success(set_timer_op(0), "stopped");
    expect_true(!fires_before(start + 20 * MS), "a stopped timer is silent");
    start = now();
    expect_success(set_timer_op(1), "a time that is over");
    expect_true(fires_before(start + 2 * MS), "comes at once");
}

/* Old Linux asked for such times when it had nothing to wait for, or something long due. Xen compromises on 100 ms. */
static void far_future(void)
{
    u64 start = now();

    expect_success(set_timer_op(start + (1ull << 51)), "in 26 days");
    expect_true(!fires_before(start + 99 * MS), "not before 99 ms");
    start = now();
    expect_success(set_timer_op(start + (1ull << 51)), "again");
    expect_true(fires_before(start + 102 * MS), "after 100 ms");
    start = now();
    expect_success(set_timer_op(1ull << 63), "a negative time");
    expect_true(!fires_before(start + 98 * MS), "likewise not at once");
    expect_success(set_timer_op(0), "stopped");
}

TEST("set-timer-op", {"set_timer_op", timer}, {"set_timer_op", far_future});
