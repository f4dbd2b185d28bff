/* set_debugreg: breakpoints of the processor, for the domain (arch/x86/traps.c). */
#include "test.h"

static volatile ulong watched;

static void values(void)
{
    for (ulong number = 0; number < 4; number++) {
        expect_success(set_debugreg(number, 0x1000), "an address");
        expect_success(set_debugreg(number, PAGE_OFFSET - 4), "the last that a domain may reach");
        expect_errno(set_debugreg(number, PAGE_OFFSET - 3), -EPERM, "one of Xen's");
        expect_success(set_debugreg(number, 0), "none");
    }
    expect_errno(set_debugreg(4, 0), -EINVAL, "DR4");
    expect_errno(set_debugreg(5, 0), -EINVAL, "DR5");
    expect_errno(set_debugreg(8, 0), -EINVAL, "DR8");
    expect_errno(set_debugreg(0xffffffff, 0), -EINVAL, "DR-1");
    expect_success(set_debugreg(6, 0), "DR6");
    expect_equal((ulong)get_debugreg(6), 0xffff0ff0, "its reserved bits");
    expect_errno(set_debugreg(7, 1 << 13), -EPERM, "the general-detect bit");
    expect_errno(set_debugreg(7, 2 << 16), -EPERM, "a breakpoint on I/O");
    expect_errno(set_debugreg(7, 2 << 18), -EPERM, "a length of 8");
    expect_success(set_debugreg(7, 1), "DR7");
    expect_equal((ulong)get_debugreg(7), 0x401, "its reserved bit");
    expect_success(set_debugreg(7, 0), "off");
    expect_equal((ulong)get_debugreg(7), 0, "nothing at all");
}

static void watch(void)
{
    expect_success(set_debugreg(0, (ulong)&watched), "a word");
    expect_success(set_debugreg(7, 1 | 1 << 16 | 3 << 18), "stores to it");
    TRY("movl $5, %0", : "=m"(watched));
    expect_trap(TRAP_DB, "a store");
    expect_equal(get_debugreg(6) & 0xf, 1, "the first breakpoint");
    expect_success(set_debugreg(7, 0), "off");
    TRY("movl $6, %0", : "=m"(watched));
    expect_trap(NO_TRAP, "another store");
}

TEST("set-debugreg", {"set_debugreg", values}, {"set_debugreg", watch});
