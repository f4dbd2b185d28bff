/*
 * event_channel_op: ports of one domain, two-level ABI; the FIFO ABI is in fifo.c, two domains are in pair.c.
 * What Xen answers is in its common/event_channel.c.
 *
 * machine: vcpus=2
 */
#include "test.h"

#define NO_DOMAIN 77
#define NO_PORT 1000 /* below the limit, never allocated */

static evtchn_port_t allocate(void)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};

    expect_success(event_channel_op(EVTCHNOP_alloc_unbound, &op), "a port for the domain itself");
    return op.port;
}

static void close(evtchn_port_t port)
{
    struct evtchn_close op = {port};
    expect_success(event_channel_op(EVTCHNOP_close, &op), "closing what was opened");
}

static struct evtchn_status status_of(evtchn_port_t port)
{
    struct evtchn_status op = {.dom = DOMID_SELF, .port = port};

    expect_success(event_channel_op(EVTCHNOP_status, &op), "status of an own port");
    return op;
}

static void alloc_unbound(void)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = NO_DOMAIN};
    struct evtchn_alloc_unbound own = {.dom = own_domid(), .remote_dom = DOMID_SELF};
    evtchn_port_t first;

    expect_success(event_channel_op(EVTCHNOP_alloc_unbound, &op), "for a domain that does not exist yet");
    first = op.port;
    expect_true(first > start_info->console_evtchn && first > start_info->store_evtchn, "the port is a new one");
    expect_equal(status_of(first).u.unbound.dom, NO_DOMAIN, "who may bind");
    expect_success(event_channel_op(EVTCHNOP_alloc_unbound, &own), "with the domain's own number for DOMID_SELF");
    expect_equal(own.port, first + 1, "the next free port");
    expect_equal(status_of(own.port).u.unbound.dom, own_domid(), "DOMID_SELF is translated");
    close(first);
    expect_success(event_channel_op(EVTCHNOP_alloc_unbound, &op), "after a close");
    expect_equal(op.port, first, "the lowest free port is used again");
    close(first);
    close(own.port);
    op.dom = NO_DOMAIN;
    expect_errno(event_channel_op(EVTCHNOP_alloc_unbound, &op), -ESRCH, "for a domain that does not exist");
    op.dom = 0;
    expect_errno(event_channel_op(EVTCHNOP_alloc_unbound, &op), -EPERM, "a port of dom0");
    expect_errno(event_channel_op(EVTCHNOP_alloc_unbound, UNMAPPED), -EFAULT, "unmapped structure");
    expect_errno(event_channel_op(EVTCHNOP_alloc_unbound, XEN_AREA), -EFAULT, "structure in Xen's area");
}

static void exhaust(void)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct evtchn_bind_ipi ipi = {.vcpu = 0};
    struct evtchn_bind_virq virq = {.virq = VIRQ_DEBUG};
    evtchn_port_t first = 0;
    long result;

    while (!(result = event_channel_op(EVTCHNOP_alloc_unbound, &op)))
        first = first ? first : op.port;
    expect_errno(result, -ENOSPC, "all ports are in use");
    expect_equal(op.port, 1023, "the toolstack's limit, max_event_channels");
    expect_errno(event_channel_op(EVTCHNOP_bind_ipi, &ipi), -ENOSPC, "no port for an IPI");
    expect_errno(event_channel_op(EVTCHNOP_bind_virq, &virq), -ENOSPC, "no port for a VIRQ");
    for (evtchn_port_t port = first; port <= 1023; port++) {
        struct evtchn_close one = {port};
        if (event_channel_op(EVTCHNOP_close, &one))
            expect_equal(port, 0, "closing this port fails");
    }
}

