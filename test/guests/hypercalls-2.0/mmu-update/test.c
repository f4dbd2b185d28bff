/* mmu_update: entries of page tables, the machine-to-physical table, extended commands (arch/x86/memory.c). */
#include "test.h"

static char page[4096] PAGE_ALIGNED, other[4096] PAGE_ALIGNED, plain[4096] PAGE_ALIGNED, table[4096] PAGE_ALIGNED;
static char directory[4096] PAGE_ALIGNED;

static void flush(void)
{
    expect_success(extended(MMUEXT_TLB_FLUSH, 0, 0), "flushed");
}

static void l1(void)
{
    ulong at = machine_address_of_entry(page, 1);

    other[0] = 'o';
    expect_success(update(at, make_pte(other, PTE_FLAGS_RW)), "another frame");
    expect_success(extended(MMUEXT_INVLPG, (ulong)page, 0), "flushed");
    expect_equal(((volatile char *)page)[0], 'o', "it is seen");
    expect_success(update(at, make_pte(page, PTE_PRESENT | PTE_RW)), "without accessed and dirty");
    extended(MMUEXT_INVLPG, (ulong)page, 0);
    page[0] = 1;
    barrier();
    expect_equal(*entry_of(page, 1) & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED | PTE_DIRTY, "a store sets them");
    expect_errno(update(at, make_pte(entry_of(page, 1), PTE_FLAGS_RW)), -EINVAL, "a page table, writable");
    expect_success(update(at, make_pte(entry_of(page, 1), PTE_FLAGS_RO)), "a page table, to read");
    expect_errno(update(at, make_pte(other, PTE_FLAGS_RW | PTE_GLOBAL)), -EINVAL, "a global page");
    expect_errno(update(at, make_pte(other, PTE_FLAGS_RW | PTE_PAT)), -EINVAL, "a PAT bit");
    expect_errno(update(at, 0xfffff000ul | PTE_FLAGS_RW), -EINVAL, "a frame that does not exist");
    expect_errno(update(at, 0x1000 | PTE_FLAGS_RW), -EINVAL, "a frame that is not the domain's");
    expect_success(update(at, 0x12345000), "not present: any");
    expect_errno(update(at | 1, make_pte(page, PTE_FLAGS_RW)), -EINVAL, "command 1, of Xen 1.2");
    unprotect_page(page);
}

/* A new level 1 table in place of an old one: read-only first, then linked, then used. */
static void l2(void)
{
    ulong at = machine_address_of_entry(page, 2), before = *entry_of(page, 2);
    ulong *old = (ulong *)((ulong)entry_of(page, 1) & ~(PAGE_SIZE - 1));

    memcpy(table, old, PAGE_SIZE);
    expect_errno(update(at, make_pte(table, PDE_FLAGS)), -EINVAL, "a table that is mapped writable");
    ((ulong *)table)[(ulong)table >> 12 & 1023] = make_pte(table, PTE_FLAGS_RO);
    protect_page(table);
    expect_success(update(at, make_pte(table, PDE_FLAGS)), "a table that maps itself read-only");
    expect_equal(*entry_of(page, 2) >> 12, mfn_of(table), "it is linked");
    flush();
    expect_equal(try_write(page), NO_TRAP, "and it works");
    expect_errno(update_va_mapping(page_number(table), make_pte(table, PTE_FLAGS_RW), UVMF_INVLPG), -EINVAL,
                 "it is a table now");
    expect_success(update(at, before), "the old one again");
    flush();
    expect_errno(update(at, make_pte(plain, PDE_FLAGS) | PTE_PSE), -EINVAL, "a large page");
    expect_errno(update(at, make_pte(table, PDE_FLAGS) | PTE_GLOBAL), -EINVAL, "a global one");
    expect_errno(update(at, 0x1000 | PDE_FLAGS), -EINVAL, "a frame that is not the domain's");
    unprotect_page(table);
    expect_equal(try_write(table), NO_TRAP, "the new one is an ordinary page again");
}

static void xen_slots(void)
{
    ulong root = machine_address_of((void *)start_info->pt_base);

    expect_errno(update(root + 1008 * 4, 0), -EINVAL, "the first of Xen's own slots");
    expect_errno(update(root + 1023 * 4, 0), -EINVAL, "the last");
    expect_success(update(root + 1007 * 4, 0), "the last of the domain's");
    expect_success(update(root + 1007 * 4, make_pte((void *)start_info->pt_base, PTE_PRESENT | PTE_USER)),
                   "the directory itself, read-only");
    expect_errno(update(root + 1006 * 4, make_pte((void *)start_info->pt_base, PDE_FLAGS)), -EINVAL,
                 "the directory itself, writable");
    expect_success(update(root + 1007 * 4, 0), "no longer");
}

