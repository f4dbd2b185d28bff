/* fpu_taskswitch: the next instruction of the floating-point unit raises #NM, once (arch/x86/traps.c). */
#include "test.h"

static void once(void)
{
    TRY("fninit", :);
    expect_trap(NO_TRAP, "an instruction of the FPU");
    expect_success(fpu_taskswitch(), "asked for");
    TRY("fninit", :);
    expect_trap(TRAP_NM, "the first one");
    TRY("fninit", :);
    expect_trap(NO_TRAP, "Xen has cleared TS before it brought the exception");
    expect_success(fpu_taskswitch(), "asked for");
    expect_success(fpu_taskswitch(), "twice");
    TRY("fnop", :);
    expect_trap(TRAP_NM, "the first one");
    TRY("fnop", :);
    expect_trap(NO_TRAP, "once");
}

TEST("fpu-taskswitch", {"fpu_taskswitch", once});
