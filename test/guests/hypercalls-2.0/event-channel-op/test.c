/* event_channel_op: ports of one domain (common/event_channel.c). Two domains are in pair.c. */
#include "test.h"

static struct evtchn_op op;

static long call(u32 command)
{
    op.cmd = command;
    return event_channel_op(&op);
}

static long bind_interdomain(domid_t dom1, domid_t dom2, int port1, int port2)
{
    op.u.bind_interdomain.dom1 = dom1;
    op.u.bind_interdomain.dom2 = dom2;
    op.u.bind_interdomain.port1 = port1;
    op.u.bind_interdomain.port2 = port2;
    return call(EVTCHNOP_bind_interdomain);
}

static long bind_virq(u32 virq)
{
    op.u.bind_virq.virq = virq;
    op.u.bind_virq.port = -1;
    return call(EVTCHNOP_bind_virq);
}

static long close_port(int port)
{
    op.u.close.dom = DOMID_SELF;
    op.u.close.port = port;
    return call(EVTCHNOP_close);
}

static long status(domid_t domid, int port)
{
    op.u.status.dom = domid;
    op.u.status.port = port;
    return call(EVTCHNOP_status);
}

static long send(int port)
{
    op.u.send.local_port = port;
    return call(EVTCHNOP_send);
}

static int alloc(domid_t domid)
{
    op.u.alloc_unbound.dom = domid;
    op.u.alloc_unbound.port = -1;
    expect_success(call(EVTCHNOP_alloc_unbound), "a port");
    return op.u.alloc_unbound.port;
}

static void test_alloc(void)
{
    int port = alloc(77), next = alloc(DOMID_SELF);

    expect_true(port > 0, "it has a number");
    expect_true(next == port + 1, "the next one has the next");
    expect_success(status(DOMID_SELF, port), "its state");
    expect_equal(op.u.status.status, EVTCHNSTAT_unbound, "unbound");
    expect_equal(op.u.status.u.dom, 77, "for whom, who need not exist");
    expect_success(close_port(port), "closed");
    expect_true(alloc(77) == port, "the first free one is taken");
    expect_success(close_port(port), "closed");
    expect_success(close_port(next), "closed");
}

static void test_interdomain(void)
{
    expect_success(bind_interdomain(DOMID_SELF, DOMID_SELF, 0, 0), "two ports of one domain");
    int near = op.u.bind_interdomain.port1, far = op.u.bind_interdomain.port2;
    expect_true(near != far, "are two");
    expect_success(status(DOMID_SELF, near), "the state of one");
    expect_equal(op.u.status.status, EVTCHNSTAT_interdomain, "bound");
    expect_equal(op.u.status.u.interdomain.dom, own_domid(), "to this domain");
    expect_equal(op.u.status.u.interdomain.port, far, "to the other port");
    expect_success(bind_interdomain(DOMID_SELF, DOMID_SELF, near, far), "the same again");
    expect_equal(op.u.bind_interdomain.port1, near, "the same port");
    expect_success(bind_interdomain(DOMID_SELF, DOMID_SELF, near, 0), "the other end of a bound port");
    expect_equal(op.u.bind_interdomain.port2, far, "is told");
    int third = alloc(own_domid());
    expect_errno(bind_interdomain(DOMID_SELF, DOMID_SELF, near, third), -EINVAL, "a bound port to a third");
    expect_success(bind_interdomain(DOMID_SELF, DOMID_SELF, 0, third), "a new port to an unbound one");
    int fourth = op.u.bind_interdomain.port1;
    expect_errno(bind_interdomain(DOMID_SELF, DOMID_SELF, -1, 0), -EINVAL, "a negative port");
    expect_errno(bind_interdomain(DOMID_SELF, DOMID_SELF, 0, 5000), -EINVAL, "a port beyond the table");
    expect_errno(bind_interdomain(0, DOMID_SELF, 0, 0), -EPERM, "for dom0");
    expect_errno(bind_interdomain(own_domid(), DOMID_SELF, 0, 0), -EPERM, "for itself, by number");
    expect_errno(bind_interdomain(DOMID_SELF, 77, 0, 0), -ESRCH, "to nobody");
    expect_success(close_port(near), "one end closed");
    expect_success(status(DOMID_SELF, far), "the other end");
    expect_equal(op.u.status.status, EVTCHNSTAT_unbound, "is unbound");
    expect_success(close_port(far), "closed");
    expect_success(close_port(third), "closed");
    expect_success(close_port(fourth), "closed");
    expect_errno(event_channel_op((struct evtchn_op *)UNMAPPED), -EFAULT, "unmapped argument");
    expect_errno(event_channel_op((struct evtchn_op *)XEN_AREA), -EFAULT, "argument in Xen's area");
}

