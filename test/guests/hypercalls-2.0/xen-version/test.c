/* xen_version: 2.0, and what comes by the way: pending events (common/kernel.c). */
#include "test.h"

static void version(void)
{
    expect_result(xen_version(0), 0x20000, "2.0");
    expect_errno(xen_version(1), -ENOSYS, "a command of later Xens");
    expect_errno(xen_version(0xffffffff), -ENOSYS, "command -1");
}

/* Numbers are taken modulo 32; those without a call answer ENOSYS. */
static void numbers(void)
{
    for (ulong number = 24; number < 32; number++)
        expect_errno(hypercall(number, 0, 0, 0, 0, 0), -ENOSYS, "no such call");
    expect_result(hypercall(32 + __HYPERVISOR_xen_version, 0, 0, 0, 0, 0), 0x20000, "modulo 32");
}

TEST("xen-version", {"xen_version", version}, {"xen_version", numbers});
