/* set_trap_table: handlers of exceptions and software interrupts, and the frames they find (arch/x86/traps.c). */
#include "test.h"

static char user_stack[512] __attribute__((aligned(16)));

static void arguments(void)
{
    struct trap_info bad[3] = {
        {0x60, 3, FLAT_RING1_CS, (ulong)software_entry},
        {0x61, 3, 0x0808, (ulong)software_entry}, /* Xen's own code segment */
        {0, 0, 0, 0},
    };
    struct trap_info other[2] = {{0x62, 3, 0x0811, (ulong)software_entry}, {0, 0, 0, 0}};

    expect_errno(set_trap_table(UNMAPPED), -EFAULT, "unmapped table");
    expect_errno(set_trap_table(XEN_AREA), -EFAULT, "table in Xen's area");
    expect_errno(set_trap_table(bad), -EPERM, "a code segment of Xen's");
    TRY("int $0x60", :);
    expect_trap(TRAP_SOFTWARE, "the entry before the bad one is installed");
    TRY("int $0x61", :);
    expect_trap(TRAP_GP, "the bad one is not");
    bad[0].cs = 0x0818;
    expect_errno(set_trap_table(bad), -EPERM, "ring 0 asked for");
    expect_errno(set_trap_table(other), -EPERM, "a reserved descriptor other than the flat one");
}

static void frames(void)
{
    static ulong unmapped_word_address = 0x1000;

    TRY("ud2", :);
    expect_trap(TRAP_UD, "UD2");
    expect_equal(last_trap.cs, FLAT_RING1_CS, "its code segment");
    TRY("mov %1, %0", : "=r"(unmapped_word_address) : "m"(*(volatile ulong *)0x1000));
    expect_trap(TRAP_PF, "a page that is not there");
    expect_equal(last_trap.cr2, 0x1000, "CR2 below the error code");
    expect_equal(last_trap.error_code, 0, "a read by the kernel, nothing present");
    expect_equal(try_write(read_only_page), TRAP_PF, "a page that may only be read");
    expect_equal(last_trap.error_code, 3, "a write, present");
    TRY("mov %0, %%es", : : "r"(0x0808));
    expect_trap(TRAP_GP, "a selector of Xen's");
    expect_equal(last_trap.error_code, 0x0808, "the selector is the error code");
    TRY("int $0x33", :);
    expect_trap(TRAP_GP, "a software interrupt without a handler");
    expect_equal(last_trap.error_code, 0x33 * 8 + 2, "the number, as of an IDT");
    TRY("hlt", :);
    expect_trap(TRAP_GP, "HLT is Xen's");
    TRY("cli", :);
    expect_trap(TRAP_GP, "CLI without I/O privilege");
    TRY("mov %%cr3, %%eax", : : : "eax");
    expect_trap(TRAP_GP, "CR3 is Xen's, and 2.0 emulates nothing");
}

static void flags(void)
{
    struct trap_info table[3] = {
        {0x60, 3, FLAT_RING1_CS, (ulong)software_entry},
        {0x61, 3 | 4, FLAT_RING1_CS, (ulong)software_entry},
        {0, 0, 0, 0},
    };

    let_events_through();
    expect_success(set_trap_table(table), "without and with the bit that masks events");
    TRY("int $0x60", :);
    expect_trap(TRAP_SOFTWARE, "the first");
    expect_equal(last_trap.upcall_mask, 0, "events go on");
    TRY("int $0x61", :);
    expect_trap(TRAP_SOFTWARE, "the second");
    expect_equal(last_trap.upcall_mask, 1, "events are masked");
    expect_equal(events_disabled(), 1, "and stay so: the frame holds no mask");
    disable_events();
    /* TF is the interrupted code's alone; interrupts stay enabled. */
    expect_true(last_trap.flags & 0x200, "IF is set");
}

/* Applications may use what the entry's DPL allows. */
static void from_user(void)
{
    struct trap_info table[3] = {
        {0x60, 3, FLAT_RING1_CS, (ulong)software_entry},
        {0x61, 1, FLAT_RING1_CS, (ulong)software_entry},
        {0, 0, 0, 0},
    };
    extern char user_int60[], user_int61[], user_hypercall[], user_kernel_read[];

    expect_success(set_trap_table(table), "a DPL of 3, a DPL of 1");
    map_page(user_int60, make_pte(user_int60, PTE_FLAGS_RO | PTE_USER));
    map_page(user_stack, make_pte(user_stack, PTE_FLAGS_RW | PTE_USER));
    run_user(user_int60, user_stack + sizeof user_stack);
    expect_trap(TRAP_SOFTWARE, "int 0x60");
    expect_true(last_trap.from_user, "it came from ring 3");
    expect_equal(last_trap.cs, FLAT_RING3_CS, "its code segment");
    expect_equal(last_trap.sp, (ulong)(user_stack + sizeof user_stack), "its stack pointer");
    expect_equal(last_trap.ip, (ulong)user_int60 + 2, "behind the instruction");
    run_user(user_int61, user_stack + sizeof user_stack);
    expect_trap(TRAP_GP, "int 0x61");
    expect_equal(last_trap.ip, (ulong)user_int61, "at the instruction");
    run_user(user_hypercall, user_stack + sizeof user_stack);
    expect_trap(TRAP_GP, "applications make no hypercalls");
    run_user(user_kernel_read, user_stack + sizeof user_stack);
    expect_trap(TRAP_PF, "a page of the kernel");
    expect_equal(last_trap.error_code, 5, "a read by an application, present");
    unprotect_page(user_stack);
}

/* User code has a page of its own: it is shared with applications. */
__asm__(".pushsection .text\n"
        ".balign 4096\n"
        "user_int60: int $0x60\n"
        "user_int61: int $0x61\n"
        "user_hypercall: int $0x82\n"
        "user_kernel_read: mov 0xc0100000, %eax\n"
        ".balign 4096\n"
        ".popsection");

TEST("set-trap-table", {"set_trap_table", arguments}, {"set_trap_table", frames}, {"set_trap_table", flags},
     {"set_trap_table", from_user});
