/* set_fast_trap: one software interrupt leads to the kernel without Xen (arch/x86/traps.c). */
#include "test.h"

static void vectors(void)
{
    struct trap_info table[4] = {
        {0x80, 3, FLAT_RING1_CS, (ulong)software_entry},
        {0x21, 3, FLAT_RING1_CS, (ulong)software_entry},
        {0x22, 3 | 4, FLAT_RING1_CS, (ulong)software_entry},
        {0, 0, 0, 0},
    };

    expect_success(set_trap_table(table), "handlers");
    expect_success(set_fast_trap(0x80), "0x80");
    TRY("int $0x80", :);
    expect_trap(TRAP_SOFTWARE, "it comes");
    expect_success(set_fast_trap(0x21), "another instead");
    TRY("int $0x21", :);
    expect_trap(TRAP_SOFTWARE, "it comes");
    TRY("int $0x80", :);
    expect_trap(TRAP_SOFTWARE, "and the old one, by way of Xen");
    expect_result(set_fast_trap(0x22), -1, "a handler that wants events masked");
    expect_result(set_fast_trap(0x1f), -1, "below those that may");
    expect_result(set_fast_trap(0x30), -1, "above");
    expect_result(set_fast_trap(0x82), -1, "the hypercall");
    expect_success(set_fast_trap(0), "none");
    TRY("int $0x21", :);
    expect_trap(TRAP_SOFTWARE, "by way of Xen");
}

TEST("set-fast-trap", {"set_fast_trap", vectors});