static void test_virq(void)
{
    expect_success(bind_virq(VIRQ_DEBUG), "one");
    int port = op.u.bind_virq.port;
    expect_success(bind_virq(VIRQ_DEBUG), "the same again");
    expect_equal(op.u.bind_virq.port, port, "the same port");
    expect_success(status(DOMID_SELF, port), "its state");
    expect_equal(op.u.status.status, EVTCHNSTAT_virq, "bound to a virtual interrupt");
    expect_equal(op.u.status.u.irq, VIRQ_DEBUG, "to this one");
    expect_success(bind_virq(VIRQ_MISDIRECT), "the one for all that is not bound");
    expect_equal(op.u.bind_virq.port, 0, "has port 0");
    expect_success(bind_virq(VIRQ_CONSOLE), "those that dom0 gets may be bound");
    int console = op.u.bind_virq.port;
    expect_errno(bind_virq(NR_VIRQS), -EINVAL, "one that does not exist");
    expect_errno(bind_virq(0xffffffff), -EINVAL, "number -1");
    expect_success(close_port(port), "closed");
    expect_success(close_port(console), "closed");
    expect_success(status(DOMID_SELF, port), "its state");
    expect_equal(op.u.status.status, EVTCHNSTAT_closed, "closed");
}

static void test_pirq(void)
{
    op.u.bind_pirq.pirq = 5;
    op.u.bind_pirq.flags = 0;
    expect_errno(call(EVTCHNOP_bind_pirq), -EPERM, "interrupts of devices are for who has devices");
    op.u.bind_pirq.pirq = 100000;
    expect_errno(call(EVTCHNOP_bind_pirq), -EINVAL, "an interrupt that does not exist");
}

static void test_close(void)
{
    expect_errno(close_port(0), -EINVAL, "port 0 is never closed");
    expect_errno(close_port(-1), -EINVAL, "a negative port");
    expect_errno(close_port(5000), -EINVAL, "beyond the table");
    int port = alloc(0);
    expect_success(close_port(port), "an unbound one");
    expect_errno(close_port(port), -EINVAL, "twice");
    op.u.close.dom = 0;
    op.u.close.port = 1;
    expect_errno(call(EVTCHNOP_close), -EPERM, "dom0's");
    op.u.close.dom = own_domid();
    expect_errno(call(EVTCHNOP_close), -EPERM, "its own, by number");
}

static void test_send(void)
{
    int port = alloc(0);

    expect_errno(send(port), -EINVAL, "an unbound one");
    expect_errno(send(0), -EINVAL, "port 0");
    expect_errno(send(-1), -EINVAL, "a negative port");
    expect_errno(send(5000), -EINVAL, "beyond the table");
    expect_success(close_port(port), "closed");
    expect_errno(send(port), -EINVAL, "a closed one");
    expect_success(bind_interdomain(DOMID_SELF, DOMID_SELF, 0, 0), "a channel to oneself");
    int near = op.u.bind_interdomain.port1, far = op.u.bind_interdomain.port2;
    /* Ticks of the timer, which nobody has bound, come to port 0. */
    mask_port(0);
    mask_port((u32)far);
    shared_info->evtchn_pending_sel = 0;
    expect_success(send(near), "while the other end is masked");
    expect_true(port_pending((u32)far), "it is pending");
    expect_true(!(shared_info->evtchn_pending_sel >> far / 32 & 1), "and nobody is told");
    clear_port((u32)far);
    unmask_port((u32)far);
    unmask_port(0);
    u32 before = events_taken[far];
    enable_events();
    expect_success(send(near), "while it is not");
    expect_equal(events_taken[far], before + 1, "it came");
    disable_events();
    expect_success(close_port(near), "closed");
    expect_success(close_port(far), "closed");
}

static void test_status(void)
{
    expect_success(status(DOMID_SELF, 0), "port 0");
    expect_equal(op.u.status.status, EVTCHNSTAT_virq, "a virtual interrupt");
    expect_equal(op.u.status.u.irq, VIRQ_MISDIRECT, "the one for all that is not bound");
    expect_success(status(DOMID_SELF, start_info->domain_controller_evtchn), "the controller's");
    expect_equal(op.u.status.status, EVTCHNSTAT_interdomain, "bound");
    expect_equal(op.u.status.u.interdomain.dom, 0, "to dom0");
    expect_errno(status(DOMID_SELF, -1), -EINVAL, "a negative port");
    expect_errno(status(DOMID_SELF, 5000), -EINVAL, "beyond the table");
    expect_errno(status(0, 1), -EPERM, "dom0's");
    expect_errno(status(77, 1), -EPERM, "nobody's");
}

/* The table grows from 16 ports by doubling, and ends at 1024. */
static void many(void)
{
    int first = alloc(0), last = first;

    op.u.alloc_unbound.dom = 0;
    while (!call(EVTCHNOP_alloc_unbound))
        last = op.u.alloc_unbound.port;
    expect_errno(call(EVTCHNOP_alloc_unbound), -ENOSPC, "no more");
    expect_equal(last, 1023, "the last port");
    for (int port = first; port <= last; port++)
        close_port(port);
}

static void unknown(void)
{
    expect_errno(call(7), -ENOSYS, "a command that does not exist");
    expect_errno(call(0xffffffff), -ENOSYS, "command -1");
}

TEST("event-channel-op", {"EVTCHNOP_alloc_unbound", test_alloc}, {"EVTCHNOP_bind_interdomain", test_interdomain},
     {"EVTCHNOP_bind_virq", test_virq}, {"EVTCHNOP_bind_pirq", test_pirq}, {"EVTCHNOP_close", test_close},
     {"EVTCHNOP_send", test_send}, {"EVTCHNOP_status", test_status}, {"EVTCHNOP_alloc_unbound", many},
     {"event_channel_op", unknown});
