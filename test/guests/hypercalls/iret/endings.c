/*
 * iret from a stack that is not there, or to user mode without page tables for it: the domain is crashed
 * (arch/x86/pv/iret.c).
 *
 * machine: endings=crash
 */
#include "test.h"

static void bad_stack(void)
{
    expect_true(1, "it comes to the call");
    print_verdict();
#ifdef __x86_64__
    __asm__ volatile("mov $0x1800, %%esp\n"
                     "mov $23, %%eax\n"
                     "syscall" ::
                         : "memory");
#else
    __asm__ volatile("mov $0x1800, %%esp\n"
                     "mov $23, %%eax\n"
                     "int $0x82" ::
                         : "memory");
#endif
    give_up("the domain goes on");
}

TEST("iret/endings", {"iret", bad_stack});
