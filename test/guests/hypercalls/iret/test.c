/*
 * iret: what a handler ends with; it restores the event mask with everything else. The kernel's own trap handlers return
 * by it, so that every test uses it; here is what is peculiar. A frame that cannot be read ends the domain (endings.c).
 */
#include "test.h"

static char user_code[4096] PAGE_ALIGNED, user_stack[4096] PAGE_ALIGNED;

/* To user mode and back, with the flags and the stack asked for. */
static void to_user(void)
{
    user_code[0] = 0x0f; /* ud2 */
    user_code[1] = 0x0b;
    map_page(user_code, make_pte(user_code, PTE_FLAGS_RW | PTE_USER));
    map_page(user_stack, make_pte(user_stack, PTE_FLAGS_RW | PTE_USER));
    run_user(user_code, user_stack + 3992);
    expect_trap(TRAP_UD, "user mode ran");
    expect_true(last_trap.from_user, "it was user mode");
    expect_equal(last_trap.ip, (ulong)user_code, "where it was sent");
    expect_equal(last_trap.sp, (ulong)user_stack + 3992, "with its stack");
    expect_equal(last_trap.cs, FLAT_USER_CS, "its code segment");
    expect_true(last_trap.flags & 0x200, "with interrupts enabled");
    expect_equal(last_trap.upcall_mask, 0, "which is to say, events");
}

/* IF of the frame is the event mask of the kernel; an event that waits comes at once. */
static void mask(void)
{
    struct evtchn_bind_ipi ipi = {.vcpu = 0};

    expect_success(event_channel_op(EVTCHNOP_bind_ipi, &ipi), "a port to send to");
    struct evtchn_send send = {ipi.port};
    unmask_port(ipi.port);
    expect_success(event_channel_op(EVTCHNOP_send, &send), "an event that has to wait");
    u32 before = events_taken[ipi.port];
    expect_equal(before, 0, "while events are masked");
#ifdef __x86_64__
    __asm__ volatile("mov %%rsp, %%rax\n"
                     "push $0xe02b\n"
                     "push %%rax\n"
                     "push $0x202\n"
                     "push $0xe030\n"
                     "push $1f\n"
                     "push $0\n"
                     "jmp hypercall_page + 23 * 32\n"
                     "1:"
                     :
                     :
                     : "rax", "rcx", "r11", "memory");
#else
    __asm__ volatile("push $0x202\n"
                     "push $0xe019\n"
                     "push $1f\n"
                     "jmp hypercall_page + 23 * 32\n"
                     "1:"
                     :
                     :
                     : "eax", "memory");
#endif
    expect_equal(shared_info->vcpu_info[0].evtchn_upcall_mask, 0, "the mask after iret with IF");
    expect_equal(events_taken[ipi.port], 1, "the event came");
    disable_events();
}

TEST("iret", {"iret", to_user}, {"iret", mask});
