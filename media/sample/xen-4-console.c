/* Xen 4's console: two byte rings in a page that the toolstack shares with the console back end. */
#include "abi.h"
#include "events.h"
#include "memory.h"
#include "xen-4.h"

struct xencons_interface {
    char in[1024];
    char out[2048];
    u32 in_cons, in_prod;
    u32 out_cons, out_prod;
};

static volatile struct xencons_interface *ring;

/* That something came is all there is to know: the main loop reads it. */
static void console_event(void)
{
}

void console_4_init(void)
{
    ring = page_of_mfn(start_info->console_mfn);
    channel_bind(start_info->console_evtchn, "console", console_event);
}

void console_4_write(const char *text, u32 length)
{
    for (u32 i = 0; i < length; i++) {
        while (ring->out_prod - ring->out_cons >= sizeof ring->out) {
            channel_notify(start_info->console_evtchn);
            hypercall(HYPERCALL_sched_op, SCHEDOP_yield);
        }
        ring->out[ring->out_prod % sizeof ring->out] = text[i];
        barrier();
        ring->out_prod++;
    }
    if (length)
        channel_notify(start_info->console_evtchn);
}

int console_4_read(void)
{
    int c;

    if (ring->in_cons == ring->in_prod)
        return -1;
    c = (u8)ring->in[ring->in_cons % sizeof ring->in];
    barrier();
    ring->in_cons++;
    channel_notify(start_info->console_evtchn);
    return c;
}
