/* console_io: Xen's own console, which a VERBOSE Xen opens to every domain (drivers/char/console.c). */
#include "test.h"

static void output(void)
{
    static char long_text[5000];

    expect_result(console_io(CONSOLEIO_write, 0, "x"), 0, "nothing");
    expect_result(console_io(CONSOLEIO_write, 5, "  ok\n"), 5, "answers how much was written");
    memset(long_text, ' ', sizeof long_text);
    long_text[4094] = '\n';
    expect_result(console_io(CONSOLEIO_write, sizeof long_text, long_text), 4095, "a page less one at the most");
    expect_errno(console_io(CONSOLEIO_write, 5, UNMAPPED), -EFAULT, "unmapped text");
    expect_errno(console_io(CONSOLEIO_write, 5, XEN_AREA), -EFAULT, "text in Xen's area");
}

static void input(void)
{
    char text[4];

    expect_result(console_io(CONSOLEIO_read, sizeof text, text), 0, "nobody types there");
    expect_errno(console_io(2, 0, text), -ENOSYS, "a command that does not exist");
}

TEST("console-io", {"console_io", output}, {"console_io", input});
