/* Two-level event channels: bits in the shared info page, and the upcall that collects them. */
#include "kernel.h"

u32 events_taken[64];
u32 upcalls_taken;

void mask_port(evtchn_port_t port)
{
    __atomic_fetch_or(&shared_info->evtchn_mask[port / BITS_PER_LONG], 1ul << port % BITS_PER_LONG, __ATOMIC_SEQ_CST);
}

void unmask_port(evtchn_port_t port)
{
    __atomic_fetch_and(&shared_info->evtchn_mask[port / BITS_PER_LONG], ~(1ul << port % BITS_PER_LONG),
                       __ATOMIC_SEQ_CST);
}

int port_pending(evtchn_port_t port)
{
    barrier();
    return shared_info->evtchn_pending[port / BITS_PER_LONG] >> port % BITS_PER_LONG & 1;
}

void clear_port(evtchn_port_t port)
{
    __atomic_fetch_and(&shared_info->evtchn_pending[port / BITS_PER_LONG], ~(1ul << port % BITS_PER_LONG),
                       __ATOMIC_SEQ_CST);
}

/* Runs the handler for what is pending, then leaves events enabled. */
void enable_events(void)
{
    shared_info->vcpu_info[0].evtchn_upcall_mask = 0;
    barrier();
    /* Xen looks at the mask only when it returns to the guest. */
    if (shared_info->vcpu_info[0].evtchn_upcall_pending)
        xen_version(XENVER_version, NULL);
}

void disable_events(void)
{
    shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
    barrier();
}

void event_upcall(void)
{
    struct vcpu_info *vcpu = &shared_info->vcpu_info[0];

    upcalls_taken++;
    while (vcpu->evtchn_upcall_pending) {
        vcpu->evtchn_upcall_pending = 0;
        ulong words = __atomic_exchange_n(&vcpu->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
        for (; words; words &= words - 1) {
            u32 word = (u32)__builtin_ctzl(words);
            ulong ports = shared_info->evtchn_pending[word] & ~shared_info->evtchn_mask[word];
            for (; ports; ports &= ports - 1) {
                u32 port = word * BITS_PER_LONG + (u32)__builtin_ctzl(ports);
                clear_port(port);
                if (port < sizeof events_taken / sizeof events_taken[0])
                    events_taken[port]++;
            }
        }
    }
}
