/* callback_op: callbacks one by one, by type (arch/x86/pv/callback.c). */
#include "test.h"

static struct callback_register callback(u16 type, void (*handler)(void))
{
    struct callback_register op = {.type = type, .address = (ulong)handler};
#ifdef __i386__
    op.cs = FLAT_KERNEL_CS;
#endif
    return op;
}

static void register_event(void)
{
    struct evtchn_bind_ipi ipi = {.vcpu = 0};
    struct callback_register op = callback(CALLBACKTYPE_event, other_entry);

    expect_success(event_channel_op(EVTCHNOP_bind_ipi, &ipi), "a port to send to");
    struct evtchn_send send = {ipi.port};
    unmask_port(ipi.port);
    expect_success(callback_op(CALLBACKOP_register, &op), "the event callback");
    last_trap.vector = NO_TRAP;
    enable_events();
    expect_success(event_channel_op(EVTCHNOP_send, &send), "an event");
    expect_trap(TRAP_OTHER, "the handler got it");
    disable_events();
    mask_port(ipi.port);
    traps_restore();
}

static void register_others(void)
{
    struct callback_register op = callback(CALLBACKTYPE_failsafe, failsafe_entry);

    op.flags = CALLBACKF_mask_events;
    expect_success(callback_op(CALLBACKOP_register, &op), "failsafe");
    op = callback(CALLBACKTYPE_sysenter, other_entry);
    expect_success(callback_op(CALLBACKOP_register, &op), "sysenter");
    op = callback(CALLBACKTYPE_syscall32, other_entry);
    expect_success(callback_op(CALLBACKOP_register, &op), "syscall of 32-bit programs");
    op = callback(CALLBACKTYPE_nmi, other_entry);
    expect_success(callback_op(CALLBACKOP_register, &op), "NMI");
    last_trap.vector = NO_TRAP;
    expect_success(vcpu_op(VCPUOP_send_nmi, 0, NULL), "an NMI to itself");
    barrier();
    expect_trap(TRAP_OTHER, "the handler got it");
    op = callback(CALLBACKTYPE_syscall, syscall_entry);
#ifdef __x86_64__
    expect_success(callback_op(CALLBACKOP_register, &op), "syscall");
    op = callback(CALLBACKTYPE_event, other_entry);
    op.address = NON_CANONICAL;
    expect_errno(callback_op(CALLBACKOP_register, &op), -EINVAL, "an address that is not canonical");
    op = callback(6, other_entry);
#else
    expect_errno(callback_op(CALLBACKOP_register, &op), -ENOSYS, "32-bit kernels have no syscall callback");
    op = callback(6, other_entry);
#endif
    expect_errno(callback_op(CALLBACKOP_register, &op), -ENOSYS, "a type that does not exist");
    op.type = 0xffff;
    expect_errno(callback_op(CALLBACKOP_register, &op), -ENOSYS, "type -1");
    expect_errno(callback_op(CALLBACKOP_register, UNMAPPED), -EFAULT, "unmapped structure");
#ifdef __x86_64__
    expect_errno(callback_op(2, &op), -ENOSYS, "a command that does not exist");
#endif
    traps_restore();
}

#ifdef __x86_64__
static char user_code[4096] PAGE_ALIGNED, user_stack[4096] PAGE_ALIGNED;

/* `syscall` in user mode comes to the callback, with events masked if it asks for that. */
static void syscall(void)
{
    struct callback_register op = callback(CALLBACKTYPE_syscall, syscall_entry);

    user_code[0] = 0x0f;
    user_code[1] = 0x05;
    map_page(user_code, make_pte(user_code, PTE_FLAGS_RW | PTE_USER));
    map_page(user_stack, make_pte(user_stack, PTE_FLAGS_RW | PTE_USER));
    op.flags = CALLBACKF_mask_events;
    expect_success(callback_op(CALLBACKOP_register, &op), "masking events");
    run_user(user_code, user_stack + PAGE_SIZE);
    expect_trap(CALLBACK_SYSCALL, "the callback");
    expect_equal(last_trap.ip, (ulong)user_code + 2, "behind the instruction");
    expect_equal(last_trap.upcall_mask, 1, "events are masked");
    op.flags = 0;
    expect_success(callback_op(CALLBACKOP_register, &op), "not masking events");
    run_user(user_code, user_stack + PAGE_SIZE);
    expect_trap(CALLBACK_SYSCALL, "the callback");
    expect_equal(last_trap.upcall_mask, 0, "events stay as user mode had them");
    op.address = 0;
    expect_success(callback_op(CALLBACKOP_register, &op), "no callback");
    run_user(user_code, user_stack + PAGE_SIZE);
    expect_trap(TRAP_UD, "is an invalid instruction");
    expect_equal(last_trap.ip, (ulong)user_code, "at the instruction");
    traps_restore();
}
#endif

static void unregister(void)
{
    static const u16 needed[] = {CALLBACKTYPE_event, CALLBACKTYPE_failsafe, CALLBACKTYPE_sysenter,
                                 CALLBACKTYPE_syscall32};
    struct callback_unregister op = {.type = CALLBACKTYPE_nmi};

    expect_success(callback_op(CALLBACKOP_unregister, &op), "NMI");
    expect_success(callback_op(CALLBACKOP_unregister, &op), "NMI once more");
    for (u32 i = 0; i < ARRAY_LENGTH(needed); i++) {
        op.type = needed[i];
        expect_errno(callback_op(CALLBACKOP_unregister, &op), -EINVAL, "only NMI can be taken back");
    }
    op.type = 6;
    expect_errno(callback_op(CALLBACKOP_unregister, &op), -ENOSYS, "a type that does not exist");
    expect_errno(callback_op(CALLBACKOP_unregister, UNMAPPED), -EFAULT, "unmapped structure");
    traps_restore();
}

static void no_such_command(void)
{
    /* compat_callback_op and do_callback_op differ in this. */
#ifdef __x86_64__
    expect_errno(callback_op(2, NULL), -ENOSYS, "one past the last command");
#else
    expect_errno(callback_op(2, NULL), -EINVAL, "one past the last command");
#endif
}

TEST("callback-op",
     {"CALLBACKOP_register", register_event},
     {"CALLBACKOP_register", register_others},
#ifdef __x86_64__
     {"CALLBACKOP_register", syscall},
#endif
     {"CALLBACKOP_unregister", unregister},
     {"callback_op", no_such_command});
