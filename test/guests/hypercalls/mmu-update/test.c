/* mmu_update: entries of page tables of every level, and of the machine-to-physical table (arch/x86/mm.c). */
#include "test.h"

static char page[4096] PAGE_ALIGNED, other[4096] PAGE_ALIGNED, plain[4096] PAGE_ALIGNED, table[4096] PAGE_ALIGNED;

static long update(u64 ptr, u64 val)
{
    struct mmu_update request = {ptr, val};
    return mmu_update(&request, 1, NULL, DOMID_SELF);
}

static void l1(void)
{
    u64 at = machine_address_of_entry(page, 1);

    other[0] = 'o';
    expect_success(update(at, make_pte(other, PTE_FLAGS_RW)), "another frame");
    struct mmuext_op flush = {.cmd = MMUEXT_INVLPG_LOCAL, .arg1 = (ulong)page};
    expect_success(mmuext_op(&flush, 1, NULL, DOMID_SELF), "flushed");
    expect_equal(((volatile char *)page)[0], 'o', "it is seen");
    expect_success(update(at, make_pte(page, PTE_PRESENT | PTE_RW)), "without accessed and dirty");
    expect_equal(*entry_of(page, 1) & (PTE_ACCESSED | PTE_DIRTY), 0, "they are not set");
    mmuext_op(&flush, 1, NULL, DOMID_SELF);
    page[0] = 1;
    barrier();
    expect_equal(*entry_of(page, 1) & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED | PTE_DIRTY, "a store sets them");
    expect_success(update(at | MMU_PT_UPDATE_PRESERVE_AD, make_pte(page, PTE_PRESENT)), "keeping accessed and dirty");
    expect_equal(*entry_of(page, 1) & (PTE_ACCESSED | PTE_DIRTY | PTE_RW), PTE_ACCESSED | PTE_DIRTY, "they are kept");
    expect_success(update(at | MMU_PT_UPDATE_NO_TRANSLATE, make_pte(page, PTE_FLAGS_RW)), "without translation");
    expect_errno(update(at, make_pte(entry_of(page, 1), PTE_FLAGS_RW)), -EBUSY, "a page table, writable");
    expect_errno(update(at, make_pte(page, PTE_FLAGS_RW | PTE_PAT)), -EINVAL, "a bit that is not allowed");
    expect_errno(update(at, make_pte_mfn(0xfffffffful, PTE_FLAGS_RW)), -EPERM, "a frame that does not exist");
    unprotect_page(page);
}

/* A new level 1 table in place of an old one: read-only first, then linked, then used. */
static void upper_levels(void)
{
    u64 at = machine_address_of_entry(page, 2), *old = entry_of(page, 1), before = *entry_of(page, 2);
    u64 flags = PTE_PRESENT | PTE_RW | PTE_USER | PTE_ACCESSED | PTE_DIRTY;

    old = (u64 *)((ulong)old & ~(PAGE_SIZE - 1));
    memcpy(table, old, PAGE_SIZE);
    expect_errno(update(at, make_pte(table, flags)), -EINVAL, "a table that is mapped writable");
    protect_page(table);
    memcpy(other, old, PAGE_SIZE);
    unprotect_page(table);
    memcpy(table, old, PAGE_SIZE);
    protect_page(table);
    /* The copy was made while its own entry still said writable. */
    expect_errno(update(at, make_pte(table, flags)), -EBUSY, "a table that maps itself writable");
    unprotect_page(table);
    ((u64 *)table)[(ulong)table >> 12 & 511] = make_pte(table, PTE_FLAGS_RO);
    protect_page(table);
    expect_success(update(at, make_pte(table, flags)), "a table that does not");
    expect_equal(*entry_of(page, 2) & PTE_FRAME_MASK, (u64)mfn_of(table) << 12, "it is linked");
    struct mmuext_op flush = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};
    expect_success(mmuext_op(&flush, 1, NULL, DOMID_SELF), "flushed");
    expect_equal(try_write(page), NO_TRAP, "and it works");
    expect_errno(update_va_mapping(table, make_pte(table, PTE_FLAGS_RW), UVMF_INVLPG), -EBUSY, "it is a table now");
    expect_success(update(at, before), "the old one again");
    expect_errno(update(at, make_pte(plain, flags) | PTE_PSE), -EINVAL, "a large page");
    expect_errno(update(at, make_pte_mfn(1, flags)), -EINVAL, "a frame that is not the domain's");
    mmuext_op(&flush, 1, NULL, DOMID_SELF);
    unprotect_page(table);
    expect_equal(try_write(table), NO_TRAP, "the new one is an ordinary page again");
