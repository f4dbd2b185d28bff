/* physdev_op_compat: command and structure in one argument, as Xen 2 had it (arch/x86/compat.c). */
#include "test.h"

static void compat(void)
{
    struct physdev_op op = {.cmd = PHYSDEVOP_set_iopl, .u.set_iopl = {1}};

    expect_success(physdev_op_compat(&op), "set_iopl");
    op.u.set_iopl.iopl = 4;
    expect_errno(physdev_op_compat(&op), -EINVAL, "set_iopl 4");
    op.u.set_iopl.iopl = 0;
    expect_success(physdev_op_compat(&op), "set_iopl 0");
    op = (struct physdev_op){.cmd = PHYSDEVOP_irq_status_query, .u.irq_status_query = {.irq = 5}};
    expect_success(physdev_op_compat(&op), "irq_status_query");
    expect_equal(op.u.irq_status_query.flags & 1, 1, "an interrupt always needs an EOI");
    op = (struct physdev_op){.cmd = PHYSDEVOP_set_iobitmap, .u.set_iobitmap = {.bitmap = NULL, .nr_ports = 0}};
    expect_success(physdev_op_compat(&op), "set_iobitmap");
    op = (struct physdev_op){.cmd = PHYSDEVOP_apic_read, .u.apic_op = {.reg = 1}};
    expect_errno(physdev_op_compat(&op), -EPERM, "apic_read is for dom0");
    expect_errno(physdev_op_compat(UNMAPPED), -EFAULT, "unmapped structure");
    op.cmd = 0xffffffff;
    expect_errno(physdev_op_compat(&op), -ENOSYS, "command -1");
}

TEST("physdev-op-compat", {"physdev_op_compat", compat});
