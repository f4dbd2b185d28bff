/* update_va_mapping: one page's entry, by address (arch/x86/mm.c). */
#include "test.h"

static char page[4096] PAGE_ALIGNED, other[4096] PAGE_ALIGNED;

static void change(void)
{
    page[0] = 'p';
    other[0] = 'o';
    expect_success(update_va_mapping(page, make_pte(other, PTE_FLAGS_RW), UVMF_INVLPG), "another frame");
    expect_equal(((volatile char *)page)[0], 'o', "it is seen at once");
    expect_equal(*entry_of(page, 1) & PTE_FRAME_MASK, (u64)mfn_of(other) << 12, "and in the table");
    expect_success(update_va_mapping(page, make_pte(page, PTE_FLAGS_RO), UVMF_TLB_FLUSH), "read-only, with a flush");
    expect_equal(try_write(page), TRAP_PF, "a write traps");
    expect_equal(last_trap.error_code & 3, 3, "because of its right, not of its presence");
    expect_equal(last_trap.cr2, (ulong)page, "the address is told");
    expect_success(update_va_mapping(page, 0, UVMF_INVLPG | UVMF_ALL), "nothing, on all vCPUs");
    expect_equal(try_read(page), TRAP_PF, "a read traps");
    expect_equal(last_trap.error_code & 3, 0, "the page is not present");
    ulong vcpus[1] = {1};
    expect_success(update_va_mapping(page, make_pte(page, PTE_FLAGS_RW), (ulong)vcpus | UVMF_INVLPG), "on some vCPUs");
    expect_equal(try_write(page), NO_TRAP, "as before");
    expect_success(update_va_mapping(page, make_pte(page, PTE_FLAGS_RW | PTE_AVAIL), UVMF_NONE), "bits for the guest");
    expect_equal(*entry_of(page, 1) & PTE_AVAIL, PTE_AVAIL, "they are kept");
    expect_success(update_va_mapping(page, 0xdeadbee0ull << 12, UVMF_INVLPG), "an entry that is not present: any bits");
    expect_equal(*entry_of(page, 1), 0xdeadbee0ull << 12, "they are kept too");
    unprotect_page(page);
}

static void refused(void)
{
    u64 *table = entry_of(page, 1);
    void *beyond = (void *)((VIRT_BASE >> 1) + 0x1234000);

    expect_errno(update_va_mapping(page, make_pte(table, PTE_FLAGS_RW), UVMF_INVLPG), -EBUSY, "a page table, writable");
    expect_success(update_va_mapping(page, make_pte(table, PTE_FLAGS_RO), UVMF_INVLPG), "a page table, read-only");
    expect_errno(update_va_mapping(page, make_pte(page, PTE_FLAGS_RW | PTE_PAT), UVMF_INVLPG), -EINVAL, "PAT");
    expect_errno(update_va_mapping(page, make_pte(page, PTE_FLAGS_RW | PTE_PCD), UVMF_INVLPG), -EINVAL,
                 "cacheability, in a domain without devices");
    expect_errno(update_va_mapping(page, make_pte_mfn(0xfffffffful, PTE_FLAGS_RW), UVMF_INVLPG), -EPERM,
                 "a frame that does not exist, as if it were a device's");
    expect_errno(update_va_mapping(beyond, make_pte(page, PTE_FLAGS_RW), UVMF_INVLPG), -EINVAL,
                 "an address without a page table");
    expect_errno(update_va_mapping(XEN_AREA, make_pte(page, PTE_FLAGS_RW), UVMF_INVLPG), -EINVAL, "in Xen's area");
    expect_equal(*entry_of(page, 1) & PTE_FRAME_MASK, (u64)mfn_of(table) << 12, "no refusal changed the entry");
    expect_errno(update_va_mapping(page, make_pte(page, PTE_FLAGS_RW), (ulong)UNMAPPED | UVMF_INVLPG), -EFAULT,
                 "a set of vCPUs that is not mapped");
    expect_equal(*entry_of(page, 1) & PTE_FRAME_MASK, (u64)mfn_of(page) << 12, "the entry is changed before");
    unprotect_page(page);
}

/* Stores to page tables, which are mapped read-only, are checked one by one and carried out. */
static void by_store(void)
{
    u64 *entry = entry_of(page, 1), before = *entry;

    expect_equal(try_write64(entry, 0), NO_TRAP, "not present");
    expect_success(update_va_mapping(page, before, UVMF_INVLPG), "as it was");
    expect_equal(try_write64(entry, make_pte(other, PTE_FLAGS_RW)), NO_TRAP, "another frame");
    other[1] = 'q';
    struct mmuext_op flush = {.cmd = MMUEXT_INVLPG_LOCAL, .arg1 = (ulong)page};
    expect_success(mmuext_op(&flush, 1, NULL, DOMID_SELF), "flushed");
    expect_equal(((volatile char *)page)[1], 'q', "it is seen");
    expect_equal(try_write64(entry, make_pte(entry, PTE_FLAGS_RW)), TRAP_PF, "a page table, writable: the store traps");
    expect_equal(*entry & PTE_FRAME_MASK, (u64)mfn_of(other) << 12, "and changes nothing");
    unprotect_page(page);
}

TEST("update-va-mapping",
     {"update_va_mapping", change},
     {"update_va_mapping", refused},
     {"update_va_mapping", by_store});
