/* domctl: other domains, for dom0; version and domain are looked at first (common/domctl.c). */
#include "test.h"

#define XEN_DOMCTL_INTERFACE_VERSION 0x15
#define XEN_DOMCTL_pausedomain 3

static u32 op[64] = {XEN_DOMCTL_pausedomain, XEN_DOMCTL_INTERFACE_VERSION};

static void refused(void)
{
    op[2] = own_domid();
    expect_errno(call_hypercall(domctl, op, 0, 0), -EPERM, "not even itself");
    op[2] = 77;
    expect_errno(call_hypercall(domctl, op, 0, 0), -ESRCH, "a domain that does not exist");
    op[1]++;
    expect_errno(call_hypercall(domctl, op, 0, 0), -EACCES, "another version of the interface");
    expect_errno(call_hypercall(domctl, UNMAPPED, 0, 0), -EFAULT, "unmapped structure");
}

TEST("domctl", {"domctl", refused});
