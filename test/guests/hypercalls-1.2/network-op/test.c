/* network_op: rules for packets between interfaces, which are dom0's (common/network.c). */
#include "test.h"

static void refused(void)
{
    static u32 op[13];

    for (op[0] = 0; op[0] < 7; op[0]++)
        expect_errno(network_op(op), -EPERM, "for dom0");
    expect_errno(network_op(UNMAPPED), -EPERM, "wherever it points");
}

TEST("network-op", {"network_op", refused});
