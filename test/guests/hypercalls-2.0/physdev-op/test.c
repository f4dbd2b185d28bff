/* physdev_op: devices, which this domain has none of (common/physdev.c). */
#include "test.h"

static struct physdev_op op;

static void unknown(void)
{
    op.cmd = 6;
    expect_errno(physdev_op(&op), -EINVAL, "a command that does not exist");
    op.cmd = 0xffffffff;
    expect_errno(physdev_op(&op), -EINVAL, "command -1");
    expect_errno(physdev_op(UNMAPPED), -EFAULT, "unmapped argument");
    expect_errno(physdev_op(XEN_AREA), -EFAULT, "argument in Xen's area");
}

static void pci_read(void)
{
    op.cmd = PHYSDEVOP_PCI_CFGREG_READ;
    memset(op.u, 0, sizeof op.u);
    op.u[4] = 4;
    expect_errno(physdev_op(&op), -EPERM, "device 0");
    op.u[0] = 1000;
    expect_errno(physdev_op(&op), -EPERM, "a bus that does not exist");
}

static void pci_write(void)
{
    op.cmd = PHYSDEVOP_PCI_CFGREG_WRITE;
    memset(op.u, 0, sizeof op.u);
    op.u[4] = 4;
    expect_errno(physdev_op(&op), -EPERM, "device 0");
}

static void pci_initialise(void)
{
    op.cmd = PHYSDEVOP_PCI_INITIALISE_DEVICE;
    memset(op.u, 0, sizeof op.u);
    expect_errno(physdev_op(&op), -EPERM, "device 0");
}

static void buses(void)
{
    op.cmd = PHYSDEVOP_PCI_PROBE_ROOT_BUSES;
    memset(op.u, 0xff, sizeof op.u);
    expect_success(physdev_op(&op), "asked for by anybody");
    for (u32 i = 0; i < 8; i++)
        expect_equal(op.u[i], 0, "there are none");
}

static void unmask(void)
{
    op.cmd = PHYSDEVOP_IRQ_UNMASK_NOTIFY;
    expect_success(physdev_op(&op), "there is nothing to unmask");
}

static void status(void)
{
    op.cmd = PHYSDEVOP_IRQ_STATUS_QUERY;
    op.u[0] = 0xffffffff;
    expect_errno(physdev_op(&op), -EINVAL, "interrupt -1");
    op.u[0] = 100000;
    expect_errno(physdev_op(&op), -EINVAL, "an interrupt that does not exist");
}

TEST("physdev-op", {"physdev_op", unknown}, {"PHYSDEVOP_PCI_CFGREG_READ", pci_read},
     {"PHYSDEVOP_PCI_CFGREG_WRITE", pci_write}, {"PHYSDEVOP_PCI_INITIALISE_DEVICE", pci_initialise},
     {"PHYSDEVOP_PCI_PROBE_ROOT_BUSES", buses}, {"PHYSDEVOP_IRQ_UNMASK_NOTIFY", unmask},
     {"PHYSDEVOP_IRQ_STATUS_QUERY", status});
