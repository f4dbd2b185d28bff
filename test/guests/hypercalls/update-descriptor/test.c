/* update_descriptor: one entry of a descriptor table, checked (arch/x86/pv/descriptor-tables.c, descriptor.c). */
#include "test.h"

#define DATA 0x00cff2000000ffffull /* flat, DPL 3, writable */
#define DATA_RING0 0x00cf92000000ffffull

static u64 table[512] PAGE_ALIGNED, plain[512] PAGE_ALIGNED;

static u64 machine_address(const void *at)
{
    return ((u64)mfn_of(at) << 12) + ((ulong)at & (PAGE_SIZE - 1));
}

/* In a page that is in use as a GDT, which the guest cannot write. */
static void in_gdt(void)
{
    ulong frame = mfn_of(table);

    protect_page(table);
    expect_success(set_gdt(&frame, 512), "a GDT");
    expect_equal(try_write(&table[7]), TRAP_PF, "it is read-only");
    expect_success(update_descriptor(machine_address(&table[7]), DATA), "a data segment");
    expect_equal(table[7], DATA, "it is there");
    expect_success(update_descriptor(machine_address(&table[7]), 0), "nothing");
    expect_equal(table[7], 0, "it is gone");
    expect_success(update_descriptor(machine_address(&table[8]), DATA & ~(1ull << 47)), "a segment that is not present");
    expect_success(update_descriptor(machine_address(&table[9]), DATA_RING0), "DPL 0: Xen makes it the guest's");
    expect_true((table[9] >> 45 & 3) != 0, "its DPL is not 0");
    expect_errno(update_descriptor(machine_address(&table[10]), 0x0000890000000067ull), -EINVAL, "a TSS");
    expect_errno(update_descriptor(machine_address(&table[10]), 0x0000820000000067ull), -EINVAL, "an LDT");
    expect_errno(update_descriptor(machine_address(&table[10]), 0x00008e0000080000ull), -EINVAL, "an interrupt gate");
    expect_equal(table[10], 0, "a refusal changes nothing");
    expect_errno(update_descriptor(machine_address(&table[7]) + 4, DATA), -EINVAL, "an address that is not aligned");
    expect_success(set_gdt(NULL, 0), "no GDT");
    unprotect_page(table);
}

static void elsewhere(void)
{
    expect_success(update_descriptor(machine_address(&plain[3]), DATA), "in an ordinary page");
    expect_equal(plain[3], DATA, "it is there");
    expect_errno(update_descriptor((u64)mfn_of((void *)start_info->pt_base) << 12, DATA), -EINVAL, "in a page table");
    expect_errno(update_descriptor(8, DATA), -EINVAL, "in a frame that is not the domain's");
    expect_errno(update_descriptor(0x7ffffffffff8ull, DATA), -EINVAL, "in a frame that does not exist");
}

TEST("update-descriptor", {"update_descriptor", in_gdt}, {"update_descriptor", elsewhere});
