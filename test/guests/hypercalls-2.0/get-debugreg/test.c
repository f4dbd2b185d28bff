/* get_debugreg: what the domain has set (arch/x86/traps.c). */
#include "test.h"

static void values(void)
{
    for (ulong number = 0; number < 4; number++) {
        expect_success(set_debugreg(number, 0x1000 + number), "an address");
        expect_equal((ulong)get_debugreg(number), 0x1000 + number, "as it was set");
        expect_success(set_debugreg(number, 0), "none");
    }
    expect_result(get_debugreg(4), 0, "DR4 is never set");
    expect_result(get_debugreg(5), 0, "DR5 neither");
    expect_errno(get_debugreg(8), -EINVAL, "DR8");
    expect_errno(get_debugreg(0xffffffff), -EINVAL, "DR-1");
}

TEST("get-debugreg", {"get_debugreg", values});
