/* mmuext_op: pins, roots, flushes, LDT, whole pages (arch/x86/mm.c). */
#include "test.h"

static char page[4096] PAGE_ALIGNED, other[4096] PAGE_ALIGNED, table[4096] PAGE_ALIGNED, root[4096] PAGE_ALIGNED;

static long operate(u32 command, ulong arg1, ulong arg2)
{
    struct mmuext_op op = {command, arg1, arg2};
    return mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static long pin(u32 command, const void *at)
{
    return operate(command, mfn_of(at), 0);
}

/* A table of a level that may be pinned: an empty page, read-only; and its way back. */
static void pins(u32 command)
{
    expect_errno(pin(command, table), -EINVAL, "a page that is mapped writable");
    protect_page(table);
    expect_success(pin(command, table), "an empty table");
    expect_errno(pin(command, table), -EINVAL, "twice");
    expect_errno(update_va_mapping(table, make_pte(table, PTE_FLAGS_RW), UVMF_INVLPG), -EBUSY, "it cannot be written");
    expect_success(pin(MMUEXT_UNPIN_TABLE, table), "unpinning it");
    expect_errno(operate(command, 1, 0), -EINVAL, "a frame that is not the domain's");
    expect_errno(operate(command, 0xfffffffful, 0), -EINVAL, "a frame that does not exist");
    unprotect_page(table);
    ((u64 *)table)[0] = make_pte(page, PTE_PRESENT) | PTE_GLOBAL | PTE_PAT | PTE_PCD;
    protect_page(table);
    expect_errno(pin(command, table), -EINVAL, "an entry with bits that are not allowed");
    unprotect_page(table);
    memset(table, 0, sizeof table);
}

static void pin_l1(void)
{
    pins(MMUEXT_PIN_L1_TABLE);
    ((u64 *)table)[3] = make_pte(page, PTE_FLAGS_RW);
    protect_page(table);
    expect_success(pin(MMUEXT_PIN_L1_TABLE, table), "a table with an entry");
    expect_errno(pin(MMUEXT_PIN_L2_TABLE, table), -EINVAL, "as another level");
    struct mmu_update clear = {((u64)mfn_of(table) << 12) + 24, 0};
    expect_success(mmu_update(&clear, 1, NULL, DOMID_SELF), "changing the entry");
    expect_equal(((u64 *)table)[3], 0, "it is changed");
    expect_success(pin(MMUEXT_UNPIN_TABLE, table), "unpinning it");
    unprotect_page(table);
}

static void pin_l2(void)
{
    pins(MMUEXT_PIN_L2_TABLE);
}

static void pin_l3(void)
{
#ifdef __x86_64__
    pins(MMUEXT_PIN_L3_TABLE);
#else
    protect_page(table);
    expect_errno(pin(MMUEXT_PIN_L3_TABLE, table), -EINVAL, "entry 3 has to be there");
    expect_errno(operate(MMUEXT_PIN_L3_TABLE, 1, 0), -EINVAL, "a frame that is not the domain's");
    unprotect_page(table);
#endif
}

static void pin_l4(void)
{
#ifdef __x86_64__
    pins(MMUEXT_PIN_L4_TABLE);
#else
    expect_success(pin(MMUEXT_PIN_L4_TABLE, page), "32-bit domains have no level 4: nothing happens");
    expect_equal(try_write(page), NO_TRAP, "the page is what it was");
#endif
}

static void unpin(void)
{
    expect_errno(pin(MMUEXT_UNPIN_TABLE, page), -EINVAL, "a page that is not pinned");
    expect_errno(operate(MMUEXT_UNPIN_TABLE, 1, 0), -EINVAL, "a frame that is not the domain's");
    expect_success(pin(MMUEXT_UNPIN_TABLE, (void *)start_info->pt_base), "the root, which stays in use");
    expect_success(pin(MMUEXT_PIN_ROOT, (void *)start_info->pt_base), "and back");
}

static void new_baseptr(void)
{
    u64 *copy = (u64 *)root, *old = (u64 *)start_info->pt_base;

#ifdef __x86_64__
    for (u32 i = 0; i < 512; i++)
        copy[i] = i >= 256 && i < 272 ? 0 : old[i];
    protect_page(root);
    expect_success(operate(MMUEXT_NEW_BASEPTR, mfn_of(root), 0), "a copy of the root");
    page[0] = 'n';
    expect_equal(((volatile char *)page)[0], 'n', "all is where it was");
    expect_success(operate(MMUEXT_NEW_BASEPTR, mfn_of(old), 0), "the old root");
    unprotect_page(root);
#else
    (void)copy;
    expect_success(operate(MMUEXT_NEW_BASEPTR, mfn_of(old), 0), "the root that is loaded");
#endif
    expect_errno(operate(MMUEXT_NEW_BASEPTR, mfn_of(page), 0), -EINVAL, "a page that is mapped writable");
    expect_errno(operate(MMUEXT_NEW_BASEPTR, 1, 0), -EINVAL, "a frame that is not the domain's");
    expect_errno(operate(MMUEXT_NEW_BASEPTR, mfn_of(entry_of(page, 1)), 0), -EINVAL, "a table of another level");
}

static void new_user_baseptr(void)
{
#ifdef __x86_64__
    expect_success(operate(MMUEXT_NEW_USER_BASEPTR, start_info ? mfn_of((void *)start_info->pt_base) : 0, 0), "a root");
    expect_success(operate(MMUEXT_NEW_USER_BASEPTR, mfn_of((void *)start_info->pt_base), 0), "the same");
    expect_success(operate(MMUEXT_NEW_USER_BASEPTR, 0, 0), "none");
    expect_errno(operate(MMUEXT_NEW_USER_BASEPTR, mfn_of(page), 0), -EINVAL, "a page that is mapped writable");
    expect_errno(operate(MMUEXT_NEW_USER_BASEPTR, 1, 0), -EINVAL, "a frame that is not the domain's");
#else
    expect_errno(operate(MMUEXT_NEW_USER_BASEPTR, mfn_of(page), 0), -EINVAL, "a page that is mapped writable");
#endif
}

static void tlb_flush_local(void)
{
    expect_success(operate(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), "all of it");
    struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};
    expect_errno(mmuext_op(&op, 1, NULL, 77), -ESRCH, "of a domain that does not exist");
}

