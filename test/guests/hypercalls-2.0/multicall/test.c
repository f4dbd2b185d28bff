/* multicall: several calls, whose results replace their sixth arguments (common/multicall.c). */
#include "test.h"

static void results(void)
{
    struct multicall_entry calls[4] = {
        {__HYPERVISOR_xen_version, {0, 1, 2, 3, 4, 5, 6}},
        {__HYPERVISOR_xen_version, {1}},
        {31, {0}},
        {__HYPERVISOR_multicall, {(ulong)&calls[0], 1}},
    };

    expect_success(multicall(calls, 4), "four");
    expect_equal(calls[0].args[5], 0x20000, "the version");
    expect_equal(calls[0].args[4], 4, "the other arguments are left alone");
    expect_equal(calls[0].args[6], 6, "the last too");
    expect_equal((long)calls[1].args[5], -ENOSYS, "a refused one, which stops nothing");
    expect_equal((long)calls[2].args[5], -ENOSYS, "a number without a call");
    expect_equal((long)calls[3].args[5], -EINVAL, "one in the other");
    expect_success(multicall(calls, 0), "none");
    expect_success(multicall(calls, 1), "after one in the other, as ever");
    expect_errno(multicall(UNMAPPED, 1), -EFAULT, "unmapped list");
    expect_errno(multicall(XEN_AREA, 1), -EFAULT, "list in Xen's area");
    expect_errno(multicall((struct multicall_entry *)read_only_page, 1), -EFAULT, "results that cannot be stored");
}

TEST("multicall", {"multicall", results});
