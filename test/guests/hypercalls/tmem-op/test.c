/* tmem_op. Transcendent memory: gone from Xen. */
#include "test.h"

static u32 op[64];

static void refused(void)
{
    expect_errno(call_hypercall(tmem_op, op, 0, 0), -ENOSYS, "a command");
    expect_errno(call_hypercall(tmem_op, UNMAPPED, 0, 0), -ENOSYS, "unmapped structure");
    expect_errno(call_hypercall(tmem_op, -1, -1, -1), -ENOSYS, "whatever is asked for");
}

TEST("tmem-op", {"tmem_op", refused});
