/*
 * sched_op: giving up the processor, and what does not end the domain; what does is in endings.c
 * (common/sched/core.c).
 *
 * machine: vcpus=2
 */
#include "test.h"

#define MS 1000000ull

static evtchn_port_t port;

static void yield(void)
{
    expect_success(sched_op(SCHEDOP_yield, NULL), "nobody else is there");
    expect_success(sched_op(SCHEDOP_yield, UNMAPPED), "the argument does not matter");
}

static void block(void)
{
    struct evtchn_bind_ipi ipi = {.vcpu = 0};

    expect_success(event_channel_op(EVTCHNOP_bind_ipi, &ipi), "a port");
    port = ipi.port;
    unmask_port(port);
    struct evtchn_send send = {port};
    expect_success(event_channel_op(EVTCHNOP_send, &send), "an event that waits");
    expect_success(sched_op(SCHEDOP_block, NULL), "an event is there: no sleep");
    expect_equal(shared_info->vcpu_info[0].evtchn_upcall_mask, 0, "block enables events");
    expect_equal(events_taken[port], 1, "and the event came");
    disable_events();
    u64 start = now();
    expect_success(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), "the periodic timer");
    struct evtchn_bind_virq virq = {.virq = VIRQ_TIMER};
    expect_success(event_channel_op(EVTCHNOP_bind_virq, &virq), "the timer");
    unmask_port(virq.port);
    expect_success(set_timer_op(start + 5 * MS), "in 5 ms");
    expect_success(sched_op(SCHEDOP_block, NULL), "until then");
    expect_true(now() >= start + 5 * MS && now() < start + 6 * MS, "it slept as long");
    disable_events();
    struct evtchn_close close = {virq.port};
    event_channel_op(EVTCHNOP_close, &close);
}

static void poll(void)
{
    struct evtchn_alloc_unbound other = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct sched_poll op;
    u64 start;
    evtchn_port_t ports[2], many[129];

    expect_success(event_channel_op(EVTCHNOP_alloc_unbound, &other), "a port that stays quiet");
    ports[0] = other.port;
    ports[1] = port;
    mask_port(port);
    struct evtchn_send send = {port};
    expect_success(event_channel_op(EVTCHNOP_send, &send), "a masked port");
    op = (struct sched_poll){ports, 2, 0};
    expect_success(sched_op(SCHEDOP_poll, &op), "a pending port ends it at once, masked or not");
    expect_true(port_pending(port), "polling takes nothing");
    clear_port(port);
    start = now();
    op.timeout = start + 3 * MS;
    expect_success(sched_op(SCHEDOP_poll, &op), "nothing comes");
    expect_true(now() >= start + 3 * MS && now() < start + 4 * MS, "until the time is over");
    op.timeout = 1;
    expect_success(sched_op(SCHEDOP_poll, &op), "a time that is over");
    op = (struct sched_poll){NULL, 0, now() + MS};
    expect_success(sched_op(SCHEDOP_poll, &op), "no ports: a sleep");

    struct evtchn_close close = {other.port};
    expect_success(event_channel_op(EVTCHNOP_close, &close), "the quiet port");
    op = (struct sched_poll){ports, 2, now() + MS};
    expect_errno(sched_op(SCHEDOP_poll, &op), -EINVAL, "a closed port");
    ports[0] = 1000;
    expect_errno(sched_op(SCHEDOP_poll, &op), -EINVAL, "a port that never existed");
    ports[0] = port;
    ports[1] = 1000;
    expect_success(event_channel_op(EVTCHNOP_send, &send), "an event");
    expect_success(sched_op(SCHEDOP_poll, &op), "ports behind one that is pending are not looked at");
    clear_port(port);
    for (u32 i = 0; i < 129; i++)
        many[i] = port;
    op = (struct sched_poll){many, 128, now() + MS};
    expect_success(sched_op(SCHEDOP_poll, &op), "128 ports");
    op.nr_ports = 129;
    expect_errno(sched_op(SCHEDOP_poll, &op), -EINVAL, "129 ports");
    op = (struct sched_poll){UNMAPPED, 1, now() + MS};
    expect_errno(sched_op(SCHEDOP_poll, &op), -EFAULT, "unmapped list");
    expect_errno(sched_op(SCHEDOP_poll, UNMAPPED), -EFAULT, "unmapped structure");
}

