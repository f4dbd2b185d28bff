/* xenpmu_op. Performance counters: off unless Xen's command line says vpmu. */
#include "test.h"

static u32 op[64];

static void refused(void)
{
    expect_errno(call_hypercall(xenpmu_op, 0, op, 0), -EOPNOTSUPP, "a command");
    expect_errno(call_hypercall(xenpmu_op, 0, UNMAPPED, 0), -EOPNOTSUPP, "unmapped structure");
    expect_errno(call_hypercall(xenpmu_op, -1, -1, -1), -EOPNOTSUPP, "whatever is asked for");
}

TEST("xenpmu-op", {"xenpmu_op", refused});
