/* multicall: several calls, whose results are lost (arch/i386/entry.S). */
#include "test.h"

static void calls(void)
{
    static struct multicall_entry list[3];

    list[0] = (struct multicall_entry){__HYPERVISOR_set_debugreg, {0, 0x1000, 2, 3, 4, 5, 6}};
    list[1] = (struct multicall_entry){__HYPERVISOR_set_debugreg, {1, PAGE_OFFSET}};
    list[2] = (struct multicall_entry){256 + __HYPERVISOR_set_debugreg, {2, 0x2000}};
    expect_success(multicall(list, 3), "three, of which the second is refused");
    expect_equal((ulong)get_debugreg(0), 0x1000, "the first is done");
    expect_equal((ulong)get_debugreg(1), 0, "the second is not");
    expect_equal((ulong)get_debugreg(2), 0x2000, "the third is: numbers are taken modulo 256");
    expect_equal(list[0].args[5], 5, "no result is stored");
    list[0] = (struct multicall_entry){__HYPERVISOR_multicall, {(ulong)list, 1}};
    list[1] = (struct multicall_entry){__HYPERVISOR_set_debugreg, {0, 0x3000}};
    expect_success(multicall(list, 2), "one in the other is passed over");
    expect_equal((ulong)get_debugreg(0), 0x3000, "the one behind is done");
    expect_errno(multicall(UNMAPPED, 1), -EFAULT, "unmapped list");
    for (ulong number = 0; number < 3; number++)
        set_debugreg(number, 0);
}

TEST("multicall", {"multicall", calls});