/* The domain is its own peer. */
static void bind_interdomain(void)
{
    evtchn_port_t far = allocate();
    struct evtchn_bind_interdomain op = {.remote_dom = DOMID_SELF, .remote_port = far};
    struct evtchn_send send;
    struct evtchn_alloc_unbound other = {.dom = DOMID_SELF, .remote_dom = NO_DOMAIN};

    expect_success(event_channel_op(EVTCHNOP_bind_interdomain, &op), "to a port that waits for us");
    expect_true(op.local_port != far && op.local_port != 0, "the local port is a new one");
    expect_true(port_pending(op.local_port), "an event may have been lost before the bind, so one is made up");
    clear_port(op.local_port);
    expect_equal(status_of(far).status, EVTCHNSTAT_interdomain, "state of the far end");
    expect_equal(status_of(far).u.interdomain.port, op.local_port, "the far end knows its peer");
    expect_equal(status_of(op.local_port).u.interdomain.port, far, "the near end knows its peer");
    expect_equal(status_of(op.local_port).u.interdomain.dom, own_domid(), "the peer's domain");
    send.port = op.local_port;
    expect_success(event_channel_op(EVTCHNOP_send, &send), "to the far end");
    expect_true(port_pending(far) && !port_pending(op.local_port), "the far end is pending, and only that");
    clear_port(far);
    send.port = far;
    expect_success(event_channel_op(EVTCHNOP_send, &send), "back");
    expect_true(port_pending(op.local_port), "both directions work");
    clear_port(op.local_port);

    struct evtchn_bind_interdomain again = {.remote_dom = DOMID_SELF, .remote_port = far};
    expect_errno(event_channel_op(EVTCHNOP_bind_interdomain, &again), -EINVAL, "to a port that is bound");
    close(op.local_port);
    expect_equal(status_of(far).status, EVTCHNSTAT_unbound, "the far end waits again when its peer closes");
    expect_equal(status_of(far).u.unbound.dom, own_domid(), "for the same domain");
    expect_success(event_channel_op(EVTCHNOP_bind_interdomain, &again), "to a port that waits again");
    close(far);
    expect_equal(status_of(again.local_port).status, EVTCHNSTAT_unbound, "the other end, likewise");
    close(again.local_port);

    again.remote_port = NO_PORT;
    expect_errno(event_channel_op(EVTCHNOP_bind_interdomain, &again), -EINVAL, "to a port that never existed");
    again.remote_port = far;
    expect_errno(event_channel_op(EVTCHNOP_bind_interdomain, &again), -EINVAL, "to a closed port");
    again.remote_port = 0;
    expect_errno(event_channel_op(EVTCHNOP_bind_interdomain, &again), -EINVAL, "to port 0");
    again.remote_dom = NO_DOMAIN;
    expect_errno(event_channel_op(EVTCHNOP_bind_interdomain, &again), -ESRCH, "to a domain that does not exist");
    expect_success(event_channel_op(EVTCHNOP_alloc_unbound, &other), "for another domain");
    again.remote_dom = DOMID_SELF;
    again.remote_port = other.port;
    expect_errno(event_channel_op(EVTCHNOP_bind_interdomain, &again), -EINVAL, "to a port that waits for another domain");
    close(other.port);
    expect_errno(event_channel_op(EVTCHNOP_bind_interdomain, UNMAPPED), -EFAULT, "unmapped structure");
}

static void bind_virq(void)
{
    struct evtchn_bind_virq op = {.virq = VIRQ_TIMER, .vcpu = 0};
    struct evtchn_bind_virq second = {.virq = VIRQ_TIMER, .vcpu = 1};
    struct evtchn_status status;

    expect_success(event_channel_op(EVTCHNOP_bind_virq, &op), "the timer of vCPU 0");
    status = status_of(op.port);
    expect_equal(status.status, EVTCHNSTAT_virq, "state");
    expect_equal(status.u.virq, VIRQ_TIMER, "which VIRQ");
    expect_equal(status.vcpu, 0, "its vCPU");
    expect_success(event_channel_op(EVTCHNOP_bind_virq, &second), "the timer of vCPU 1 is another");
    expect_equal(status_of(second.port).vcpu, 1, "its vCPU");

    struct evtchn_bind_virq again = {.virq = VIRQ_TIMER, .vcpu = 0};
    expect_errno(event_channel_op(EVTCHNOP_bind_virq, &again), -EEXIST, "a VIRQ twice");
    close(op.port);
    expect_success(event_channel_op(EVTCHNOP_bind_virq, &again), "after a close");
    close(again.port);
    close(second.port);

    again.virq = NR_VIRQS;
    expect_errno(event_channel_op(EVTCHNOP_bind_virq, &again), -EINVAL, "one past the last VIRQ");
    again.virq = 0xffffffff;
    expect_errno(event_channel_op(EVTCHNOP_bind_virq, &again), -EINVAL, "VIRQ -1");
    again.virq = VIRQ_TIMER;
    again.vcpu = 2;
    expect_errno(event_channel_op(EVTCHNOP_bind_virq, &again), -ENOENT, "of a vCPU that does not exist");
    again.vcpu = 0xffffffff;
    expect_errno(event_channel_op(EVTCHNOP_bind_virq, &again), -ENOENT, "of vCPU -1");
    again.virq = VIRQ_CONSOLE;
    again.vcpu = 1;
    expect_errno(event_channel_op(EVTCHNOP_bind_virq, &again), -EINVAL, "a global VIRQ on another vCPU than 0");
    again.vcpu = 0;
    expect_success(event_channel_op(EVTCHNOP_bind_virq, &again), "a global VIRQ, though dom0 gets its events");
    close(again.port);
    expect_errno(event_channel_op(EVTCHNOP_bind_virq, UNMAPPED), -EFAULT, "unmapped structure");
}

