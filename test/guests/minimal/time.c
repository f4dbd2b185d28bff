/* Time as Xen gives it: a scale from the time-stamp counter, and a one-shot timer. */
#include "sample.h"

#define SECOND 1000000000UL

static u64 count;
static u32 timer_port;

u64 ticks(void)
{
    return count;
}

/* Nanoseconds since the machine started. An odd version means that Xen is changing the scale. */
u64 now(void)
{
    const volatile struct vcpu_time_info *time = &shared_info->vcpu_info[0].time;
    u32 version, low, high;
    u64 result;

    do {
        version = time->version;
        barrier();
        __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
        u64 delta = ((u64)high << 32 | low) - time->tsc_timestamp;
        delta = time->tsc_shift >= 0 ? delta << time->tsc_shift : delta >> -time->tsc_shift;
        result = time->system_time + (u64)(((unsigned __int128)delta * time->tsc_to_system_mul) >> 32);
        barrier();
    } while ((version & 1) || version != time->version);
    return result;
}

void timer_tick(void)
{
    count++;
    hypercall(HYPERCALL_set_timer_op, now() + SECOND, 0, 0, 0);
}

void time_init(void)
{
    struct evtchn_bind_virq bind = {.virq = VIRQ_TIMER, .vcpu = 0};

    hypercall(HYPERCALL_event_channel_op, EVTCHNOP_bind_virq, (u64)&bind, 0, 0);
    timer_port = bind.port;
    __atomic_fetch_and(&shared_info->evtchn_mask[timer_port / 64], ~(1UL << timer_port % 64), __ATOMIC_SEQ_CST);
    hypercall(HYPERCALL_set_timer_op, now() + SECOND, 0, 0, 0);
}
