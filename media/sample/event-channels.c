/* Event channels as Xen 2.0 introduced them: bits in the shared page, found in two steps. */
#include "events.h"

/* The first two bytes of the shared page, on both versions. */
#define upcall_pending (((volatile u8 *)shared_info_page)[0])
#define upcall_mask (((volatile u8 *)shared_info_page)[1])

static inline void set_bit(volatile u32 *words, u32 bit)
{
    __asm__ volatile("lock btsl %1, %0" : "+m"(words[bit / 32]) : "r"(bit % 32) : "memory", "cc");
}

static inline void clear_bit(volatile u32 *words, u32 bit)
{
    __asm__ volatile("lock btrl %1, %0" : "+m"(words[bit / 32]) : "r"(bit % 32) : "memory", "cc");
}

/* In reverse to how Xen sets them, so that an event in between is seen in the next round: pending, selector, bit. */
void channels_take(const struct event_words *words)
{
    while (upcall_pending) {
        upcall_pending = 0;
        u32 selected = __atomic_exchange_n(words->selector, 0, __ATOMIC_SEQ_CST);
        for (; selected; selected &= selected - 1) {
            u32 word = (u32)__builtin_ctz(selected);
            u32 ports = words->pending[word] & ~words->mask[word];
            for (; ports; ports &= ports - 1) {
                u32 port = word * 32 + (u32)__builtin_ctz(ports);
                clear_bit(words->pending, port);
                event(port);
            }
        }
    }
}

/* An event that came while its port was masked left no trace but its bit: what Xen would have set then is set here. */
void channel_unmask(const struct event_words *words, u32 port)
{
    clear_bit(words->mask, port);
    if (words->pending[port / 32] & 1u << port % 32) {
        set_bit(words->selector, port / 32);
        upcall_pending = 1;
    }
}

/* Xen looks at the mask when it returns to the kernel; any hypercall makes it return. */
void channels_on(void (*force_callback)(void))
{
    barrier();
    upcall_mask = 0;
    barrier();
    if (upcall_pending)
        force_callback();
}

void channels_off(void)
{
    upcall_mask = 1;
    barrier();
}
