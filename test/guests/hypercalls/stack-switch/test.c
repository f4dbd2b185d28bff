/* stack_switch: the stack on which traps from user mode begin (arch/x86/pv/misc-hypercalls.c). */
#include "test.h"

static char user_code[4096] PAGE_ALIGNED, user_stack[4096] PAGE_ALIGNED, other_stack[8192] PAGE_ALIGNED;

static void switch_stack(void)
{
    user_code[0] = 0x0f; /* ud2 */
    user_code[1] = 0x0b;
    map_page(user_code, make_pte(user_code, PTE_FLAGS_RW | PTE_USER));
    map_page(user_stack, make_pte(user_stack, PTE_FLAGS_RW | PTE_USER));
    expect_success(stack_switch(FLAT_KERNEL_SS, other_stack + sizeof other_stack), "another stack");
    memset(other_stack, 0, sizeof other_stack);
    run_user(user_code, user_stack + 4000);
    expect_trap(TRAP_UD, "the user's instruction");
    expect_equal(last_trap.ip, (ulong)user_code, "where");
    expect_equal(last_trap.sp, (ulong)user_stack + 4000, "the user's stack pointer");
    /* SS of user mode is the word at the top of the frame. */
    expect_equal(((ulong *)(other_stack + sizeof other_stack))[-1] & 0xffff, FLAT_USER_SS, "the frame is on that stack");
    expect_equal(((ulong *)(other_stack + sizeof other_stack))[-2], (ulong)user_stack + 4000, "and holds the user's");
    expect_success(stack_switch(FLAT_KERNEL_SS & ~3, other_stack + sizeof other_stack),
                   "a selector of ring 0, which Xen corrects");
    run_user(user_code, user_stack + 4000);
    expect_trap(TRAP_UD, "and a trap arrives");
    traps_restore();
}

TEST("stack-switch", {"stack_switch", switch_stack});
