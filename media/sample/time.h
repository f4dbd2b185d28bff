#ifndef SAMPLE_TIME_H
#define SAMPLE_TIME_H
#include "types.h"

#define SECOND 1000000000u
#define MILLISECOND 1000000u

static inline u64 read_time_stamp(void)
{
    u32 low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (u64)high << 32 | low;
}

void time_init(void);
/* Seconds that the timer counted. */
u32 ticks(void);
/* For the ABIs: the timer's event has come. */
void timer_event(void);

#endif
