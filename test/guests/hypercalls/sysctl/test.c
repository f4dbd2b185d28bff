/* sysctl: Xen's own settings, for dom0; its structure's version is looked at first (common/sysctl.c). */
#include "test.h"

#define XEN_SYSCTL_INTERFACE_VERSION 0x15

static u32 op[64] = {3 /* XEN_SYSCTL_physinfo */, XEN_SYSCTL_INTERFACE_VERSION};

static void refused(void)
{
    expect_errno(call_hypercall(sysctl, op, 0, 0), -EPERM, "physinfo");
    op[1]++;
    expect_errno(call_hypercall(sysctl, op, 0, 0), -EACCES, "another version of the interface");
    expect_errno(call_hypercall(sysctl, UNMAPPED, 0, 0), -EFAULT, "unmapped structure");
}

TEST("sysctl", {"sysctl", refused});
