/* physdev_op: a domain without devices; what it may still do, and what it is told (arch/x86/physdev.c). */
#include "test.h"

static u64 structure[16]; /* as large as any of them, filled with 0 */

static void irq_status_query(void)
{
    struct physdev_irq_status_query op = {.irq = 5};

    expect_success(physdev_op(PHYSDEVOP_irq_status_query, &op), "an interrupt that is not the domain's");
    expect_equal(op.flags, 1, "it would need an EOI");
    op.irq = 100000;
    expect_errno(physdev_op(PHYSDEVOP_irq_status_query, &op), -EINVAL, "beyond the domain's number of PIRQs");
    op.irq = 0xffffffff;
    expect_errno(physdev_op(PHYSDEVOP_irq_status_query, &op), -EINVAL, "interrupt -1");
    expect_errno(physdev_op(PHYSDEVOP_irq_status_query, UNMAPPED), -EFAULT, "unmapped structure");
}

/* Looks for interrupts of the domain that were unmasked; there are none. */
static void irq_unmask_notify(void)
{
    expect_success(physdev_op(PHYSDEVOP_irq_unmask_notify, NULL), "it has no argument");
    expect_success(physdev_op(PHYSDEVOP_irq_unmask_notify, UNMAPPED), "and looks at none");
}

static void set_iopl(void)
{
    struct physdev_set_iopl op = {.iopl = 3};

    TRY("inb $0x80, %%al", : : : "eax");
    expect_trap(TRAP_GP, "a port, at first");
    expect_success(physdev_op(PHYSDEVOP_set_iopl, &op), "3");
    TRY("inb $0x80, %%al", : : : "eax");
    expect_trap(NO_TRAP, "a port that the domain has not: all ones, but no trap");
    TRY("cli");
    expect_trap(NO_TRAP, "cli, which does nothing");
    op.iopl = 4;
    expect_errno(physdev_op(PHYSDEVOP_set_iopl, &op), -EINVAL, "4");
    op.iopl = 0;
    expect_success(physdev_op(PHYSDEVOP_set_iopl, &op), "0");
    TRY("inb $0x80, %%al", : : : "eax");
    expect_trap(TRAP_GP, "a port, in the end");
    expect_errno(physdev_op(PHYSDEVOP_set_iopl, UNMAPPED), -EFAULT, "unmapped structure");
}

static u8 bitmap[8192];

static void set_iobitmap(void)
{
    struct physdev_set_iobitmap op = {.bitmap = bitmap, .nr_ports = 65536};

    memset(bitmap, 0xff, sizeof bitmap);
    bitmap[0x80 / 8] = 0xfe;
    expect_success(physdev_op(PHYSDEVOP_set_iobitmap, &op), "a bitmap");
    TRY("inb $0x80, %%al", : : : "eax");
    expect_trap(NO_TRAP, "a port whose bit is clear");
    TRY("inb $0x81, %%al", : : : "eax");
    expect_trap(TRAP_GP, "a port whose bit is set");
    op.nr_ports = 0x80;
    expect_success(physdev_op(PHYSDEVOP_set_iobitmap, &op), "for fewer ports");
    TRY("inb $0x80, %%al", : : : "eax");
    expect_trap(TRAP_GP, "a port beyond it");
    op.nr_ports = 65537;
    expect_errno(physdev_op(PHYSDEVOP_set_iobitmap, &op), -EINVAL, "more ports than there are");
    op.nr_ports = 65536;
    op.bitmap = UNMAPPED;
    expect_success(physdev_op(PHYSDEVOP_set_iobitmap, &op), "a bitmap that is not mapped: seen when it is used");
    TRY("inb $0x80, %%al", : : : "eax");
    expect_trap(TRAP_GP, "no bit, no port");
#ifdef __x86_64__
    op.bitmap = XEN_AREA;
    expect_errno(physdev_op(PHYSDEVOP_set_iobitmap, &op), -EINVAL, "a bitmap in Xen's area");
#endif
    op = (struct physdev_set_iobitmap){.bitmap = NULL, .nr_ports = 0};
    expect_success(physdev_op(PHYSDEVOP_set_iobitmap, &op), "none");
    expect_errno(physdev_op(PHYSDEVOP_set_iobitmap, UNMAPPED), -EFAULT, "unmapped structure");
}

