/* argo_op. Argo messages: Xen is built without them. */
#include "test.h"

static u32 op[64];

static void refused(void)
{
    expect_errno(call_hypercall(argo_op, 1, op, 0), -ENOSYS, "a command");
    expect_errno(call_hypercall(argo_op, 1, UNMAPPED, 0), -ENOSYS, "unmapped structure");
    expect_errno(call_hypercall(argo_op, -1, -1, -1), -ENOSYS, "whatever is asked for");
}

TEST("argo-op", {"argo_op", refused});
