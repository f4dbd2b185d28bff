/* console_write: a domain's lines on Xen's console (common/kernel.c). */
#include "test.h"

static void output(void)
{
    static char long_text[300];

    expect_success(console_write("x", 0), "nothing");
    expect_success(console_write("  ok\n", 5), "a line");
    memset(long_text, '.', sizeof long_text);
    expect_success(console_write(long_text, sizeof long_text), "256 bytes of more");
    expect_errno(console_write(UNMAPPED, 5), -EFAULT, "unmapped text");
    expect_errno(console_write(XEN_AREA, 5), -EFAULT, "text in Xen's area");
    expect_success(console_write(UNMAPPED, 0), "nothing, wherever it is");
}

TEST("console-write", {"console_write", output});
