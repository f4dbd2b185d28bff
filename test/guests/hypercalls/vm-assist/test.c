/* vm_assist: switches that change what Xen does for a domain (common/domain.c, arch/x86: vm_assist_valid). */
#include "test.h"

static void assist(void)
{
    for (u32 type = 0; type <= VMASST_TYPE_runstate_update_flag; type++) {
        expect_success(vm_assist(VMASST_CMD_enable, type), "enable");
        expect_success(vm_assist(VMASST_CMD_enable, type), "enable twice");
        expect_success(vm_assist(VMASST_CMD_disable, type), "disable");
    }
    expect_errno(vm_assist(VMASST_CMD_enable, 6), -EINVAL, "a type between those that exist");
    expect_errno(vm_assist(VMASST_CMD_enable, 64), -EINVAL, "a type beyond a word");
    expect_errno(vm_assist(VMASST_CMD_enable, 0xffffffff), -EINVAL, "type -1");
    expect_errno(vm_assist(2, VMASST_TYPE_writable_pagetables), -ENOSYS, "a command that does not exist");
    expect_errno(vm_assist(2, 6), -EINVAL, "the type is looked at first");
#ifdef __x86_64__
    expect_success(vm_assist(VMASST_CMD_enable, VMASST_TYPE_m2p_strict), "m2p_strict, for 64-bit domains");
    expect_success(vm_assist(VMASST_CMD_disable, VMASST_TYPE_m2p_strict), "and off");
#else
    expect_errno(vm_assist(VMASST_CMD_enable, VMASST_TYPE_m2p_strict), -EINVAL, "m2p_strict is for 64-bit domains");
#endif
}

TEST("vm-assist", {"vm_assist", assist});
