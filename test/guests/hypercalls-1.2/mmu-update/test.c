/* mmu_update: entries by their virtual addresses, the machine-to-physical table, commands (common/memory.c). */
#include "test.h"

static char page[4096] PAGE_ALIGNED, other[4096] PAGE_ALIGNED, plain[4096] PAGE_ALIGNED, table[4096] PAGE_ALIGNED;
static char directory[4096] PAGE_ALIGNED;

static void flush(void)
{
    expect_success(extended(MMUEXT_TLB_FLUSH, 0, 0), "flushed");
}

/* INVLPG has its address in the upper bits of the value. */
static long invlpg(const void *address)
{
    return extended(MMUEXT_INVLPG, 0, (ulong)address >> 8);
}

static void l1(void)
{
    ulong at = (ulong)entry_of(page, 1);

    other[0] = 'o';
    make_pte(page, 0);
    expect_success(update(at, make_pte(other, PTE_FLAGS_RW)), "another frame");
    expect_success(invlpg(page), "flushed");
    expect_equal(((volatile char *)page)[0], 'o', "it is seen");
    expect_errno(update(at, make_pte(entry_of(page, 1), PTE_FLAGS_RW)), -EINVAL, "a page table, writable");
    expect_success(update(at, make_pte(entry_of(page, 1), PTE_FLAGS_RO)), "a page table, to read");
    expect_errno(update(at, make_pte(other, PTE_FLAGS_RW | PTE_GLOBAL)), -EINVAL, "a global page");
    expect_errno(update(at, make_pte(other, PTE_FLAGS_RW | PTE_PAT)), -EINVAL, "a PAT bit");
    expect_errno(update(at, 0xfffff000ul | PTE_FLAGS_RW), -EINVAL, "a frame that does not exist");
    expect_errno(update(at, 0x1000 | PTE_FLAGS_RW), -EINVAL, "a frame that is not the domain's");
    expect_success(update(at, 0x12345000), "not present: any");
    expect_errno(update(0x1000, make_pte(page, PTE_FLAGS_RW)), -EINVAL, "an address without a page");
    unprotect_page(page);
}

static void l2(void)
{
    ulong at = (ulong)entry_of(page, 2), before = *entry_of(page, 2);
    ulong *old = (ulong *)((ulong)entry_of(page, 1) & ~(PAGE_SIZE - 1));

    memcpy(table, old, PAGE_SIZE);
    expect_errno(update(at, make_pte(table, PDE_FLAGS)), -EINVAL, "a table that is mapped writable");
    ((ulong *)table)[(ulong)table >> 12 & 1023] = make_pte(table, PTE_FLAGS_RO);
    protect_page(table);
    expect_success(update(at, make_pte(table, PDE_FLAGS)), "a table that maps itself read-only");
    flush();
    expect_equal(try_write(page), NO_TRAP, "it works");
    expect_errno(update_va_mapping(page_number(table), make_pte(table, PTE_FLAGS_RW), UVMF_INVLPG), -EINVAL,
                 "it is a table now");
    expect_success(update(at, before), "the old one again");
    flush();
    expect_errno(update(at, make_pte(plain, PDE_FLAGS) | PTE_PSE), -EINVAL, "a large page");
    expect_errno(update(at, make_pte(table, PDE_FLAGS) | PTE_GLOBAL), -EINVAL, "a global one");
    unprotect_page(table);
    expect_equal(try_write(table), NO_TRAP, "the new one is an ordinary page again");
}

static void xen_slots(void)
{
    ulong root = start_info->pt_base;

    expect_errno(update(root + 1008 * 4, 0), -EINVAL, "the first of Xen's own slots");
    expect_errno(update(root + 1023 * 4, 0), -EINVAL, "the last");
    expect_success(update(root + 1007 * 4, 0), "the last of the domain's");
    expect_success(update(root + 1007 * 4, make_pte((void *)root, PTE_PRESENT | PTE_USER)), "itself, read-only");
    expect_errno(update(root + 1006 * 4, make_pte((void *)root, PDE_FLAGS)), -EINVAL, "itself, writable");
    expect_success(update(root + 1007 * 4, 0), "no longer");
}

/* What has no type may be written this way: a page that is mapped writable has one. */
static void plain_memory(void)
{
    expect_errno(update((ulong)plain + 16, 0x11223344), -EINVAL, "a page that is mapped writable");
    protect_page(plain);
    expect_success(update((ulong)plain + 16, 0x11223344), "one that is not");
    expect_equal(((volatile ulong *)plain)[4], 0x11223344, "it is written");
    unprotect_page(plain);
}

static void unchecked(void)
{
    expect_errno(update((ulong)entry_of(page, 1) | MMU_UNCHECKED_PT_UPDATE, make_pte(page, PTE_FLAGS_RW)), -EINVAL,
                 "for dom0");
}

static void machphys(void)
{
    ulong at = mfn_of(page) << 12 | MMU_MACHPHYS_UPDATE;

    expect_success(update(at, 0x1234), "an own frame");
    expect_equal(machine_to_phys(mfn_of(page)), 0x1234, "the table says so");
    expect_success(update(at, pfn_of(page)), "as it was");
    expect_errno(update(1ul << 12 | MMU_MACHPHYS_UPDATE, 0), -EINVAL, "a frame that is not the domain's");
    expect_errno(update(0xfffff000ul | MMU_MACHPHYS_UPDATE, 0), -EINVAL, "a frame that does not exist");
}

