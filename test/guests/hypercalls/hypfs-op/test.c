/* hypfs_op. The hypervisor's file system, for dom0; nothing else is looked at (common/hypfs.c). */
#include "test.h"

static u32 op[64];

static void refused(void)
{
    expect_errno(call_hypercall(hypfs_op, 0, op, 0), -EPERM, "a command");
    expect_errno(call_hypercall(hypfs_op, 0, UNMAPPED, 0), -EPERM, "unmapped structure");
    expect_errno(call_hypercall(hypfs_op, -1, -1, -1), -EPERM, "whatever is asked for");
}

TEST("hypfs-op", {"hypfs_op", refused});