/* What is no table may be written this way, if it could be mapped writable. */
static void plain_memory(void)
{
    expect_success(update((mfn_of(plain) << 12) + 16, 0x11223344), "an ordinary page");
    expect_equal(((volatile ulong *)plain)[4], 0x11223344, "it is written");
    expect_errno(update(1ul << 12, 0), -EINVAL, "a frame that is not the domain's");
    expect_errno(update(0xfffff000ul, 0), -EINVAL, "a frame that does not exist");
}

static void machphys(void)
{
    ulong at = mfn_of(page) << 12 | MMU_MACHPHYS_UPDATE;

    expect_success(update(at, 0x1234), "an own frame");
    expect_equal(machine_to_phys(mfn_of(page)), 0x1234, "the table says so");
    expect_success(update(at, pfn_of(page)), "as it was");
    expect_errno(update(1ul << 12 | MMU_MACHPHYS_UPDATE, 0), -EINVAL, "a frame that is not the domain's");
    expect_equal(try_write((void *)(HYPERVISOR_VIRT_START + 4 * mfn_of(page))), TRAP_PF, "domains only read the table");
}

static void lists(void)
{
    ulong at = machine_address_of_entry(page, 1);
    struct mmu_update three[3] = {{at, make_pte(page, PTE_FLAGS_RW)}, {1ul << 12, 0}, {at, 0}};
    u32 done = 99;

    expect_errno(mmu_update(three, 3, &done), -EINVAL, "the second is bad");
    expect_equal(done, 1, "one was done");
    expect_success(mmu_update(three, 1, &done), "one");
    expect_equal(done, 1, "it was done");
    expect_success(mmu_update(three, 0, &done), "none");
    expect_equal(done, 0, "none was done");
    expect_errno(mmu_update(UNMAPPED, 1, NULL), -EFAULT, "unmapped list");
    expect_errno(mmu_update(XEN_AREA, 1, NULL), -EFAULT, "list in Xen's area");
    expect_errno(mmu_update(three, 0x10001, NULL), -EINVAL, "a count that reaches into Xen's bits");
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
    expect_errno(extended(MMUEXT_PIN_L2_TABLE, ma, 0), -EINVAL, "as one of another level");
    expect_success(extended(MMUEXT_UNPIN_TABLE, ma, 0), "unpinned");
    expect_errno(extended(MMUEXT_UNPIN_TABLE, ma, 0), -EINVAL, "what is not pinned");
    expect_errno(extended(MMUEXT_UNPIN_TABLE, 1ul << 12, 0), -EINVAL, "what is not the domain's");
    unprotect_page(table);
    ((ulong *)table)[0] = make_pte(plain, PTE_FLAGS_RW | PTE_GLOBAL);
    protect_page(table);
    expect_errno(extended(MMUEXT_PIN_L1_TABLE, ma, 0), -EINVAL, "a table with a bad entry");
    unprotect_page(table);
    memset(table, 0, PAGE_SIZE);
}

static void directories(void)
{
    ulong ma = mfn_of(directory) << 12, old = machine_address_of((void *)start_info->pt_base);

    memset(directory, 0, PAGE_SIZE);
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
    expect_errno(extended(MMUEXT_NEW_BASEPTR, 1ul << 12, 0), -EINVAL, "a frame that is not the domain's");
}

static void upper_levels(void)
{
    expect_errno(extended(MMUEXT_PIN_L3_TABLE, mfn_of(table) << 12, 0), -EINVAL, "there is no level 3");
}

static void level_4(void)
{
    expect_errno(extended(MMUEXT_PIN_L4_TABLE, mfn_of(table) << 12, 0), -EINVAL, "there is no level 4");
}

static void cache(void)
{
    expect_errno(extended(MMUEXT_FLUSH_CACHE, 0, 0), -EINVAL, "for domains with devices");
}

