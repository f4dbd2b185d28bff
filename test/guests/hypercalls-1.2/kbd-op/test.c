/* kbd_op: the keyboard, which is its owner's (drivers/char/xen_kbd.c). */
#include "test.h"

static void write_output(void)
{
    expect_errno(kbd_op(KBD_OP_WRITEOUTPUT, 0), -EPERM, "for the console's owner");
}

static void write_command(void)
{
    expect_errno(kbd_op(KBD_OP_WRITECOMMAND, 0), -EPERM, "for the console's owner");
}

static void read(void)
{
    expect_errno(kbd_op(KBD_OP_READ, 0), -EPERM, "for the console's owner");
    expect_errno(kbd_op(3, 0), -EPERM, "before the command is looked at");
}

TEST("kbd-op", {"kbd_op", write_output}, {"kbd_op", write_command}, {"kbd_op", read});
