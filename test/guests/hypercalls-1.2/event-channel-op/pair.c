/*
 * A channel between two domains: both open it towards the other, both ring, one closes (common/event_channel.c).
 * machine: domains=2
 */
#include "test.h"

/* Waits for a bit that the other sets; the ticks of the timer let both run. */
static void wait_for(volatile u32 *word, u32 bit, const char *what)
{
    enable_events(EVENT_TIMER | EVENT_EVTCHN);
    for (u32 turn = 0; turn < 200 && !(*word >> bit & 1); turn++)
        sched_op(SCHEDOP_yield);
    expect_true(*word >> bit & 1, what);
    __atomic_fetch_and(word, ~(1u << bit), __ATOMIC_SEQ_CST);
    shared_info->event_channel_pend_sel = 0;
    shared_info->event_channel_disc_sel = 0;
    disable_events();
}

static void pair(void)
{
    u32 id = 0;

    while (event_channel_op(EVTCHNOP_status, id) != EVTCHNSTAT_closed)
        id++;
    expect_success(event_channel_op(EVTCHNOP_open, peer_domid()), "opened");
    enable_events(EVENT_TIMER);
    for (u32 turn = 0; turn < 200 && event_channel_op(EVTCHNOP_status, id) != EVTCHNSTAT_connected; turn++)
        sched_op(SCHEDOP_yield);
    disable_events();
    expect_result(event_channel_op(EVTCHNOP_status, id), EVTCHNSTAT_connected, "both have opened it");
    if (is_second()) {
        expect_success(event_channel_op(EVTCHNOP_send, id), "rings");
        wait_for(shared_info->event_channel_disc, id, "the other closes");
        expect_result(event_channel_op(EVTCHNOP_status, id), EVTCHNSTAT_disconnected, "its state");
        expect_success(event_channel_op(EVTCHNOP_close, id), "closed");
    } else {
        wait_for(shared_info->event_channel_pend, id, "the other rings");
        expect_success(event_channel_op(EVTCHNOP_close, id), "closed");
        expect_result(event_channel_op(EVTCHNOP_status, id), EVTCHNSTAT_closed, "its state");
    }
}

TEST("event-channel-op/pair", {"EVTCHNOP_open", pair});
