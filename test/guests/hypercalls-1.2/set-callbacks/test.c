/* set_callbacks: where events and selectors that cannot be loaded are brought to (arch/i386/traps.c). */
#include "test.h"

#define MS 1000000ull

static void selectors(void)
{
    expect_errno(set_callbacks(0x0808, event_entry, FLAT_RING1_CS, failsafe_entry), -EPERM, "Xen's code segment");
    expect_errno(set_callbacks(FLAT_RING1_CS, event_entry, 0x0818, failsafe_entry), -EPERM, "ring 0");
    expect_errno(set_callbacks(0, event_entry, FLAT_RING1_CS, failsafe_entry), -EPERM, "none");
    traps_restore();
}

/* The timer's event comes every 20 ms, if its bit and the master enable are set, and takes both away. */
static void events(void)
{
    u64 start = now();

    while (now() < start + 50 * MS)
        ;
    expect_true(shared_info->events & EVENT_TIMER, "pending");
    expect_equal(upcalls_taken, 0, "but switched off");
    enable_events(EVENT_NET);
    expect_equal(upcalls_taken, 0, "another is switched on");
    disable_events();
    shared_info->events = 0;
    enable_events(EVENT_TIMER);
    start = now();
    while (now() < start + 90 * MS)
        ;
    expect_true(events_taken[1] >= 3, "at least three in 90 ms");
    expect_true(events_taken[1] <= 6, "not many more");
    disable_events();
}

TEST("set-callbacks", {"set_callbacks", selectors}, {"set_callbacks", events});
