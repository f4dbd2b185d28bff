/*
 * switch_vm86: VM86 mode, which our processor does not have: the domain ends with a reason in words.
 * machine: endings=crash
 */
#include "test.h"

static void refused(void)
{
    print_verdict();
    hypercall(__HYPERVISOR_switch_vm86, 0, 0, 0, 0, 0);
}

TEST("switch-vm86", {"switch_vm86", refused});
