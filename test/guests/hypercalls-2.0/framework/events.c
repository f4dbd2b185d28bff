/* Event channels: bits in the shared info page, and the upcall that collects them. */
#include "kernel.h"

u32 events_taken[MAX_PORT];
u32 upcalls_taken;

void mask_port(u32 port)
{
    __atomic_fetch_or(&shared_info->evtchn_mask[port / 32], 1u << port % 32, __ATOMIC_SEQ_CST);
}

void unmask_port(u32 port)
{
    __atomic_fetch_and(&shared_info->evtchn_mask[port / 32], ~(1u << port % 32), __ATOMIC_SEQ_CST);
}

int port_pending(u32 port)
{
    barrier();
    return shared_info->evtchn_pending[port / 32] >> port % 32 & 1;
}

void clear_port(u32 port)
{
    __atomic_fetch_and(&shared_info->evtchn_pending[port / 32], ~(1u << port % 32), __ATOMIC_SEQ_CST);
}

/* Runs the handler for what is pending, then leaves events enabled. */
void enable_events(void)
{
    shared_info->evtchn_upcall_mask = 0;
    barrier();
    /* Xen looks at the mask only when it returns to the guest. */
    if (shared_info->evtchn_upcall_pending)
        xen_version(0);
}

/* For tests that serve several interfaces. */
void let_events_through(void)
{
    enable_events();
}

void disable_events(void)
{
    shared_info->evtchn_upcall_mask = 1;
    barrier();
}

int events_disabled(void)
{
    return shared_info->evtchn_upcall_mask;
}

/* Xen has set the mask, and leaves it to the domain to clear it again. */
void event_upcall(void)
{
    upcalls_taken++;
    while (shared_info->evtchn_upcall_pending) {
        shared_info->evtchn_upcall_pending = 0;
        u32 words = __atomic_exchange_n(&shared_info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
        for (; words; words &= words - 1) {
            u32 word = (u32)__builtin_ctz(words);
            u32 ports = shared_info->evtchn_pending[word] & ~shared_info->evtchn_mask[word];
            for (; ports; ports &= ports - 1) {
                u32 port = word * 32 + (u32)__builtin_ctz(ports);
                clear_port(port);
                if (port < MAX_PORT)
                    events_taken[port]++;
            }
        }
    }
    shared_info->evtchn_upcall_mask = 0;
}
