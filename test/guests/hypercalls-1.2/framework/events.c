/*
 * Events: bits that Xen sets in `events`, and delivers while `events_mask` has them and the master enable. On delivery
 * it takes the master enable and the delivered events' bits away; the domain gives them back.
 */
#include "kernel.h"

u32 events_taken[8];
u32 upcalls_taken;
static u32 enabled;

void enable_events(u32 events)
{
    enabled = events;
    shared_info->events_mask = events | EVENTS_MASTER_ENABLE;
    barrier();
    /* Xen looks at the mask only when it returns to the guest. */
    if (shared_info->events & events)
        set_debugreg(7, 0);
}

/* For tests that serve several interfaces. */
void let_events_through(void)
{
    enable_events(EVENT_DEBUG);
}

void disable_events(void)
{
    enabled = 0;
    shared_info->events_mask = 0;
    barrier();
}

int events_disabled(void)
{
    return !(shared_info->events_mask & EVENTS_MASTER_ENABLE);
}

void event_upcall(void)
{
    u32 taken;

    upcalls_taken++;
    do {
        taken = __atomic_exchange_n(&shared_info->events, 0, __ATOMIC_SEQ_CST) & 0xff;
        for (u32 bit = 0; bit < 8; bit++)
            if (taken >> bit & 1)
                events_taken[bit]++;
        shared_info->events_mask = enabled;
        barrier();
    } while (shared_info->events & enabled);
    if (enabled)
        shared_info->events_mask = enabled | EVENTS_MASTER_ENABLE;
}