static void invlpg_local(void)
{
    expect_success(operate(MMUEXT_INVLPG_LOCAL, (ulong)page, 0), "a page");
    expect_success(operate(MMUEXT_INVLPG_LOCAL, (ulong)UNMAPPED, 0), "one that is not mapped");
    expect_success(operate(MMUEXT_INVLPG_LOCAL, (ulong)XEN_AREA, 0), "one of Xen's: nothing happens");
}

static void multi(u32 command)
{
    ulong vcpus[2] = {1, 0};

    expect_success(operate(command, (ulong)page, (ulong)vcpus), "on vCPU 0");
    vcpus[0] = ~0ul;
    expect_success(operate(command, (ulong)page, (ulong)vcpus), "on vCPUs that do not exist as well");
    expect_errno(operate(command, (ulong)page, (ulong)UNMAPPED), -EINVAL, "a set that is not mapped");
}

static void tlb_flush_multi(void)
{
    multi(MMUEXT_TLB_FLUSH_MULTI);
}

static void invlpg_multi(void)
{
    multi(MMUEXT_INVLPG_MULTI);
}

static void tlb_flush_all(void)
{
    expect_success(operate(MMUEXT_TLB_FLUSH_ALL, 0, 0), "on all vCPUs");
}

static void invlpg_all(void)
{
    expect_success(operate(MMUEXT_INVLPG_ALL, (ulong)page, 0), "a page");
    expect_success(operate(MMUEXT_INVLPG_ALL, (ulong)XEN_AREA, 0), "one of Xen's: nothing happens");
}

static void flush_cache(void)
{
    expect_errno(operate(MMUEXT_FLUSH_CACHE, 0, 0), -EACCES, "a domain without devices");
}

static void flush_cache_global(void)
{
    expect_errno(operate(MMUEXT_FLUSH_CACHE_GLOBAL, 0, 0), -EINVAL, "a domain without devices");
}

static u64 ldt[512] PAGE_ALIGNED;

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

static void set_ldt(void)
{
    ldt[1] = 0x00cff2000000ffffull;
    protect_page(ldt);
    expect_success(operate(MMUEXT_SET_LDT, (ulong)ldt, 512), "a page");
    /* Xen maps the table when it is first used. */
    u32 loaded = 1 << 3 | 4 | 3, seen;
    TRY("mov %1, %%fs\n", : "=m"(seen) : "r"(loaded));
    expect_trap(NO_TRAP, "a selector of it can be loaded");
    expect_true(selector_exists(1 << 3 | 4 | 3), "and looked at");
    __asm__ volatile("mov %0, %%fs" : : "r"(0));
    expect_success(operate(MMUEXT_SET_LDT, (ulong)ldt, 0), "none");
    TRY("mov %1, %%fs\n", : "=m"(seen) : "r"(loaded));
    expect_trap(TRAP_GP, "it is gone");
    expect_errno(operate(MMUEXT_SET_LDT, (ulong)ldt + 8, 512), -EINVAL, "an address inside a page");
    expect_errno(operate(MMUEXT_SET_LDT, (ulong)ldt, 8193), -EINVAL, "more entries than there can be");
    expect_success(operate(MMUEXT_SET_LDT, (ulong)ldt + 8, 0), "an address that does not matter");
#ifdef __x86_64__
    expect_errno(operate(MMUEXT_SET_LDT, (ulong)XEN_AREA, 512), -EINVAL, "in Xen's area");
#endif
    unprotect_page(ldt);
}

