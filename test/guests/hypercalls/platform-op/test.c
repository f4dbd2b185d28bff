/* platform_op: the machine itself, for dom0; its structure's version is looked at first (arch/x86/platform_hypercall.c). */
#include "test.h"

#define XENPF_INTERFACE_VERSION 0x03000001

static u32 op[40] = {17 /* XENPF_settime32 */, XENPF_INTERFACE_VERSION};

static void refused(void)
{
    expect_errno(call_hypercall(platform_op, op, 0, 0), -EPERM, "settime");
    op[1]++;
    expect_errno(call_hypercall(platform_op, op, 0, 0), -EACCES, "another version of the interface");
    expect_errno(call_hypercall(platform_op, UNMAPPED, 0, 0), -EFAULT, "unmapped structure");
}

TEST("platform-op", {"platform_op", refused});
