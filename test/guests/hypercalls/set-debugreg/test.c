/* set_debugreg and get_debugreg: the breakpoint registers of a guest (arch/x86/pv/misc-hypercalls.c). */
#include "test.h"

static void set(void)
{
    expect_success(set_debugreg(0, VIRT_BASE), "an address of the guest");
    expect_result(get_debugreg(0), (long)VIRT_BASE, "DR0 reads back");
    expect_success(set_debugreg(3, 0x1234), "DR3");
    expect_result(get_debugreg(3), 0x1234, "DR3 reads back");
#ifdef __x86_64__
    expect_errno(set_debugreg(0, (ulong)XEN_AREA), -EPERM, "an address in Xen's area");
    expect_errno(set_debugreg(0, NON_CANONICAL), -EPERM, "an address that is not canonical");
#else
    /* Xen's own addresses are above all that 32 bits reach; what a 32-bit guest sees of Xen at its top is not watched. */
    expect_success(set_debugreg(1, (ulong)XEN_AREA), "an address in what 32-bit guests see of Xen");
#endif
    expect_result(get_debugreg(0), (long)VIRT_BASE, "a refusal changes nothing");
    expect_success(set_debugreg(6, 0), "DR6");
    expect_equal((u32)get_debugreg(6), 0xffff0ff0, "its reserved bits are 1");
    expect_success(set_debugreg(6, 0xffffffff), "DR6, all bits");
    expect_equal((u32)get_debugreg(6) & 1 << 12, 0, "bit 12 is reserved as 0");
    expect_success(set_debugreg(7, 0), "DR7");
    expect_equal((u32)get_debugreg(7), 0x400, "its reserved bit is 1");
    expect_errno(set_debugreg(7, 1 << 13), -EPERM, "general detect");
    expect_errno(set_debugreg(7, 1 | 2 << 16), -EPERM, "an I/O breakpoint without CR4.DE");
    expect_success(set_debugreg(7, 2 << 16), "an I/O breakpoint that is not enabled");
    expect_success(set_debugreg(7, 0), "off");
    expect_errno(set_debugreg(8, 0), -ENODEV, "DR8");
    expect_errno(set_debugreg(0xffffffff, 0), -ENODEV, "DR -1");
#ifdef __x86_64__
    expect_errno(set_debugreg(6, 1ul << 32), -EINVAL, "upper half of DR6");
    expect_errno(set_debugreg(7, 1ul << 32), -EINVAL, "upper half of DR7");
    expect_success(set_debugreg(1, 0xffff880000000000ul), "just above Xen's area");
#endif
}

static volatile ulong watched;

static void watch(void)
{
    expect_success(set_debugreg(0, (ulong)&watched), "where to watch");
    /* L0, and a write (1) of 4 bytes (3). */
    expect_success(set_debugreg(7, 1 | 1 << 16 | 3 << 18), "what to watch for");
    last_trap.vector = NO_TRAP;
    watched = 1;
    barrier();
    expect_trap(TRAP_DB, "the write is seen");
    expect_true(get_debugreg(6) & 1, "by breakpoint 0");
    expect_success(set_debugreg(7, 0), "off");
    last_trap.vector = NO_TRAP;
    watched = 2;
    barrier();
    expect_trap(NO_TRAP, "no longer");
}

TEST("set-debugreg", {"set_debugreg", set}, {"set_debugreg", watch});
