/* Writable page tables: stores to a level 1 table are taken, and looked at later (arch/x86/memory.c: ptwr). */
#include "test.h"

static char page[4096] PAGE_ALIGNED, other[4096] PAGE_ALIGNED;

static void stores(void)
{
    ulong *entry = entry_of(page, 1), before = *entry;

    expect_equal(try_write(entry), TRAP_PF, "without the assistance a table cannot be written");
    expect_success(vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables), "switched on");
    other[0] = 'o';
    page[0] = 'p';
    TRY("mov %1, %0", : "=m"(*entry) : "r"(make_pte(other, PTE_FLAGS_RW)));
    expect_trap(NO_TRAP, "a store of an entry");
    expect_success(extended(MMUEXT_INVLPG, (ulong)page, 0), "flushed, which looks at what was stored");
    expect_equal(((volatile char *)page)[0], 'o', "it is seen");
    TRY("lock; cmpxchg %2, %0", : "+m"(*entry) : "a"(*entry), "r"(before));
    expect_trap(NO_TRAP, "a locked exchange");
    expect_success(extended(MMUEXT_INVLPG, (ulong)page, 0), "flushed");
    expect_equal(((volatile char *)page)[0], 'p', "as it was");
    TRY("mov %1, %0", : "=m"(*entry_of(page, 2)) : "r"(*entry_of(page, 2)));
    expect_trap(TRAP_PF, "directories are never written this way");
    expect_success(vm_assist(VMASST_CMD_disable, VMASST_TYPE_writable_pagetables), "switched off");
    expect_equal(try_write(entry), TRAP_PF, "as before");
}

TEST("mmu-update/writable", {"mmu_update", stores});
