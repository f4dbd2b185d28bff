/* fpu_taskswitch: CR0.TS of a guest, which makes the next use of the FPU trap with #NM. */
#include "test.h"

static void taskswitch(void)
{
    expect_success(fpu_taskswitch(1), "set");
    TRY("fnop");
    expect_trap(TRAP_NM, "the FPU traps");
    TRY("fnop");
    expect_trap(NO_TRAP, "the trap itself cleared TS");
    expect_success(fpu_taskswitch(1), "set");
    expect_success(fpu_taskswitch(0), "clear");
    TRY("fnop");
    expect_trap(NO_TRAP, "the FPU does not trap");
    expect_success(fpu_taskswitch(0xffffffff), "anything but 0 sets");
    TRY("fnop");
    expect_trap(TRAP_NM, "the FPU traps");
}

TEST("fpu-taskswitch", {"fpu_taskswitch", taskswitch});