static void clear_page(void)
{
    memset(page, 'x', sizeof page);
    expect_success(operate(MMUEXT_CLEAR_PAGE, mfn_of(page), 0), "an own page");
    expect_true(page[0] == 0 && page[4095] == 0, "it is clear");
    expect_errno(operate(MMUEXT_CLEAR_PAGE, mfn_of((void *)start_info->pt_base), 0), -EINVAL, "a page table");
    expect_errno(operate(MMUEXT_CLEAR_PAGE, 1, 0), -EINVAL, "a frame that is not the domain's");
}

static void copy_page(void)
{
    memset(other, 'c', sizeof other);
    expect_success(operate(MMUEXT_COPY_PAGE, mfn_of(page), mfn_of(other)), "between own pages");
    expect_true(page[0] == 'c' && page[4095] == 'c', "it is copied");
    expect_success(operate(MMUEXT_COPY_PAGE, mfn_of(page), mfn_of((void *)start_info->pt_base)), "from a page table");
    expect_errno(operate(MMUEXT_COPY_PAGE, mfn_of((void *)start_info->pt_base), mfn_of(page)), -EINVAL, "to a page table");
    expect_errno(operate(MMUEXT_COPY_PAGE, 1, mfn_of(page)), -EINVAL, "to a frame that is not the domain's");
    expect_errno(operate(MMUEXT_COPY_PAGE, mfn_of(page), 1), -EINVAL, "from one");
}

static void lists(void)
{
    struct mmuext_op three[3] = {{.cmd = MMUEXT_TLB_FLUSH_LOCAL}, {.cmd = 99}, {.cmd = MMUEXT_TLB_FLUSH_LOCAL}};
    u32 done = 99;

    expect_errno(mmuext_op(three, 3, &done, DOMID_SELF), -ENOSYS, "the second is no command");
    expect_equal(done, 1, "one was done");
    expect_errno(operate(14, 0, 0), -ENOSYS, "a gap among the numbers");
    expect_errno(operate(MMUEXT_MARK_SUPER, mfn_of(page), 0), -EOPNOTSUPP, "superpages are gone");
    expect_errno(operate(MMUEXT_UNMARK_SUPER, mfn_of(page), 0), -EOPNOTSUPP, "superpages are gone");
    expect_success(mmuext_op(three, 0, &done, DOMID_SELF), "none");
    expect_errno(mmuext_op(UNMAPPED, 1, NULL, DOMID_SELF), -EFAULT, "unmapped list");
    expect_errno(mmuext_op(XEN_AREA, 1, NULL, DOMID_SELF), -EFAULT, "list in Xen's area");
    expect_errno(mmuext_op(three, 1, NULL, own_domid()), -ESRCH, "the own number is not foreign");
    expect_errno(mmuext_op(three, 1, NULL, 0), -EPERM, "dom0");
}

TEST("mmuext-op",
     {"MMUEXT_PIN_L1_TABLE", pin_l1},
     {"MMUEXT_PIN_L2_TABLE", pin_l2},
     {"MMUEXT_PIN_L3_TABLE", pin_l3},
     {"MMUEXT_PIN_L4_TABLE", pin_l4},
     {"MMUEXT_UNPIN_TABLE", unpin},
     {"MMUEXT_NEW_BASEPTR", new_baseptr},
     {"MMUEXT_NEW_USER_BASEPTR", new_user_baseptr},
     {"MMUEXT_TLB_FLUSH_LOCAL", tlb_flush_local},
     {"MMUEXT_INVLPG_LOCAL", invlpg_local},
     {"MMUEXT_TLB_FLUSH_MULTI", tlb_flush_multi},
     {"MMUEXT_INVLPG_MULTI", invlpg_multi},
     {"MMUEXT_TLB_FLUSH_ALL", tlb_flush_all},
     {"MMUEXT_INVLPG_ALL", invlpg_all},
     {"MMUEXT_FLUSH_CACHE", flush_cache},
     {"MMUEXT_FLUSH_CACHE_GLOBAL", flush_cache_global},
     {"MMUEXT_SET_LDT", set_ldt},
     {"MMUEXT_CLEAR_PAGE", clear_page},
     {"MMUEXT_COPY_PAGE", copy_page},
     {"mmuext_op", lists});
