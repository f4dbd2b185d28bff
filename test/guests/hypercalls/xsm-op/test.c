/* xsm_op. Security modules: Xen is built without FLASK. */
#include "test.h"

static u32 op[64];

static void refused(void)
{
    expect_errno(call_hypercall(xsm_op, op, 0, 0), -ENOSYS, "a command");
    expect_errno(call_hypercall(xsm_op, UNMAPPED, 0, 0), -ENOSYS, "unmapped structure");
    expect_errno(call_hypercall(xsm_op, -1, -1, -1), -ENOSYS, "whatever is asked for");
}

TEST("xsm-op", {"xsm_op", refused});
