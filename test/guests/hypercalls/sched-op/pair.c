/*
 * sched_op between two domains: taking turns, and no ending of others.
 *
 * machine: domains=2
 */
#include "pair.h"

static void yield(void)
{
    pair_connect();
    /* The other one writes while this one only waits. */
    for (u32 round = 1; round <= 20; round++) {
        told->words[0] = round;
        while (heard->words[0] < round)
            expect_success(sched_op(SCHEDOP_yield, NULL), "the other domain's turn");
    }
    meet();
}

static void remote_shutdown(void)
{
    struct sched_remote_shutdown op = {.domain_id = peer_domid(), .reason = SHUTDOWN_crash};

    expect_errno(sched_op(SCHEDOP_remote_shutdown, &op), -EPERM, "the other domain");
    pair_disconnect();
}

TEST("sched-op/pair", {"SCHEDOP_yield", yield}, {"SCHEDOP_remote_shutdown", remote_shutdown});