static void lists(void)
{
    ulong at = (ulong)entry_of(page, 1);
    struct mmu_update three[3] = {{at, make_pte(page, PTE_FLAGS_RW)}, {0x1000, 0}, {at, 0}};

    expect_errno(mmu_update(three, 3), -EINVAL, "the second is bad");
    expect_equal(try_write(page), NO_TRAP, "the third was not done");
    expect_success(mmu_update(three, 1), "one");
    expect_success(mmu_update(three, 0), "none");
    expect_errno(mmu_update(UNMAPPED, 1), -EFAULT, "unmapped list");
    expect_errno(mmu_update(XEN_AREA, 1), -EFAULT, "list in Xen's area");
}

static void pin_l1(void)
{
    ulong ma = mfn_of(table) << 12;

    memset(table, 0, PAGE_SIZE);
    expect_errno(extended(MMUEXT_PIN_L1_TABLE, ma, 0), -EINVAL, "a page that is mapped writable");
    protect_page(table);
    expect_success(extended(MMUEXT_PIN_L1_TABLE, ma, 0), "one that is not");
    expect_errno(extended(MMUEXT_PIN_L1_TABLE, ma, 0), -EINVAL, "twice");
    expect_errno(update_va_mapping(page_number(table), make_pte(table, PTE_FLAGS_RW), UVMF_INVLPG), -EINVAL,
                 "it stays a table");
    expect_success(extended(MMUEXT_UNPIN_TABLE, ma, 0), "unpinned");
    expect_errno(extended(MMUEXT_UNPIN_TABLE, ma, 0), -EINVAL, "what is not pinned");
    expect_errno(extended(MMUEXT_UNPIN_TABLE, 1ul << 12, 0), -EINVAL, "what is not the domain's");
    unprotect_page(table);
}

static void directories(void)
{
    ulong ma = mfn_of(directory) << 12, old = mfn_of((void *)start_info->pt_base) << 12;

    memcpy(directory, (void *)start_info->pt_base, 1008 * 4);
    protect_page(directory);
    expect_errno(extended(MMUEXT_NEW_BASEPTR, mfn_of(plain) << 12, 0), -EINVAL, "an ordinary page as the directory");
    expect_success(extended(MMUEXT_PIN_L2_TABLE, ma, 0), "a copy of the directory");
    expect_errno(extended(MMUEXT_PIN_L2_TABLE, ma, 0), -EINVAL, "twice");
    expect_success(extended(MMUEXT_NEW_BASEPTR, ma, 0), "the copy as the directory");
    expect_equal(try_write(page), NO_TRAP, "it works");
    expect_success(extended(MMUEXT_NEW_BASEPTR, old, 0), "the old one again");
    expect_success(extended(MMUEXT_UNPIN_TABLE, ma, 0), "the copy is no directory any more");
    unprotect_page(directory);
    expect_equal(try_write(directory), NO_TRAP, "but an ordinary page");
}

static void upper_levels(void)
{
    expect_errno(extended(MMUEXT_PIN_L3_TABLE, mfn_of(table) << 12, 0), -EINVAL, "there is no level 3");
}

static void level_4(void)
{
    expect_errno(extended(MMUEXT_PIN_L4_TABLE, mfn_of(table) << 12, 0), -EINVAL, "there is no level 4");
}

static void invalidate(void)
{
    expect_success(invlpg(page), "an address of the domain");
    expect_success(invlpg((void *)0x1000), "an address without a page");
}

static void ldt(void)
{
    static u64 descriptors[512] PAGE_ALIGNED;

    descriptors[1] = 0x00cfb2000000c3ffull; /* data, DPL 1 */
    descriptors[2] = 0x00cf32000000c3ffull; /* the same, not present */
    protect_page(descriptors);
    expect_errno(extended(MMUEXT_SET_LDT, (ulong)descriptors | 4, 8), -EINVAL, "not at the start of a page");
    expect_errno(extended(MMUEXT_SET_LDT, (ulong)descriptors, 8193), -EINVAL, "too many entries");
    expect_errno(extended(MMUEXT_SET_LDT, PAGE_OFFSET, 8), -EINVAL, "in Xen's area");
    expect_success(extended(MMUEXT_SET_LDT, (ulong)descriptors, 8), "8 entries");
    TRY("mov %0, %%es", : : "r"(1 << 3 | 4 | 1));
    expect_trap(NO_TRAP, "a segment of it");
    TRY("mov %0, %%es", : : "r"(2 << 3 | 4 | 1));
    expect_trap(TRAP_NP, "an entry that is not present");
    __asm__ volatile("mov %0, %%es" : : "r"(FLAT_RING1_DS));
    expect_success(extended(MMUEXT_SET_LDT, 0, 0), "none again");
    TRY("mov %0, %%es", : : "r"(1 << 3 | 4 | 1));
    expect_trap(TRAP_GP, "no segment of it");
    unprotect_page(descriptors);
}

static void unknown(void)
{
    expect_errno(extended(9, 0, 0), -EINVAL, "a command of later Xens");
    expect_errno(extended(255, 0, 0), -EINVAL, "the last number");
}

TEST("mmu-update", {"NORMAL_PT_UPDATE", l1}, {"NORMAL_PT_UPDATE", l2}, {"NORMAL_PT_UPDATE", xen_slots},
     {"NORMAL_PT_UPDATE", plain_memory}, {"UNCHECKED_PT_UPDATE", unchecked}, {"MACHPHYS_UPDATE", machphys},
     {"mmu_update", lists}, {"PIN_L1_TABLE", pin_l1}, {"PIN_L2_TABLE", directories}, {"PIN_L3_TABLE", upper_levels},
     {"PIN_L4_TABLE", level_4}, {"UNPIN_TABLE", pin_l1}, {"NEW_BASEPTR", directories}, {"TLB_FLUSH", flush},
     {"INVLPG", invalidate}, {"SET_LDT", ldt}, {"mmu_update", unknown});
