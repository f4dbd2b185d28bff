/* set_gdt: the domain's own descriptor table; entries 256 to 295 stay Xen's (arch/i386/mm.c). */
#include "test.h"

#define ENTRIES 512
static u64 table[ENTRIES] PAGE_ALIGNED, bad[ENTRIES] PAGE_ALIGNED;

static void arguments(void)
{
    ulong frames[2] = {mfn_of(table), 1};

    protect_page(table);
    expect_errno(set_gdt(frames, LAST_RESERVED_GDT_ENTRY), -EINVAL, "too short for Xen's entries");
    expect_errno(set_gdt(frames, 8193), -EINVAL, "too long");
    expect_errno(set_gdt(UNMAPPED, ENTRIES), -EFAULT, "unmapped list");
    expect_errno(set_gdt(XEN_AREA, ENTRIES), -EFAULT, "list in Xen's area");
    expect_errno(set_gdt(frames, ENTRIES + 1), -EINVAL, "a second frame that is not the domain's");
    frames[0] = 0xffffffff;
    expect_errno(set_gdt(frames, ENTRIES), -EINVAL, "a frame that does not exist");
    frames[0] = mfn_of((void *)start_info->pt_base);
    expect_errno(set_gdt(frames, ENTRIES), -EINVAL, "a page table");
    unprotect_page(table);
    frames[0] = mfn_of(table);
    expect_errno(set_gdt(frames, ENTRIES), -EINVAL, "a page that is mapped writable");
}

static void refuse_descriptor(u64 descriptor, const char *why)
{
    ulong frames[1] = {mfn_of(bad)};

    unprotect_page(bad);
    bad[3] = descriptor;
    protect_page(bad);
    expect_errno(set_gdt(frames, ENTRIES), -EINVAL, why);
}

static void contents(void)
{
    refuse_descriptor(0x00cf92000000c3ffull, "a descriptor of ring 0");
    refuse_descriptor(0x0000890000000067ull, "a task state segment");
    refuse_descriptor(0xfc40b2400000ffffull, "a segment in Xen's area");
    refuse_descriptor(0x00cfb2000000ffffull, "a limit beyond what a domain may reach: nothing is cut in this Xen");
}

static void use(void)
{
    ulong frames[1] = {mfn_of(table)};

    table[2] = 0x00cfb2000000c3ffull;
    protect_page(table);
    expect_success(set_gdt(frames, ENTRIES), "a table");
    expect_equal(table[260], 0x00cfb2000000c3ffull, "Xen has put its own entries there");
    TRY("mov %0, %%es", : : "r"(2 << 3 | 1));
    expect_trap(NO_TRAP, "a segment of it");
    TRY("mov %%es:0xfc400000, %%eax", : : : "eax");
    expect_trap(TRAP_GP, "beyond what a domain may reach");
    expect_errno(update_va_mapping(page_number(table), make_pte(table, PTE_FLAGS_RW), UVMF_INVLPG), -EINVAL,
                 "it stays read-only");
    __asm__ volatile("mov %0, %%es" : : "r"(FLAT_RING1_DS));
}

TEST("set-gdt", {"set_gdt", arguments}, {"set_gdt", contents}, {"set_gdt", use});
