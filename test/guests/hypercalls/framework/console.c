/* The PV console: a byte ring in a page that the toolstack shares with the console back end (public/io/console.h). */
#include "kernel.h"

static struct xencons_interface *ring;

void console_init(void)
{
    ring = page_of_mfn(start_info->console_mfn);
}

static void notify(void)
{
    struct evtchn_send send = {start_info->console_evtchn};
    event_channel_op(EVTCHNOP_send, &send);
}

static void put(char c)
{
    while (ring->out_prod - ring->out_cons >= sizeof ring->out) {
        notify();
        sched_op(SCHEDOP_yield, NULL);
    }
    ring->out[ring->out_prod % sizeof ring->out] = c;
    barrier();
    ring->out_prod++;
}

void print(const char *text)
{
    for (; *text; text++)
        put(*text);
    notify();
}
