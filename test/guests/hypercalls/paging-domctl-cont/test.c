/* paging_domctl_cont: the rest of a long domctl, which only Xen itself begins (arch/x86/mm/paging.c). */
#include "test.h"

#define XEN_DOMCTL_INTERFACE_VERSION 0x15
#define XEN_DOMCTL_shadow_op 10

static u32 op[64] = {XEN_DOMCTL_shadow_op, XEN_DOMCTL_INTERFACE_VERSION};

static void refused(void)
{
    op[2] = 77;
    expect_errno(call_hypercall(paging_domctl_cont, op, 0, 0), -ESRCH, "a domain that does not exist");
    op[0]++;
    expect_errno(call_hypercall(paging_domctl_cont, op, 0, 0), -EOPNOTSUPP, "another command");
    expect_errno(call_hypercall(paging_domctl_cont, UNMAPPED, 0, 0), -EFAULT, "unmapped structure");
}

TEST("paging-domctl-cont", {"paging_domctl_cont", refused});
