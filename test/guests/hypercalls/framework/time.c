/* System time as Xen gives it: a scale from the time-stamp counter in vcpu_info (public/xen.h: vcpu_time_info). */
#include "kernel.h"

/* value * fraction / 2^32, without a 128-bit product. */
static u64 scale(u64 value, u32 fraction)
{
    return (value >> 32) * fraction + ((value & 0xffffffff) * fraction >> 32);
}

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
        result = time->system_time + scale(delta, time->tsc_to_system_mul);
        barrier();
    } while ((version & 1) || version != time->version);
    return result;
}

/* Sleeps by polling no port at all until a time. */
void wait_until(u64 time)
{
    struct sched_poll poll = {NULL, 0, time};

    while (now() < time)
        sched_op(SCHEDOP_poll, &poll);
}
