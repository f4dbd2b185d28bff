/* update_descriptor: one descriptor, at a machine address (arch/i386/mm.c). */
#include "test.h"

static u64 table[512] PAGE_ALIGNED;
#define FLAT_DPL1 0x00cfb2000000c3ffull

static void descriptors(void)
{
    ulong ma = mfn_of(table) << 12;

    expect_success(update_descriptor(ma + 8, FLAT_DPL1), "in an ordinary page");
    expect_equal(table[1], FLAT_DPL1, "it is there");
    expect_success(update_descriptor(ma + 16, 0x00cf12000000ffffull), "one that is not present, even of ring 0");
    expect_errno(update_descriptor(ma + 4, FLAT_DPL1), -EINVAL, "not at a multiple of 8");
    expect_errno(update_descriptor(1ul << 12, FLAT_DPL1), -EINVAL, "a frame that is not the domain's");
    expect_errno(update_descriptor(0xfffff000ul, FLAT_DPL1), -EINVAL, "a frame that does not exist");
    expect_errno(update_descriptor(mfn_of((void *)start_info->pt_base) << 12, FLAT_DPL1), -EINVAL, "a page table");
    expect_errno(update_descriptor(ma, 0x00cf92000000c3ffull), -EINVAL, "ring 0");
    expect_errno(update_descriptor(ma, 0x0000e90000000067ull), -EINVAL, "a task state segment");
    expect_success(update_descriptor(ma, 0x0000ec0008190000ull), "a call gate to the kernel");
    expect_errno(update_descriptor(ma, 0x0000ec0008080000ull), -EINVAL, "a call gate to Xen");
    expect_errno(update_descriptor(ma, 0xfc40b2400000ffffull), -EINVAL, "a segment in Xen's area");
    expect_errno(update_descriptor(ma, 0x00cfb2000000ffffull), -EINVAL, "4 GB: nothing is cut in this Xen");
}

static void in_use(void)
{
    ulong frames[1] = {mfn_of(table)}, ma = mfn_of(table) << 12;

    memset(table, 0, sizeof table);
    protect_page(table);
    expect_success(set_gdt(frames, 512), "a table");
    expect_success(update_descriptor(ma + 5 * 8, FLAT_DPL1), "an entry of it");
    TRY("mov %0, %%es", : : "r"(5 << 3 | 1));
    expect_trap(NO_TRAP, "it can be loaded");
    __asm__ volatile("mov %0, %%es" : : "r"(FLAT_RING1_DS));
    expect_errno(update_descriptor(ma + 256 * 8, FLAT_DPL1), -EINVAL, "the first of Xen's entries");
    expect_errno(update_descriptor(ma + 295 * 8, 0), -EINVAL, "the last");
    expect_success(update_descriptor(ma + 296 * 8, FLAT_DPL1), "the one behind");
}

TEST("update-descriptor", {"update_descriptor", descriptors}, {"update_descriptor", in_use});