/* EOI knows PIRQs that were mapped or taken by get_free_pirq. */
static void eoi(void)
{
    struct physdev_eoi op = {.irq = 5};

    expect_errno(physdev_op(PHYSDEVOP_eoi, &op), -EINVAL, "an interrupt that is not known");
    op.irq = 100000;
    expect_errno(physdev_op(PHYSDEVOP_eoi, &op), -EINVAL, "beyond the domain's number of PIRQs");
    expect_errno(physdev_op(PHYSDEVOP_eoi, UNMAPPED), -EFAULT, "unmapped structure");
}

struct physdev_get_free_pirq {
    s32 type;
    u32 pirq; /* out */
};

static void get_free_pirq(void)
{
    struct physdev_get_free_pirq gsi = {.type = 1}, again = {.type = 1}, msi = {.type = 0};

    expect_success(physdev_op(PHYSDEVOP_get_free_pirq, &gsi), "of the I/O APIC's");
    expect_true(gsi.pirq >= 16, "above those of the ISA bus");
    expect_success(physdev_op(PHYSDEVOP_get_free_pirq, &again), "another");
    expect_true(again.pirq != gsi.pirq, "the first is taken");
    expect_success(physdev_op(PHYSDEVOP_get_free_pirq, &msi), "for messages");
    expect_true(msi.pirq > again.pirq, "from the other end");
    struct physdev_eoi op = {.irq = gsi.pirq};
    expect_success(physdev_op(PHYSDEVOP_eoi, &op), "an EOI of a PIRQ that was taken");
    expect_errno(physdev_op(PHYSDEVOP_get_free_pirq, UNMAPPED), -EFAULT, "unmapped structure");
}

static char eoi_page[4096] PAGE_ALIGNED;

static void pirq_eoi_gmfn_v2(void)
{
    struct physdev_pirq_eoi_gmfn op = {.gmfn = 1};

    expect_errno(physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &op), -EINVAL, "a frame that is not the domain's");
    op.gmfn = mfn_of((void *)start_info->pt_base);
    expect_errno(physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &op), -EINVAL, "a page table");
    expect_errno(physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, UNMAPPED), -EFAULT, "unmapped structure");
    op.gmfn = mfn_of(eoi_page);
    expect_success(physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &op), "an own page");
    expect_errno(physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &op), -EBUSY, "a second time");
}

static void pirq_eoi_gmfn_v1(void)
{
    struct physdev_pirq_eoi_gmfn op = {.gmfn = mfn_of(eoi_page)};

    expect_errno(physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v1, UNMAPPED), -EFAULT, "unmapped structure");
    struct physdev_pirq_eoi_gmfn bad = {.gmfn = 1};
    expect_errno(physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v1, &bad), -EINVAL, "the frame is looked at first");
    expect_errno(physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v1, &op), -EBUSY, "the two forms share the page");
}

/* Each of these wants privilege over hardware, and looks at its structure first. */
static void privileged(u32 command)
{
    expect_errno(physdev_op(command, UNMAPPED), -EFAULT, "unmapped structure");
    expect_errno(physdev_op(command, structure), -EPERM, "for a domain with hardware");
}

static void apic_read(void)
{
    privileged(PHYSDEVOP_apic_read);
}

static void apic_write(void)
{
    privileged(PHYSDEVOP_apic_write);
}

static void alloc_irq_vector(void)
{
    privileged(PHYSDEVOP_alloc_irq_vector);
}

static void manage_pci_add(void)
{
    privileged(PHYSDEVOP_manage_pci_add);
}

static void manage_pci_remove(void)
{
    privileged(PHYSDEVOP_manage_pci_remove);
}

static void manage_pci_add_ext(void)
{
    privileged(PHYSDEVOP_manage_pci_add_ext);
    u32 op[4] = {0, 2}; /* bus and devfn, is_extfn */
    expect_errno(physdev_op(PHYSDEVOP_manage_pci_add_ext, op), -EINVAL, "a flag that is neither 0 nor 1");
}

static void setup_gsi(void)
{
    privileged(PHYSDEVOP_setup_gsi);
    s32 op[4] = {100000};
    expect_errno(physdev_op(PHYSDEVOP_setup_gsi, op), -EINVAL, "an interrupt that does not exist");
}

static void pci_device_add(void)
{
    privileged(PHYSDEVOP_pci_device_add);
}

static void pci_device_remove(void)
{
    privileged(PHYSDEVOP_pci_device_remove);
}

static void prepare_msix(void)
{
    privileged(PHYSDEVOP_prepare_msix);
}

static void release_msix(void)
{
    privileged(PHYSDEVOP_release_msix);
}

