/* event_channel_op_compat: command and structure in one argument, as Xen 2 had it (arch/x86/compat.c). */
#include "test.h"

static void compat(void)
{
    struct evtchn_op op = {.cmd = EVTCHNOP_alloc_unbound, .u.alloc_unbound = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF}};
    evtchn_port_t port;

    expect_success(event_channel_op_compat(&op), "alloc_unbound");
    port = op.u.alloc_unbound.port;
    expect_true(port != 0, "its port");
    op = (struct evtchn_op){.cmd = EVTCHNOP_bind_interdomain,
                            .u.bind_interdomain = {.remote_dom = DOMID_SELF, .remote_port = port}};
    expect_success(event_channel_op_compat(&op), "bind_interdomain");
    evtchn_port_t near = op.u.bind_interdomain.local_port;
    op = (struct evtchn_op){.cmd = EVTCHNOP_send, .u.send = {near}};
    expect_success(event_channel_op_compat(&op), "send");
    expect_true(port_pending(port), "the far end is pending");
    op = (struct evtchn_op){.cmd = EVTCHNOP_status, .u.status = {.dom = DOMID_SELF, .port = port}};
    expect_success(event_channel_op_compat(&op), "status");
    expect_equal(op.u.status.status, EVTCHNSTAT_interdomain, "its state");
    op = (struct evtchn_op){.cmd = EVTCHNOP_bind_vcpu, .u.bind_vcpu = {port, 7}};
    expect_errno(event_channel_op_compat(&op), -ENOENT, "bind_vcpu, with the errno of the new form");
    op = (struct evtchn_op){.cmd = EVTCHNOP_unmask, .u.unmask = {port}};
    expect_success(event_channel_op_compat(&op), "unmask");
    op = (struct evtchn_op){.cmd = EVTCHNOP_bind_virq, .u.bind_virq = {.virq = VIRQ_TIMER}};
    expect_success(event_channel_op_compat(&op), "bind_virq");
    op = (struct evtchn_op){.cmd = EVTCHNOP_bind_ipi, .u.bind_ipi = {.vcpu = 0}};
    expect_success(event_channel_op_compat(&op), "bind_ipi");
    op = (struct evtchn_op){.cmd = EVTCHNOP_bind_pirq, .u.bind_pirq = {.pirq = 5}};
    expect_errno(event_channel_op_compat(&op), -EPERM, "bind_pirq");
    op = (struct evtchn_op){.cmd = EVTCHNOP_close, .u.close = {port}};
    expect_success(event_channel_op_compat(&op), "close");
    expect_errno(event_channel_op_compat(&op), -EINVAL, "close again");
    op.cmd = EVTCHNOP_reset;
    expect_errno(event_channel_op_compat(&op), -ENOSYS, "a command that is newer than this form");
    op.cmd = 0xffffffff;
    expect_errno(event_channel_op_compat(&op), -ENOSYS, "command -1");
    expect_errno(event_channel_op_compat(UNMAPPED), -EFAULT, "unmapped structure");
}

TEST("event-channel-op-compat", {"event_channel_op_compat", compat});