static void bind_pirq(void)
{
    struct evtchn_bind_pirq op = {.pirq = 5};

    expect_errno(event_channel_op(EVTCHNOP_bind_pirq, &op), -EPERM, "an interrupt that is not the domain's");
    op.pirq = 0xfffff;
    expect_errno(event_channel_op(EVTCHNOP_bind_pirq, &op), -EINVAL, "an interrupt beyond the domain's number of PIRQs");
    expect_errno(event_channel_op(EVTCHNOP_bind_pirq, UNMAPPED), -EFAULT, "unmapped structure");
}

static void bind_ipi(void)
{
    struct evtchn_bind_ipi op = {.vcpu = 1};
    struct evtchn_status status;

    expect_success(event_channel_op(EVTCHNOP_bind_ipi, &op), "for vCPU 1, though it is not up");
    status = status_of(op.port);
    expect_equal(status.status, EVTCHNSTAT_ipi, "state");
    expect_equal(status.vcpu, 1, "whom it notifies");
    close(op.port);
    op.vcpu = 0;
    expect_success(event_channel_op(EVTCHNOP_bind_ipi, &op), "for vCPU 0");
    struct evtchn_send send = {op.port};
    expect_success(event_channel_op(EVTCHNOP_send, &send), "to itself");
    expect_true(port_pending(op.port), "the port is pending");
    close(op.port);
    expect_true(!port_pending(op.port), "a close takes the pending bit along");
    op.vcpu = 2;
    expect_errno(event_channel_op(EVTCHNOP_bind_ipi, &op), -ENOENT, "for a vCPU that does not exist");
    expect_errno(event_channel_op(EVTCHNOP_bind_ipi, UNMAPPED), -EFAULT, "unmapped structure");
}

static void bind_vcpu(void)
{
    evtchn_port_t port = allocate();
    struct evtchn_bind_virq timer = {.virq = VIRQ_TIMER, .vcpu = 0}, global = {.virq = VIRQ_DOM_EXC, .vcpu = 0};
    struct evtchn_bind_ipi ipi = {.vcpu = 0};
    struct evtchn_bind_vcpu op = {.port = port, .vcpu = 1};

    expect_equal(status_of(port).vcpu, 0, "new ports notify vCPU 0");
    expect_success(event_channel_op(EVTCHNOP_bind_vcpu, &op), "an unbound port to vCPU 1");
    expect_equal(status_of(port).vcpu, 1, "whom it notifies now");
    op.vcpu = 2;
    expect_errno(event_channel_op(EVTCHNOP_bind_vcpu, &op), -ENOENT, "to a vCPU that does not exist");
    op.port = NO_PORT;
    expect_errno(event_channel_op(EVTCHNOP_bind_vcpu, &op), -ENOENT, "the vCPU is looked at before the port");
    op.vcpu = 1;
    expect_errno(event_channel_op(EVTCHNOP_bind_vcpu, &op), -EINVAL, "a port that never existed");
    close(port);
    op.port = port;
    expect_errno(event_channel_op(EVTCHNOP_bind_vcpu, &op), -EINVAL, "a closed port");
    op.port = 0;
    expect_errno(event_channel_op(EVTCHNOP_bind_vcpu, &op), -EINVAL, "port 0");
    expect_success(event_channel_op(EVTCHNOP_bind_virq, &timer), "VIRQ_TIMER");
    op.port = timer.port;
    expect_errno(event_channel_op(EVTCHNOP_bind_vcpu, &op), -EINVAL, "a VIRQ of one vCPU stays there");
    close(timer.port);
    expect_success(event_channel_op(EVTCHNOP_bind_virq, &global), "VIRQ_DOM_EXC");
    op.port = global.port;
    expect_success(event_channel_op(EVTCHNOP_bind_vcpu, &op), "a global VIRQ goes where it is sent");
    expect_equal(status_of(global.port).vcpu, 1, "whom it notifies");
    close(global.port);
    expect_success(event_channel_op(EVTCHNOP_bind_virq, &global), "a close of a global VIRQ frees it wherever it was");
    close(global.port);
    expect_success(event_channel_op(EVTCHNOP_bind_ipi, &ipi), "an IPI port");
    op.port = ipi.port;
    expect_errno(event_channel_op(EVTCHNOP_bind_vcpu, &op), -EINVAL, "an IPI stays with its vCPU");
    close(ipi.port);
    expect_errno(event_channel_op(EVTCHNOP_bind_vcpu, UNMAPPED), -EFAULT, "unmapped structure");
}