/* map_pirq and unmap_pirq begin with a domid: the own one. */
static void map_pirq(void)
{
    domid_t op[20] = {DOMID_SELF};

    expect_errno(physdev_op(PHYSDEVOP_map_pirq, op), -EPERM, "for a domain with hardware");
    op[0] = 77;
    expect_errno(physdev_op(PHYSDEVOP_map_pirq, op), -ESRCH, "a domain that does not exist");
    expect_errno(physdev_op(PHYSDEVOP_map_pirq, UNMAPPED), -EFAULT, "unmapped structure");
}

static void unmap_pirq(void)
{
    domid_t op[20] = {DOMID_SELF};

    expect_errno(physdev_op(PHYSDEVOP_unmap_pirq, op), -EPERM, "for a domain with hardware");
    op[0] = 77;
    expect_errno(physdev_op(PHYSDEVOP_unmap_pirq, op), -ESRCH, "a domain that does not exist");
    expect_errno(physdev_op(PHYSDEVOP_unmap_pirq, UNMAPPED), -EFAULT, "unmapped structure");
}

/* No check of privilege: the device is looked for among the domain's own. */
static void restore_msi(void)
{
    expect_errno(physdev_op(PHYSDEVOP_restore_msi, structure), -ENODEV, "a device that is not the domain's");
    expect_errno(physdev_op(PHYSDEVOP_restore_msi, UNMAPPED), -EFAULT, "unmapped structure");
}

static void restore_msi_ext(void)
{
    expect_errno(physdev_op(PHYSDEVOP_restore_msi_ext, structure), -ENODEV, "a device that is not the domain's");
    expect_errno(physdev_op(PHYSDEVOP_restore_msi_ext, UNMAPPED), -EFAULT, "unmapped structure");
}

/* These look at privilege first. */
static void pci_mmcfg_reserved(void)
{
    expect_errno(physdev_op(PHYSDEVOP_pci_mmcfg_reserved, structure), -EPERM, "for a domain with hardware");
    expect_errno(physdev_op(PHYSDEVOP_pci_mmcfg_reserved, UNMAPPED), -EPERM, "the structure is not looked at");
}

static void dbgp_op(void)
{
    expect_errno(physdev_op(PHYSDEVOP_dbgp_op, structure), -EPERM, "for dom0");
    expect_errno(physdev_op(PHYSDEVOP_dbgp_op, UNMAPPED), -EPERM, "the structure is not looked at");
}

static void no_such_command(void)
{
    expect_errno(physdev_op(11, structure), -ENOSYS, "a gap among the numbers");
    expect_errno(physdev_op(32, structure), -ENOSYS, "one past the last command");
    expect_errno(physdev_op(0xffffffff, structure), -ENOSYS, "command -1");
}

TEST("physdev-op",
     {"PHYSDEVOP_irq_status_query", irq_status_query},
     {"PHYSDEVOP_irq_unmask_notify", irq_unmask_notify},
     {"PHYSDEVOP_set_iopl", set_iopl},
     {"PHYSDEVOP_set_iobitmap", set_iobitmap},
     {"PHYSDEVOP_apic_read", apic_read},
     {"PHYSDEVOP_apic_write", apic_write},
     {"PHYSDEVOP_alloc_irq_vector", alloc_irq_vector},
     {"PHYSDEVOP_eoi", eoi},
     {"PHYSDEVOP_map_pirq", map_pirq},
     {"PHYSDEVOP_unmap_pirq", unmap_pirq},
     {"PHYSDEVOP_manage_pci_add", manage_pci_add},
     {"PHYSDEVOP_manage_pci_remove", manage_pci_remove},
     {"PHYSDEVOP_pirq_eoi_gmfn_v2", pirq_eoi_gmfn_v2},
     {"PHYSDEVOP_pirq_eoi_gmfn_v1", pirq_eoi_gmfn_v1},
     {"PHYSDEVOP_manage_pci_add_ext", manage_pci_add_ext},
     {"PHYSDEVOP_restore_msi", restore_msi},
     {"PHYSDEVOP_setup_gsi", setup_gsi},
     {"PHYSDEVOP_get_free_pirq", get_free_pirq},
     {"PHYSDEVOP_pci_mmcfg_reserved", pci_mmcfg_reserved},
     {"PHYSDEVOP_pci_device_add", pci_device_add},
     {"PHYSDEVOP_pci_device_remove", pci_device_remove},
     {"PHYSDEVOP_restore_msi_ext", restore_msi_ext},
     {"PHYSDEVOP_dbgp_op", dbgp_op},
     {"PHYSDEVOP_prepare_msix", prepare_msix},
     {"PHYSDEVOP_release_msix", release_msix},
     {"physdev_op", no_such_command});
