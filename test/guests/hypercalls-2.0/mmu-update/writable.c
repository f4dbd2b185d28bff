/*
 * Writable page tables: stores to a level 1 table are taken, its part of the address space is disconnected, and what was
 * stored is looked at when it is next used (arch/x86/memory.c: ptwr).
 * machine: endings=good:poweroff,bad:crash,itself:crash
 */
#include "test.h"

#define REGION 0xd0000000ul
static ulong table[1024] PAGE_ALIGNED;
static char page[4096] PAGE_ALIGNED, other[4096] PAGE_ALIGNED;

static void store(ulong *entry, ulong value, const char *what)
{
    TRY("mov %1, %0", : "=m"(*entry) : "r"(value));
    expect_trap(NO_TRAP, what);
}

static void stores(void)
{
    volatile char *mapped = (char *)REGION + 5 * PAGE_SIZE;

    other[0] = 'o';
    page[0] = 'p';
    protect_page(table);
    expect_success(update(machine_address_of_entry((void *)REGION, 2), make_pte(table, PDE_FLAGS)), "a table");
    expect_equal(try_write(&table[5]), TRAP_PF, "without the assistance it cannot be written");
    expect_success(vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables), "switched on");
    store(&table[5], make_pte(other, PTE_FLAGS_RW), "a store of an entry");
    expect_equal(*mapped, 'o', "it is seen at once: nothing stood there before");
    store(&table[5], make_pte(page, PTE_FLAGS_RW), "another store");
    expect_success(extended(MMUEXT_INVLPG, (ulong)mapped, 0), "flushed");
    expect_equal(*mapped, 'p', "it is seen");
    TRY("lock; cmpxchg %2, %0", : "+m"(table[6]) : "a"(0), "r"(make_pte(other, PTE_FLAGS_RO)));
    expect_trap(NO_TRAP, "a locked exchange");
    expect_equal(((volatile char *)mapped)[PAGE_SIZE], 'o', "it is seen");
    for (u32 i = 16; i < 1024; i++)
        table[i] = make_pte(page, PTE_FLAGS_RO);
    expect_equal(*((volatile char *)REGION + 1023 * PAGE_SIZE), 'p', "a thousand stores, one look");
    expect_equal(try_write((char *)REGION + 1023 * PAGE_SIZE), TRAP_PF, "what is mapped read-only stays so");
    TRY("mov %1, %0", : "=m"(*entry_of(page, 2)) : "r"(*entry_of(page, 2)));
    expect_trap(TRAP_PF, "directories are never written this way");
    memset(&table[0], 0, 16 * sizeof table[0]);
    expect_success(update(machine_address_of_entry((void *)REGION, 2), 0), "unlinked");
    unprotect_page(table);
    expect_equal(try_write(table), NO_TRAP, "an ordinary page again");
}

/* Nobody is left to be told that an entry was refused: the domain ends. */
static void ending(void)
{
    const char *word = argument("ending");

    if (same_text(word, "good"))
        return;
    print_verdict();
    if (same_text(word, "itself")) {
        try_write(entry_of(page, 1));
    } else {
        protect_page(table);
        update(machine_address_of_entry((void *)REGION, 2), make_pte(table, PDE_FLAGS));
        table[0] = make_pte((void *)start_info->pt_base, PTE_FLAGS_RW);
        try_read((void *)REGION);
    }
    give_up("it goes on");
}

TEST("mmu-update/writable", {"mmu_update", stores}, {"mmu_update", ending});