/* Arguments that shutdown refuses; what it does is in endings.c. */
static void shutdown(void)
{
    expect_errno(sched_op(SCHEDOP_shutdown, UNMAPPED), -EFAULT, "unmapped structure");
    expect_errno(sched_op(SCHEDOP_shutdown, XEN_AREA), -EFAULT, "structure in Xen's area");
}

static void shutdown_code(void)
{
    expect_errno(sched_op(SCHEDOP_shutdown_code, UNMAPPED), -EFAULT, "unmapped structure");
}

static void remote_shutdown(void)
{
    struct sched_remote_shutdown op = {.domain_id = own_domid(), .reason = SHUTDOWN_crash};

    expect_errno(sched_op(SCHEDOP_remote_shutdown, &op), -EPERM, "not even of itself");
    op.domain_id = 0;
    expect_errno(sched_op(SCHEDOP_remote_shutdown, &op), -EPERM, "of dom0");
    op.domain_id = 77;
    expect_errno(sched_op(SCHEDOP_remote_shutdown, &op), -ESRCH, "of a domain that does not exist");
    op.domain_id = DOMID_SELF;
    expect_errno(sched_op(SCHEDOP_remote_shutdown, &op), -ESRCH, "DOMID_SELF is not translated here");
    expect_errno(sched_op(SCHEDOP_remote_shutdown, UNMAPPED), -EFAULT, "unmapped structure");
}

static void watchdog(void)
{
    struct sched_watchdog op = {.id = 0, .timeout = 30};

    expect_result(sched_op(SCHEDOP_watchdog, &op), 1, "the first");
    expect_result(sched_op(SCHEDOP_watchdog, &op), 2, "the second");
    expect_errno(sched_op(SCHEDOP_watchdog, &op), -ENOSPC, "there are two");
    op.id = 2;
    expect_success(sched_op(SCHEDOP_watchdog, &op), "rearming");
    op.timeout = 0;
    expect_success(sched_op(SCHEDOP_watchdog, &op), "stopping");
    expect_errno(sched_op(SCHEDOP_watchdog, &op), -EINVAL, "one that is not in use");
    op.id = 1;
    expect_success(sched_op(SCHEDOP_watchdog, &op), "stopping the other");
    op.id = 3;
    expect_errno(sched_op(SCHEDOP_watchdog, &op), -EINVAL, "one that cannot be");
    expect_errno(sched_op(SCHEDOP_watchdog, UNMAPPED), -EFAULT, "unmapped structure");
}

static void pin_override(void)
{
    struct sched_pin_override op = {.pcpu = 0};

    expect_errno(sched_op(SCHEDOP_pin_override, &op), -EPERM, "for dom0 only");
    expect_errno(sched_op(SCHEDOP_pin_override, UNMAPPED), -EPERM, "the structure is not looked at");
}

static void no_such_command(void)
{
    expect_errno(sched_op(8, NULL), -ENOSYS, "one past the last command");
    expect_errno(sched_op(0xffffffff, NULL), -ENOSYS, "command -1");
}

TEST("sched-op",
     {"SCHEDOP_yield", yield},
     {"SCHEDOP_block", block},
     {"SCHEDOP_poll", poll},
     {"SCHEDOP_shutdown", shutdown},
     {"SCHEDOP_shutdown_code", shutdown_code},
     {"SCHEDOP_remote_shutdown", remote_shutdown},
     {"SCHEDOP_watchdog", watchdog},
     {"SCHEDOP_pin_override", pin_override},
     {"sched_op", no_such_command});