#ifdef __x86_64__
    u64 root = (u64)mfn_of((void *)start_info->pt_base) << 12;
    expect_errno(update(root + 256 * 8, make_pte(plain, flags)), -EINVAL, "one of Xen's own slots of level 4");
    expect_errno(update(root + 271 * 8, 0), -EINVAL, "the last of them, even for nothing");
    expect_success(update(root + 300 * 8, 0), "a free slot of level 4");
    expect_success(update(root + 300 * 8, make_pte((void *)start_info->pt_base, PTE_PRESENT | PTE_USER)),
                   "the table itself, read-only");
    expect_errno(update(root + 301 * 8, make_pte((void *)start_info->pt_base, flags)), -EINVAL, "the table itself, writable");
    expect_success(update(root + 300 * 8, 0), "no longer");
#else
    u64 root = (u64)mfn_of((void *)start_info->pt_base) << 12;
    expect_errno(update(root + 3 * 8, 0), -EINVAL, "entry 3 of level 3, which holds Xen's part");
#endif
}

/* What is no table may be written this way, if it could be mapped writable. */
static void plain_memory(void)
{
    expect_success(update((u64)mfn_of(plain) << 12 | 16, 0x1122334455667788ull), "an ordinary page");
    expect_equal(((u64 *)plain)[2], 0x1122334455667788ull, "it is written");
    expect_errno(update(1ull << 12, 0), -EINVAL, "a frame that is not the domain's");
    expect_errno(update(0xfffffffffull << 12, 0), -EINVAL, "a frame that does not exist");
}

static void machphys(void)
{
    u64 at = (u64)mfn_of(page) << 12 | MMU_MACHPHYS_UPDATE;

    expect_success(update(at, 0x1234), "an own frame");
    expect_equal(machine_to_phys(mfn_of(page)), 0x1234, "the table says so");
    expect_success(update(at, pfn_of(page)), "as it was");
    expect_errno(update(1ull << 12 | MMU_MACHPHYS_UPDATE, 0), -EINVAL, "a frame that is not the domain's");
}

static void lists(void)
{
    u64 at = machine_address_of_entry(page, 1);
    struct mmu_update three[3] = {{at, make_pte(page, PTE_FLAGS_RW)}, {1ull << 12, 0}, {at, 0}};
    u32 done = 99;

    expect_errno(mmu_update(three, 3, &done, DOMID_SELF), -EINVAL, "the second is bad");
    expect_equal(done, 1, "one was done");
    expect_success(mmu_update(three, 1, &done, DOMID_SELF), "one");
    expect_equal(done, 1, "it was done");
    expect_success(mmu_update(three, 0, &done, DOMID_SELF), "none");
    expect_equal(done, 0, "none was done");
    expect_success(mmu_update(three, 1, UNMAPPED, DOMID_SELF), "a count that cannot be written is passed over");
    expect_errno(mmu_update(UNMAPPED, 1, NULL, DOMID_SELF), -EFAULT, "unmapped list");
    expect_errno(mmu_update(XEN_AREA, 1, NULL, DOMID_SELF), -EFAULT, "list in Xen's area");
    expect_errno(mmu_update(three, 1, NULL, 77), -ESRCH, "frames of a domain that does not exist");
    expect_errno(mmu_update(three, 1, NULL, own_domid()), -ESRCH, "the own number is not foreign");
    expect_errno(mmu_update(three, 1, NULL, 0), -EPERM, "frames of dom0");
    expect_errno(mmu_update(three, 1, NULL, 78u << 16 | DOMID_SELF), -ESRCH, "tables of a domain that does not exist");
    expect_success(mmu_update(three, 1, NULL, (own_domid() + 1u) << 16 | DOMID_SELF), "tables of the domain, by number");
}

TEST("mmu-update",
     {"mmu_update", l1},
     {"mmu_update", upper_levels},
     {"mmu_update", plain_memory},
     {"mmu_update", machphys},
     {"mmu_update", lists});
