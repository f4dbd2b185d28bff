/*
 * SCHEDOP_shutdown: the domain ends for a reason (common/schedule.c). Suspend may be followed by anything.
 * machine: endings=poweroff,reboot,suspend,crash
 */
#include "test.h"

static void shutdown(void)
{
    const char *ending = argument("ending");
    ulong reason = same_text(ending, "reboot")    ? SHUTDOWN_reboot
                   : same_text(ending, "suspend") ? SHUTDOWN_suspend
                   : same_text(ending, "crash")   ? SHUTDOWN_crash
                                                  : SHUTDOWN_poweroff;

    print_verdict();
    sched_op(SCHEDOP_shutdown | reason << 8);
}

TEST("sched-op/shutdown", {"SCHEDOP_shutdown", shutdown});
