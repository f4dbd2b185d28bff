/* xenoprof_op: system-wide profiling (common/xenoprof.c). */
#include "test.h"

static void refused(void)
{
    u32 op[64] = {0};

    expect_errno(call_hypercall(xenoprof_op, 18, op, 0), -EINVAL, "one past the last command");
    expect_errno(call_hypercall(xenoprof_op, 0xffffffff, op, 0), -EINVAL, "command -1");
    expect_errno(call_hypercall(xenoprof_op, 1, op, 0), -EPERM, "reset_active_list, for the one that profiles");
    expect_errno(call_hypercall(xenoprof_op, 9, op, 0), -EPERM, "start, likewise");
}

TEST("xenoprof-op", {"xenoprof_op", refused});
