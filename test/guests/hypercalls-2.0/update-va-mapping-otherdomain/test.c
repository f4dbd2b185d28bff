/* update_va_mapping_otherdomain: maps another domain's frame, for privileged domains (arch/x86/memory.c). */
#include "test.h"

static long map_other(ulong number, ulong entry, ulong flags, ulong domid)
{
    return hypercall(__HYPERVISOR_update_va_mapping_otherdomain, number, entry, flags, domid, 0);
}

static void refused(void)
{
    expect_errno(map_other(0xc0100, 0, 0, 0), -EPERM, "dom0's");
    expect_errno(map_other(0xc0100, 0, 0, own_domid()), -EPERM, "its own");
    expect_errno(map_other(0xc0100, 0, 0, 77), -EPERM, "nobody's");
}

TEST("update-va-mapping-otherdomain", {"update_va_mapping_otherdomain", refused});
