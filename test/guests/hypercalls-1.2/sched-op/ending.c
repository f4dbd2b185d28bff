/*
 * SCHEDOP_exit and SCHEDOP_stop: the domain ends, or stops to be saved (common/domain.c).
 * machine: endings=exit:poweroff,stop:suspend
 */
#include "test.h"

static void ending(void)
{
    print_verdict();
    sched_op(same_text(argument("ending"), "stop") ? SCHEDOP_stop : SCHEDOP_exit);
}

TEST("sched-op/ending", {"SCHEDOP_exit", ending}, {"SCHEDOP_stop", ending});
