/* Page tables of two levels, found by walking with the help of Xen's machine-to-physical table. */
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

ulong mfn_of(const void *page)
{
    return ((const ulong *)start_info->mfn_list)[pfn_of(page)];
}

void *page_of_mfn(ulong mfn)
{
    return (void *)(VIRT_BASE + machine_to_phys(mfn) * PAGE_SIZE);
}

ulong make_pte(const void *page, ulong flags)
{
    return mfn_of(page) << 12 | flags;
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

ulong machine_address_of(const void *address)
{
    return (mfn_of(address) << 12) + ((ulong)address & (PAGE_SIZE - 1));
}

ulong machine_address_of_entry(const void *address, u32 level)
{
    return machine_address_of(entry_of(address, level));
}

long update(ulong ptr, ulong val)
{
    struct mmu_update request = {ptr, val};

    return mmu_update(&request, 1, NULL);
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
