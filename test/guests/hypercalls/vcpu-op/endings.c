/*
 * vcpu_op: the last vCPU that goes down takes the domain with it (common/domain.c).
 *
 * machine: vcpus=2 endings=down:poweroff
 */
#include "test.h"

static void down(void)
{
    expect_success(vcpu_op(VCPUOP_down, 1, NULL), "one that was never up");
    print_verdict();
    vcpu_op(VCPUOP_down, 0, NULL);
    give_up("the domain goes on");
}

TEST("vcpu-op/endings", {"VCPUOP_down", down});
