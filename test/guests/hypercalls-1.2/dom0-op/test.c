/* dom0_op: the tools' calls, which are dom0's (common/dom0_ops.c). Whoever else asks is told so before all else. */
#include "test.h"

static struct {
    u32 cmd, interface_version;
    u32 u[643];
} op;

static void refused(void)
{
    op.interface_version = 0xaaaa0003;
    for (op.cmd = 0; op.cmd < 24; op.cmd++)
        expect_errno(dom0_op(&op), -EPERM, "for dom0");
    expect_errno(dom0_op(UNMAPPED), -EPERM, "wherever it points");
}

TEST("dom0-op", {"dom0_op", refused});
