/* vm_assist: switches that change what Xen does for a domain (common/kernel.c). */
#include "test.h"

static void assist(void)
{
    for (ulong type = 0; type <= VMASST_TYPE_writable_pagetables; type++) {
        expect_success(vm_assist(VMASST_CMD_enable, type), "enable");
        expect_success(vm_assist(VMASST_CMD_enable, type), "enable twice");
        expect_success(vm_assist(VMASST_CMD_disable, type), "disable");
        expect_success(vm_assist(VMASST_CMD_disable, type), "disable twice");
    }
    expect_errno(vm_assist(VMASST_CMD_enable, 3), -EINVAL, "a type that does not exist");
    expect_errno(vm_assist(VMASST_CMD_enable, 0xffffffff), -EINVAL, "type -1");
    expect_errno(vm_assist(2, VMASST_TYPE_4gb_segments), -ENOSYS, "a command that does not exist");
    expect_errno(vm_assist(2, 3), -EINVAL, "the type is looked at first");
}

TEST("vm-assist", {"vm_assist", assist});