static void close_ports(void)
{
    struct evtchn_close op = {allocate()};

    expect_success(event_channel_op(EVTCHNOP_close, &op), "an unbound port");
    expect_equal(status_of(op.port).status, EVTCHNSTAT_closed, "its state");
    expect_errno(event_channel_op(EVTCHNOP_close, &op), -EINVAL, "a closed port");
    op.port = 0;
    expect_errno(event_channel_op(EVTCHNOP_close, &op), -EINVAL, "port 0");
    op.port = NO_PORT;
    expect_errno(event_channel_op(EVTCHNOP_close, &op), -EINVAL, "a port that never existed");
    op.port = 0xffffffff;
    expect_errno(event_channel_op(EVTCHNOP_close, &op), -EINVAL, "port -1");
    expect_errno(event_channel_op(EVTCHNOP_close, UNMAPPED), -EFAULT, "unmapped structure");
}

static void send(void)
{
    struct evtchn_send op = {allocate()};
    struct evtchn_bind_virq virq = {.virq = VIRQ_DEBUG};
    evtchn_port_t port = op.port;

    expect_success(event_channel_op(EVTCHNOP_send, &op), "a port that nobody bound drops the event");
    expect_true(!port_pending(port), "nothing became pending here");
    close(port);
    expect_errno(event_channel_op(EVTCHNOP_send, &op), -EINVAL, "a closed port");
    op.port = 0;
    expect_errno(event_channel_op(EVTCHNOP_send, &op), -EINVAL, "port 0");
    op.port = NO_PORT;
    expect_errno(event_channel_op(EVTCHNOP_send, &op), -EINVAL, "a port that never existed");
    expect_success(event_channel_op(EVTCHNOP_bind_virq, &virq), "VIRQ_DEBUG");
    op.port = virq.port;
    expect_errno(event_channel_op(EVTCHNOP_send, &op), -EINVAL, "a VIRQ only receives");
    close(virq.port);
    op.port = start_info->console_evtchn;
    expect_success(event_channel_op(EVTCHNOP_send, &op), "the console back end");
    expect_errno(event_channel_op(EVTCHNOP_send, UNMAPPED), -EFAULT, "unmapped structure");
}

/* Through the upcall: pending, masked, selector, and the handler. */
static void deliver(void)
{
    struct evtchn_bind_ipi ipi = {.vcpu = 0};
    struct vcpu_info *vcpu = &shared_info->vcpu_info[0];

    expect_success(event_channel_op(EVTCHNOP_bind_ipi, &ipi), "a port to send to");
    struct evtchn_send op = {ipi.port};
    mask_port(ipi.port);
    vcpu->evtchn_upcall_pending = 0;
    vcpu->evtchn_pending_sel = 0;
    expect_success(event_channel_op(EVTCHNOP_send, &op), "a masked port");
    expect_true(port_pending(ipi.port), "the bit is set");
    expect_true(!vcpu->evtchn_upcall_pending && !vcpu->evtchn_pending_sel, "a masked port does not ask for an upcall");

    struct evtchn_unmask unmask = {ipi.port};
    events_taken[ipi.port] = 0;
    expect_success(event_channel_op(EVTCHNOP_unmask, &unmask), "while pending");
    expect_true(vcpu->evtchn_upcall_pending, "unmasking asks for the upcall that was held back");
    expect_equal(vcpu->evtchn_pending_sel, 1ul << ipi.port / BITS_PER_LONG, "the selector");
    expect_equal(events_taken[ipi.port], 0, "upcalls while the vCPU masks them");
    enable_events();
    expect_equal(events_taken[ipi.port], 1, "upcalls once it does not");
    expect_success(event_channel_op(EVTCHNOP_send, &op), "with events enabled");
    expect_equal(events_taken[ipi.port], 2, "the upcall comes before the hypercall returns to its caller");
    expect_true(!vcpu->evtchn_upcall_mask, "the return from the upcall enables events again");
    disable_events();
    mask_port(ipi.port);
    close(ipi.port);
}

