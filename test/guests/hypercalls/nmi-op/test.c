/* nmi_op: the handler of non-maskable interrupts (arch/x86/pv/callback.c). */
#include "test.h"

static void register_callback(void)
{
    struct xennmi_callback op = {.handler_address = (ulong)nmi_entry};

    expect_success(nmi_op(XENNMI_register_callback, &op), "a handler");
    last_trap.vector = NO_TRAP;
    expect_success(vcpu_op(VCPUOP_send_nmi, 0, NULL), "an NMI to itself");
    barrier();
    expect_trap(CALLBACK_NMI, "the handler runs, though events are masked");
    expect_equal(last_trap.upcall_mask, 1, "with events masked");
#ifdef __x86_64__
    op.handler_address = NON_CANONICAL;
    expect_errno(nmi_op(XENNMI_register_callback, &op), -EINVAL, "an address that is not canonical");
#endif
    expect_errno(nmi_op(XENNMI_register_callback, UNMAPPED), -EFAULT, "unmapped structure");
    expect_errno(nmi_op(2, &op), -ENOSYS, "no such command");
}

static void unregister_callback(void)
{
    expect_success(nmi_op(XENNMI_unregister_callback, NULL), "the handler");
    expect_success(nmi_op(XENNMI_unregister_callback, NULL), "once more");
    last_trap.vector = NO_TRAP;
    expect_success(vcpu_op(VCPUOP_send_nmi, 0, NULL), "an NMI to itself");
    expect_success(sched_op(SCHEDOP_yield, NULL), "time for it to come");
    expect_trap(NO_TRAP, "it waits");
    struct xennmi_callback op = {.handler_address = (ulong)nmi_entry};
    expect_success(nmi_op(XENNMI_register_callback, &op), "a handler again");
    expect_success(sched_op(SCHEDOP_yield, NULL), "time for it to come");
    expect_trap(CALLBACK_NMI, "the NMI that waited");
}

TEST("nmi-op", {"XENNMI_register_callback", register_callback}, {"XENNMI_unregister_callback", unregister_callback});
