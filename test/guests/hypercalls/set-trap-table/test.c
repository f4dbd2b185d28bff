/* set_trap_table: handlers of exceptions and software interrupts (arch/x86/pv/callback.c). */
#include "test.h"

static void set(void)
{
    struct trap_info table[3] = {
        {.vector = 0x90, .flags = 1, .cs = FLAT_KERNEL_CS, .address = (ulong)software_entry},
        {.vector = TRAP_BP, .flags = 3, .cs = FLAT_KERNEL_CS, .address = (ulong)other_entry},
    };

    expect_success(set_trap_table(table), "two entries, the rest as it is");
    last_trap.vector = NO_TRAP;
    __asm__ volatile("int $0x90");
    expect_trap(TRAP_SOFTWARE, "a software interrupt");
    __asm__ volatile("int3");
    expect_trap(TRAP_OTHER, "a replaced handler");
    TRY("ud2");
    expect_trap(TRAP_UD, "a handler that was not named");

    /* Bit 2 of the flags: events are masked in the handler. */
    enable_events();
    __asm__ volatile("int $0x90");
    expect_equal(last_trap.upcall_mask, 0, "events in a handler");
    table[0].flags = 1 | 4;
    expect_success(set_trap_table(table), "with the flag");
    __asm__ volatile("int $0x90");
    expect_equal(last_trap.upcall_mask, 1, "masked in the handler");
    expect_equal(shared_info->vcpu_info[0].evtchn_upcall_mask, 0, "and not when it has returned");
    disable_events();

    traps_restore();
    __asm__ volatile("int3");
    expect_trap(TRAP_BP, "set_trap_table(NULL), then the kernel's own table");
}

static void bad(void)
{
    expect_errno(set_trap_table(UNMAPPED), -EFAULT, "unmapped table");
    expect_errno(set_trap_table(XEN_AREA), -EFAULT, "table in Xen's area");
#ifdef __x86_64__
    struct trap_info beyond[3] = {
        {.vector = TRAP_BP, .flags = 3, .cs = FLAT_KERNEL_CS, .address = (ulong)other_entry},
        {.vector = TRAP_OF, .cs = FLAT_KERNEL_CS, .address = NON_CANONICAL},
    };
    expect_errno(set_trap_table(beyond), -EINVAL, "an address that is not canonical");
    __asm__ volatile("int3");
    expect_trap(TRAP_OTHER, "what came before it in the table is set");
#endif
    /* A table whose second entry lies in a page that is not mapped. */
    static char pages[2 * 4096] PAGE_ALIGNED;
    struct trap_info *edge = (struct trap_info *)(pages + PAGE_SIZE) - 1;
    *edge = (struct trap_info){.vector = 0x91, .flags = 1, .cs = FLAT_KERNEL_CS, .address = (ulong)software_entry};
    unmap_page(pages + PAGE_SIZE);
    expect_errno(set_trap_table(edge), -EFAULT, "a table that runs into nothing");
    last_trap.vector = NO_TRAP;
    __asm__ volatile("int $0x91");
    expect_trap(TRAP_SOFTWARE, "what came before is set");
    traps_restore();
}

/* The DPL in the flags says who may use a software interrupt: the kernel needs 1, whatever ring it is in, a user 3. */
static char user_code[4096] PAGE_ALIGNED, user_stack[4096] PAGE_ALIGNED;

static void privilege(void)
{
    struct trap_info table[2] = {{.vector = 0x92, .flags = 0, .cs = FLAT_KERNEL_CS, .address = (ulong)software_entry}};

    user_code[0] = (char)0xcd; /* int $0x92 */
    user_code[1] = (char)0x92;
    map_page(user_code, make_pte(user_code, PTE_FLAGS_RW | PTE_USER));
    map_page(user_stack, make_pte(user_stack, PTE_FLAGS_RW | PTE_USER));
    expect_success(set_trap_table(table), "DPL 0");
    TRY("int $0x92");
    expect_trap(TRAP_GP, "not even the kernel may");
    table[0].flags = 1;
    expect_success(set_trap_table(table), "DPL 1");
    run_user(user_code, user_stack + PAGE_SIZE);
    expect_trap(TRAP_GP, "user mode may not");
    expect_equal(last_trap.error_code, 0x92 << 3 | 2, "the error code names the entry of the IDT");
    expect_true(last_trap.from_user, "it came from user mode");
    table[0].flags = 3;
    expect_success(set_trap_table(table), "DPL 3");
    run_user(user_code, user_stack + PAGE_SIZE);
    expect_trap(TRAP_SOFTWARE, "user mode may");
    expect_equal(last_trap.ip, (ulong)user_code + 2, "behind the instruction");
    traps_restore();
}

TEST("set-trap-table", {"set_trap_table", set}, {"set_trap_table", bad}, {"set_trap_table", privilege});
