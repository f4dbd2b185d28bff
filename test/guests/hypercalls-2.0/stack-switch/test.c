/* stack_switch: the stack that entries from applications find (arch/x86/x86_32/mm.c). */
#include "test.h"

extern char trap_stack_top[];

static void selectors(void)
{
    expect_errno(stack_switch(0x0808, trap_stack_top), -EPERM, "ring 0");
    expect_errno(stack_switch(0, trap_stack_top), -EPERM, "no segment");
    expect_success(stack_switch(FLAT_RING1_DS, (void *)0x1234), "any address");
    expect_success(stack_switch(FLAT_RING1_DS, trap_stack_top), "as it was");
}

TEST("stack-switch", {"stack_switch", selectors});
