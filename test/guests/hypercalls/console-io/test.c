/* console_io: Xen's own console, for dom0; a release build of Xen refuses it to a domU (xsm/dummy.h). */
#include "test.h"

static void console(void)
{
    char text[4] = "hi";

    expect_errno(console_io(0, 2, text), -EPERM, "writing");
    expect_errno(console_io(1, 2, text), -EPERM, "reading");
    expect_errno(console_io(0, 2, UNMAPPED), -EPERM, "the text is not looked at");
    expect_errno(console_io(2, 2, text), -EPERM, "a command that does not exist");
}

TEST("console-io", {"console_io", console});
