/* A tick every second, by Xen's one-shot timer. */
#include "time.h"
#include "abi.h"
#include "network.h"

static u64 next;
static u32 count;

u32 ticks(void)
{
    return count;
}

static void timer_tick(void)
{
    count++;
    tcp_tick();
}

/* Xen 2.0 and 1.2 send timer events of their own besides: what counts is the time. */
void timer_event(void)
{
    while (abi->now() >= next) {
        next += SECOND;
        timer_tick();
    }
    abi->set_timer(next);
}

void time_init(void)
{
    abi->timer_init();
    next = abi->now() + SECOND;
    abi->set_timer(next);
}
