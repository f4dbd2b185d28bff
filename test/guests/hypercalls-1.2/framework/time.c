/* System time as Xen gives it: nanoseconds at bits of a time stamp, and the counter's frequency. */
#include "kernel.h"

static u64 divide(u64 value, u64 by)
{
    u64 quotient = 0, rest = 0;

    for (int bit = 63; bit >= 0; bit--) {
        rest = rest << 1 | (value >> bit & 1);
        if (rest >= by) {
            rest -= by;
            quotient |= 1ull << bit;
        }
    }
    return quotient;
}

u64 now(void)
{
    const volatile struct shared_info *time = shared_info;
    u32 version;
    u64 result;

    do {
        version = time->time_version2;
        barrier();
        u32 bits = (u32)(__builtin_ia32_rdtsc() >> time->rdtsc_bitshift);
        u64 elapsed = (u64)(bits - time->tsc_timestamp) << time->rdtsc_bitshift;
        result = time->system_time + divide(elapsed * 1000000000ull, time->cpu_freq);
        barrier();
    } while (version != time->time_version1);
    return result;
}
