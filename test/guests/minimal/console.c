/* The PV console: two byte rings in a page that the toolstack shares with the console back end. */
#include "sample.h"

static struct xencons_interface *ring;

void console_init(void)
{
    ring = page_of_mfn(start_info->console_mfn);
}

static void notify(void)
{
    u32 port = start_info->console_evtchn;
    hypercall(HYPERCALL_event_channel_op, EVTCHNOP_send, (u64)&port, 0, 0);
}

static void put(char c)
{
    while (ring->out_prod - ring->out_cons >= sizeof ring->out) {
        notify();
        hypercall(HYPERCALL_sched_op, SCHEDOP_yield, 0, 0, 0);
    }
    ring->out[ring->out_prod % sizeof ring->out] = c;
    barrier();
    ring->out_prod++;
}

void print(const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            put('\r');
        put(*text);
    }
    notify();
}

void print_number(u64 value, u32 base)
{
    char digits[24];
    u32 at = sizeof digits;

    digits[--at] = 0;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    if (base == 16)
        print("0x");
    print(digits + at);
}

int console_read(void)
{
    if (ring->in_cons == ring->in_prod)
        return -1;
    int c = ring->in[ring->in_cons % sizeof ring->in];
    barrier();
    ring->in_cons++;
    notify();
    return c;
}
