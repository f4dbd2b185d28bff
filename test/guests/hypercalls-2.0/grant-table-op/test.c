/* grant_table_op: switched off from 2.0.2 on (common/grant_table.c). */
#include "test.h"

static void off(void)
{
    static u32 op[8];

    for (ulong command = 0; command < 8; command++)
        expect_errno(hypercall(__HYPERVISOR_grant_table_op, command, (ulong)op, 1, 0, 0), -ENOSYS, "off");
    expect_errno(hypercall(__HYPERVISOR_grant_table_op, 0, (ulong)UNMAPPED, 1, 0, 0), -ENOSYS, "wherever it points");
}

TEST("grant-table-op", {"grant_table_op", off});