static void status(void)
{
    struct evtchn_status op = {.dom = DOMID_SELF, .port = start_info->console_evtchn};

    expect_success(event_channel_op(EVTCHNOP_status, &op), "the console's port");
    expect_equal(op.status, EVTCHNSTAT_interdomain, "its state");
    expect_equal(op.u.interdomain.dom, 0, "the back end is in dom0");
    op.port = 0;
    expect_success(event_channel_op(EVTCHNOP_status, &op), "port 0 is reserved, which reads as closed");
    expect_equal(op.status, EVTCHNSTAT_closed, "state of port 0");
    op.port = NO_PORT + 1000;
    expect_errno(event_channel_op(EVTCHNOP_status, &op), -EINVAL, "a port beyond all that exist");
    op.dom = NO_DOMAIN;
    expect_errno(event_channel_op(EVTCHNOP_status, &op), -ESRCH, "of a domain that does not exist");
    op.dom = DOMID_SELF;
    op.port = start_info->console_evtchn;
    struct evtchn_status *readable = (struct evtchn_status *)read_only_page;
    unprotect_page(read_only_page);
    *readable = op;
    protect_page(read_only_page);
    expect_errno(event_channel_op(EVTCHNOP_status, readable), -EFAULT, "a structure that cannot be written");
    expect_errno(event_channel_op(EVTCHNOP_status, UNMAPPED), -EFAULT, "unmapped structure");
}

static void unmask(void)
{
    struct evtchn_unmask op = {0};

    expect_success(event_channel_op(EVTCHNOP_unmask, &op), "port 0, which exists but is not usable: nothing happens");
    op.port = allocate();
    mask_port(op.port);
    expect_success(event_channel_op(EVTCHNOP_unmask, &op), "a masked port");
    expect_equal(shared_info->evtchn_mask[op.port / BITS_PER_LONG] >> op.port % BITS_PER_LONG & 1, 0, "its mask bit");
    close(op.port);
    expect_success(event_channel_op(EVTCHNOP_unmask, &op), "a closed port that existed: nothing happens");
    op.port = NO_PORT + 1000;
    expect_errno(event_channel_op(EVTCHNOP_unmask, &op), -EINVAL, "a port beyond all that exist");
    expect_errno(event_channel_op(EVTCHNOP_unmask, UNMAPPED), -EFAULT, "unmapped structure");
}

static void set_priority(void)
{
    struct evtchn_set_priority op = {.port = allocate(), .priority = EVTCHN_FIFO_PRIORITY_MAX};

    expect_errno(event_channel_op(EVTCHNOP_set_priority, &op), -ENOSYS, "the two-level ABI has no priorities");
    close(op.port);
    op.port = NO_PORT + 1000;
    expect_errno(event_channel_op(EVTCHNOP_set_priority, &op), -EINVAL, "a port beyond all that exist");
    expect_errno(event_channel_op(EVTCHNOP_set_priority, UNMAPPED), -EFAULT, "unmapped structure");
}

static void no_such_command(void)
{
    struct evtchn_status op = {.dom = DOMID_SELF, .port = 1};

    expect_errno(event_channel_op(15, &op), -ENOSYS, "one past the last command");
    expect_errno(event_channel_op(0xffffffff, &op), -ENOSYS, "command -1");
}

/* Last: it closes the console's port too, which the host notices but survives. */
static void reset(void)
{
    struct evtchn_reset op = {.dom = NO_DOMAIN};
    evtchn_port_t port = allocate();

    expect_errno(event_channel_op(EVTCHNOP_reset, &op), -ESRCH, "a domain that does not exist");
    expect_errno(event_channel_op(EVTCHNOP_reset, UNMAPPED), -EFAULT, "unmapped structure");
    expect_equal(status_of(port).status, EVTCHNSTAT_unbound, "a port is open");
}

TEST("event-channel-op",
     {"EVTCHNOP_alloc_unbound", alloc_unbound},
     {"EVTCHNOP_bind_interdomain", bind_interdomain},
     {"EVTCHNOP_bind_virq", bind_virq},
     {"EVTCHNOP_bind_pirq", bind_pirq},
     {"EVTCHNOP_bind_ipi", bind_ipi},
     {"EVTCHNOP_bind_vcpu", bind_vcpu},
     {"EVTCHNOP_close", close_ports},
     {"EVTCHNOP_send", send},
     {"EVTCHNOP_send", deliver},
     {"EVTCHNOP_status", status},
     {"EVTCHNOP_unmask", unmask},
     {"EVTCHNOP_set_priority", set_priority},
     {"EVTCHNOP_alloc_unbound", exhaust},
     {"event_channel_op", no_such_command},
     {"EVTCHNOP_reset", reset});