static void ldt(void)
{
    static u64 descriptors[512] PAGE_ALIGNED;

    descriptors[1] = 0x00cfb2000000ffffull; /* data, DPL 1 */
    descriptors[2] = 0x00cf32000000ffffull; /* the same, not present */
    protect_page(descriptors);
    expect_errno(extended(MMUEXT_SET_LDT, (ulong)descriptors | 4, 8), -EINVAL, "not at the start of a page");
    expect_errno(extended(MMUEXT_SET_LDT, (ulong)descriptors, 8193), -EINVAL, "too many entries");
    expect_errno(extended(MMUEXT_SET_LDT, PAGE_OFFSET, 8), -EINVAL, "in Xen's area");
    expect_success(extended(MMUEXT_SET_LDT, (ulong)descriptors, 8), "8 entries");
    TRY("mov %0, %%es", : : "r"(1 << 3 | 4 | 1));
    expect_trap(NO_TRAP, "a segment of it");
    expect_equal(descriptors[1] & 0xffff, 0xc3ff, "its limit was cut when Xen looked at it");
    TRY("mov %0, %%es", : : "r"(2 << 3 | 4 | 1));
    expect_trap(TRAP_NP, "an entry that is not present");
    TRY("mov %0, %%es", : : "r"(9 << 3 | 4 | 1));
    expect_trap(TRAP_GP, "an entry behind its end");
    __asm__ volatile("mov %0, %%es" : : "r"(FLAT_RING1_DS));
    expect_success(extended(MMUEXT_SET_LDT, 0, 0), "none again");
    TRY("mov %0, %%es", : : "r"(1 << 3 | 4 | 1));
    expect_trap(TRAP_GP, "no segment of it");
    unprotect_page(descriptors);
}

static void foreign(void)
{
    ulong at = machine_address_of_entry(page, 1);
    struct mmu_update io[2] = {{MMU_EXTENDED_COMMAND, (ulong)DOMID_IO << 16 | MMUEXT_SET_FOREIGNDOM},
                               {at, make_pte(page, PTE_FLAGS_RW)}};
    struct mmu_update cleared[3] = {io[0], {MMU_EXTENDED_COMMAND, MMUEXT_CLEAR_FOREIGNDOM}, io[1]};

    expect_errno(extended(MMUEXT_SET_FOREIGNDOM, 0, 0), -EINVAL, "frames of dom0");
    expect_errno(extended(MMUEXT_SET_FOREIGNDOM, 0, (ulong)DOMID_XEN << 8), -EINVAL, "Xen's frames");
    expect_errno(extended(MMUEXT_SET_FOREIGNDOM, 0, (ulong)DOMID_SELF << 8), -EINVAL, "the own ones, by that name");
    map_page(page, 0);
    expect_errno(mmu_update(io, 2, NULL), -EINVAL, "an own frame where only devices are meant");
    expect_success(mmu_update(cleared, 3, NULL), "an own frame afterwards");
    expect_success(update(at, make_pte(page, PTE_FLAGS_RW)), "it is forgotten at the end of a list");
}

static void clear(void)
{
    expect_success(extended(MMUEXT_CLEAR_FOREIGNDOM, 0, 0), "even where none is set");
}

static void transfer(void)
{
    expect_errno(extended(MMUEXT_TRANSFER_PAGE, mfn_of(plain) << 12, 77ul << 8), -EINVAL, "to nobody");
    expect_errno(extended(MMUEXT_TRANSFER_PAGE, 1ul << 12, (ulong)own_domid() << 8), -EINVAL, "what is another's");
    expect_errno(extended(MMUEXT_TRANSFER_PAGE, mfn_of(plain) << 12, (ulong)own_domid() << 8), -EINVAL,
                 "a page that is mapped");
}

static void reassign(void)
{
    expect_errno(extended(MMUEXT_REASSIGN_PAGE, mfn_of(plain) << 12, 0), -EINVAL, "for privileged domains");
}

static void invlpg(void)
{
    expect_success(extended(MMUEXT_INVLPG, (ulong)page, 0), "an address of the domain");
    expect_success(extended(MMUEXT_INVLPG, 0x1000, 0), "an address without a page");
}

static void unknown(void)
{
    expect_errno(extended(14, 0, 0), -EINVAL, "a command that does not exist");
    expect_errno(extended(255, 0, 0), -EINVAL, "the last number");
}

TEST("mmu-update", {"NORMAL_PT_UPDATE", l1}, {"NORMAL_PT_UPDATE", l2}, {"NORMAL_PT_UPDATE", xen_slots},
     {"NORMAL_PT_UPDATE", plain_memory}, {"MACHPHYS_UPDATE", machphys}, {"mmu_update", lists},
     {"PIN_L1_TABLE", pin_l1}, {"PIN_L2_TABLE", directories}, {"PIN_L3_TABLE", upper_levels},
     {"PIN_L4_TABLE", level_4}, {"UNPIN_TABLE", pin_l1}, {"NEW_BASEPTR", directories},
     {"TLB_FLUSH", flush}, {"INVLPG", invlpg}, {"FLUSH_CACHE", cache}, {"SET_LDT", ldt},
     {"SET_FOREIGNDOM", foreign}, {"CLEAR_FOREIGNDOM", clear}, {"TRANSFER_PAGE", transfer},
     {"REASSIGN_PAGE", reassign}, {"mmu_update", unknown});
