/* dm_op: device models of HVM domains, for those that run them (common/dm.c). */
#include "test.h"

struct xen_dm_op_buf {
    void *address;
    ulong size;
};

static u32 op[16];

static void refused(void)
{
    struct xen_dm_op_buf buffer = {op, sizeof op};

    expect_errno(call_hypercall(dm_op, own_domid(), 1, &buffer), -EPERM, "of the domain itself");
    expect_errno(call_hypercall(dm_op, 0, 1, &buffer), -EPERM, "of dom0");
    expect_errno(call_hypercall(dm_op, 0, 0, 0), -EPERM, "without buffers");
    expect_errno(call_hypercall(dm_op, DOMID_SELF, 1, &buffer), -ESRCH, "of DOMID_SELF");
    expect_errno(call_hypercall(dm_op, 77, 1, &buffer), -ESRCH, "of a domain that is not there");
    expect_errno(call_hypercall(dm_op, 77, 3, &buffer), -E2BIG, "more than two buffers");
    expect_errno(call_hypercall(dm_op, 77, 1, UNMAPPED), -EFAULT, "unmapped list of buffers");
}

TEST("dm-op", {"dm_op", refused});
