/* Page tables of two levels, in which the builder has mapped all of the domain's memory. */
#include "test.h"

static const ulong *const m2p = (const ulong *)HYPERVISOR_VIRT_START;

ulong machine_to_phys(ulong mfn)
{
    return m2p[mfn];
}

ulong pfn_of(const void *page)
{
    return ((ulong)page - VIRT_BASE) / PAGE_SIZE;
}

ulong page_number(const void *page)
{
    return (ulong)page / PAGE_SIZE;
}

void *page_of_mfn(ulong mfn)
{
    return (void *)(VIRT_BASE + machine_to_phys(mfn) * PAGE_SIZE);
}

ulong *entry_of(const void *address, u32 level)
{
    ulong *directory = (ulong *)start_info->pt_base;
    ulong *entry = &directory[(ulong)address >> 22];

    if (level == 2)
        return entry;
    if (!(*entry & PTE_PRESENT))
        give_up("no page table for an address");
    return (ulong *)page_of_mfn(*entry >> 12) + ((ulong)address >> 12 & 1023);
}

/* Pages that a test has asked about: it may change their entries afterwards. */
static struct {
    const void *page;
    ulong mfn;
} known[16];

ulong mfn_of(const void *page)
{
    const void *start = (const void *)((ulong)page & ~(PAGE_SIZE - 1));

    for (u32 i = 0; i < ARRAY_LENGTH(known); i++)
        if (known[i].page == start)
            return known[i].mfn;
    ulong mfn = *entry_of(page, 1) >> 12;
    for (u32 i = 0; i < ARRAY_LENGTH(known); i++) {
        if (!known[i].page) {
            known[i].page = start;
            known[i].mfn = mfn;
            break;
        }
    }
    return mfn;
}

ulong make_pte(const void *page, ulong flags)
{
    return mfn_of(page) << 12 | flags;
}

long update(ulong ptr, ulong val)
{
    struct mmu_update request = {ptr, val};

    return mmu_update(&request, 1);
}

long extended(u32 command, ulong ptr, ulong high_bits)
{
    return update((ptr & ~3ul) | MMU_EXTENDED_COMMAND, high_bits << 8 | command);
}

void map_page(const void *page, ulong entry)
{
    if (update_va_mapping(page_number(page), entry, UVMF_INVLPG))
        give_up("update_va_mapping refused a plain mapping");
}

void protect_page(const void *page)
{
    map_page(page, make_pte(page, PTE_FLAGS_RO));
}

void unprotect_page(const void *page)
{
    map_page(page, make_pte(page, PTE_FLAGS_RW));
}
