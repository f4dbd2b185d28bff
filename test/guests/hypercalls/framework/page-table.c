/*
 * Page tables. The domain builder mapped all of the boot area at VIRT_BASE, its tables included (read-only), so that an
 * entry is found by walking with the help of Xen's machine-to-physical table.
 */
#include "test.h"

#ifdef __x86_64__
static const ulong *const m2p = (const ulong *)0xffff800000000000ul;
#else
static const ulong *m2p;
#endif

ulong machine_to_phys(ulong mfn)
{
#ifdef __i386__
    if (!m2p) {
        struct xen_machphys_mapping mapping = {0xf5800000, 0, 0};
        memory_op(XENMEM_machphys_mapping, &mapping);
        m2p = (const ulong *)mapping.v_start;
    }
#endif
    return m2p[mfn];
}

ulong pfn_of(const void *page)
{
    return ((ulong)page - VIRT_BASE) / PAGE_SIZE;
}

ulong mfn_of(const void *page)
{
    return ((const ulong *)start_info->mfn_list)[pfn_of(page)];
}

void set_mfn_of(const void *page, ulong mfn)
{
    ((ulong *)start_info->mfn_list)[pfn_of(page)] = mfn;
}

void *page_of_mfn(ulong mfn)
{
    return (void *)(VIRT_BASE + machine_to_phys(mfn) * PAGE_SIZE);
}

u64 make_pte_mfn(ulong mfn, u64 flags)
{
    return (u64)mfn << 12 | flags;
}

u64 make_pte(const void *page, u64 flags)
{
    return make_pte_mfn(mfn_of(page), flags);
}

u64 *entry_of(const void *address, u32 level)
{
    u64 *table = (u64 *)start_info->pt_base;

    for (u32 at = PAGE_LEVELS;; at--) {
        u32 index = (ulong)address >> (12 + 9 * (at - 1)) & (at == 3 && PAGE_LEVELS == 3 ? 3 : 511);
        if (at == level)
            return &table[index];
        if (!(table[index] & PTE_PRESENT))
            give_up("no page table for an address");
        table = page_of_mfn((ulong)((table[index] & PTE_FRAME_MASK) >> 12));
    }
}

u64 machine_address_of_entry(const void *address, u32 level)
{
    const char *entry = (const char *)entry_of(address, level);
    return ((u64)mfn_of(entry) << 12) + ((ulong)entry & (PAGE_SIZE - 1));
}

void map_page(const void *page, u64 entry)
{
    if (update_va_mapping(page, entry, UVMF_INVLPG))
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

void unmap_page(const void *page)
{
    map_page(page, 0);
}
