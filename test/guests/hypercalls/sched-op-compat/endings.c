/*
 * sched_op_compat: shutdown, with the reason as an argument.
 *
 * machine: endings=poweroff,reboot,crash
 */
#include "test.h"

static void shutdown(void)
{
    const char *ending = argument("ending");
    ulong reason = same_text(ending, "reboot") ? SHUTDOWN_reboot
                   : same_text(ending, "crash") ? SHUTDOWN_crash
                                                : SHUTDOWN_poweroff;

    expect_true(1, "it comes to the call");
    print_verdict();
    sched_op_compat(SCHEDOP_shutdown, reason);
    give_up("the domain goes on");
}

TEST("sched-op-compat/endings", {"SCHEDOP_shutdown", shutdown});
