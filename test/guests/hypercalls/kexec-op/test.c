/* kexec_op. Crash kernels, for dom0; nothing else is looked at (common/kexec.c). */
#include "test.h"

static u32 op[64];

static void refused(void)
{
    expect_errno(call_hypercall(kexec_op, 0, op, 0), -EPERM, "a command");
    expect_errno(call_hypercall(kexec_op, 0, UNMAPPED, 0), -EPERM, "unmapped structure");
    expect_errno(call_hypercall(kexec_op, -1, -1, -1), -EPERM, "whatever is asked for");
}

TEST("kexec-op", {"kexec_op", refused});
