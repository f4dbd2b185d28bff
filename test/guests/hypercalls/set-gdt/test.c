/* set_gdt: the frames of a guest's descriptor table; Xen appends its own entries (arch/x86/pv/descriptor-tables.c). */
#include "test.h"

#define DATA 0x00cff2000000ffffull
#define FIRST_RESERVED_ENTRY 7168

static u64 tables[2][512] PAGE_ALIGNED;

/* The null selector means nothing to `lar`; ZF says whether the selector could be looked at. */
static int selector_exists(u32 selector)
{
    u8 found;
    u32 rights;

    __asm__ volatile("lar %2, %1\n"
                     "setz %0"
                     : "=q"(found), "=r"(rights)
                     : "r"(selector)
                     : "cc");
    return found;
}

static void set(void)
{
    ulong frames[16] = {mfn_of(tables[0]), mfn_of(tables[1])};

    tables[0][1] = DATA;
    tables[1][2] = DATA;
    protect_page(tables[0]);
    protect_page(tables[1]);
    expect_true(!selector_exists(1 << 3 | 3), "no GDT, no segments of one's own");
    expect_true(selector_exists(FLAT_KERNEL_SS), "but Xen's");
    expect_success(set_gdt(frames, 512), "one frame");
    expect_true(selector_exists(1 << 3 | 3), "its entry 1");
    expect_true(!selector_exists(514 << 3 | 3), "entry 514 is beyond it");
    expect_true(selector_exists(FLAT_KERNEL_SS), "Xen's are still there");
    expect_success(set_gdt(frames, 1024), "two frames");
    expect_true(selector_exists(514 << 3 | 3), "entry 514");
    expect_errno(update_va_mapping(tables[0], make_pte(tables[0], PTE_FLAGS_RW), UVMF_INVLPG), -EBUSY,
                 "mapping a descriptor table writable");

    frames[1] = 0;
    expect_errno(set_gdt(frames, 1024), -EINVAL, "a frame that is not the domain's");
    expect_true(selector_exists(514 << 3 | 3), "a refusal leaves the old table");
    frames[1] = mfn_of((void *)start_info->pt_base);
    expect_errno(set_gdt(frames, 1024), -EINVAL, "a page table");
    static char writable[4096] PAGE_ALIGNED;
    frames[1] = mfn_of(writable);
    expect_errno(set_gdt(frames, 1024), -EINVAL, "a page that is mapped writable");
    expect_errno(set_gdt(frames, FIRST_RESERVED_ENTRY + 1), -EINVAL, "more entries than a guest may have");
    expect_errno(set_gdt(UNMAPPED, 512), -EFAULT, "unmapped list");
    expect_success(set_gdt(UNMAPPED, 0), "no entries, whatever the list");
    expect_true(!selector_exists(1 << 3 | 3), "the table is gone");
    unprotect_page(tables[0]);
    unprotect_page(tables[1]);
    expect_equal(try_write(tables[0]), NO_TRAP, "its frames are ordinary again");
}

TEST("set-gdt", {"set_gdt", set});
