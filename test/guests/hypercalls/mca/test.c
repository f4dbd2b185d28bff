/* mca. Machine checks, for dom0; nothing else is looked at (arch/x86/cpu/mcheck/mce.c). */
#include "test.h"

static u32 op[64];

static void refused(void)
{
    expect_errno(call_hypercall(mca, op, 0, 0), -EPERM, "a command");
    expect_errno(call_hypercall(mca, UNMAPPED, 0, 0), -EPERM, "unmapped structure");
    expect_errno(call_hypercall(mca, -1, -1, -1), -EPERM, "whatever is asked for");
}

TEST("mca", {"mca", refused});
