/* update_va_mapping: the entry of a page of the current address space, by the page's number (common/memory.c). */
#include "test.h"

static char page[4096] PAGE_ALIGNED, other[4096] PAGE_ALIGNED;

static void entries(void)
{
    ulong number = page_number(page);

    other[0] = 'o';
    page[0] = 'p';
    make_pte(page, 0);
    expect_success(update_va_mapping(number, make_pte(other, PTE_FLAGS_RW), UVMF_INVLPG), "another frame");
    expect_equal(((volatile char *)page)[0], 'o', "it is seen");
    expect_success(update_va_mapping(number, make_pte(page, PTE_FLAGS_RW), UVMF_FLUSH_TLB), "with a whole flush");
    expect_equal(((volatile char *)page)[0], 'p', "it is seen");
    expect_success(update_va_mapping(number, make_pte(page, PTE_FLAGS_RO), UVMF_INVLPG), "to read");
    expect_equal(try_write(page), TRAP_PF, "it cannot be written");
    expect_success(update_va_mapping(number, 0, UVMF_INVLPG), "nothing");
    expect_equal(try_read(page), TRAP_PF, "it is not there");
    expect_errno(update_va_mapping(number, make_pte(entry_of(page, 1), PTE_FLAGS_RW), 0), -EINVAL, "a page table");
    expect_errno(update_va_mapping(number, 0x1000 | PTE_FLAGS_RW, 0), -EINVAL, "a frame that is not the domain's");
    expect_errno(update_va_mapping(number, make_pte(page, PTE_FLAGS_RW) | PTE_GLOBAL, 0), -EINVAL, "a global page");
    unprotect_page(page);
}

static void places(void)
{
    expect_errno(update_va_mapping(HYPERVISOR_VIRT_START >> 12, 0, 0), -EINVAL, "Xen's first page");
    expect_errno(update_va_mapping(0xfffff, 0, 0), -EINVAL, "the last page");
    expect_errno(update_va_mapping((ulong)page, 0, 0), -EINVAL, "an address instead of a number");
    expect_errno(update_va_mapping(0x400, 0, 0), -EFAULT, "a page without a page table");
}

TEST("update-va-mapping", {"update_va_mapping", entries}, {"update_va_mapping", places});
