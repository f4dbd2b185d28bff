/* get_debugreg: registers 4 and 5 are names of 6 and 7 unless CR4.DE says otherwise. */
#include "test.h"

static void get(void)
{
    expect_result(get_debugreg(0), 0, "DR0 at first");
    expect_equal((u32)get_debugreg(6), 0xffff0ff0, "DR6 at first");
    expect_equal((u32)get_debugreg(7), 0x400, "DR7 at first");
    expect_equal((u32)get_debugreg(4), (u32)get_debugreg(6), "DR4 is DR6");
    expect_equal((u32)get_debugreg(5), (u32)get_debugreg(7), "DR5 is DR7");
    expect_errno(get_debugreg(8), -ENODEV, "DR8");
    expect_errno(get_debugreg(0xffffffff), -ENODEV, "DR -1");
}

TEST("get-debugreg", {"get_debugreg", get});
