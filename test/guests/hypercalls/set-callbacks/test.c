/* set_callbacks: event, failsafe and (64-bit) syscall callbacks at once (arch/x86/pv/callback.c). */
#include "test.h"

static void set(void)
{
    struct evtchn_bind_ipi ipi = {.vcpu = 0};

    expect_success(event_channel_op(EVTCHNOP_bind_ipi, &ipi), "a port to send to");
    struct evtchn_send send = {ipi.port};
    unmask_port(ipi.port);
    expect_success(set_callbacks((ulong)other_entry, (ulong)failsafe_entry, (ulong)syscall_entry), "another handler");
    last_trap.vector = NO_TRAP;
    enable_events();
    expect_success(event_channel_op(EVTCHNOP_send, &send), "an event");
    expect_trap(TRAP_OTHER, "the other handler got it");
    expect_equal(last_trap.upcall_mask, 1, "with events masked");
    disable_events();
    clear_port(ipi.port);
    traps_restore();
    u32 before = upcalls_taken;
    enable_events();
    expect_success(event_channel_op(EVTCHNOP_send, &send), "an event");
    expect_true(upcalls_taken > before, "the kernel's own handler got it");
    disable_events();
#ifdef __x86_64__
    expect_success(set_callbacks(NON_CANONICAL, (ulong)failsafe_entry, (ulong)syscall_entry),
                   "an address that is not canonical is passed over in silence");
    enable_events();
    before = upcalls_taken;
    expect_success(event_channel_op(EVTCHNOP_send, &send), "an event");
    expect_true(upcalls_taken > before, "the handler is what it was");
    disable_events();
#endif
    traps_restore();
}

TEST("set-callbacks", {"set_callbacks", set});
