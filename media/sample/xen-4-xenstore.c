/*
 * Xenstore: a tree of small texts that the toolstack, back ends and domains share. Requests go out through one ring of
 * bytes, replies and watch events come back through another (public/io/xs_wire.h).
 */
#include "abi.h"
#include "commands.h"
#include "events.h"
#include "memory.h"
#include "xen-4.h"

#define RING_BYTES 1024
#define MAX_PAYLOAD 4096

enum { XS_DIRECTORY = 1, XS_READ = 2, XS_WATCH = 4, XS_UNWATCH = 5, XS_WRITE = 11, XS_WATCH_EVENT = 15, XS_ERROR = 16 };

struct xenstore_domain_interface {
    char req[RING_BYTES];
    char rsp[RING_BYTES];
    u32 req_cons, req_prod;
    u32 rsp_cons, rsp_prod;
};

struct xsd_sockmsg {
    u32 type, req_id, tx_id, len;
};

static volatile struct xenstore_domain_interface *ring;
static char payload[MAX_PAYLOAD + 1];

static struct watch {
    void (*handler)(void); /* NULL: free */
    int fired;
} watches[8];

/* Something came in: the main loop should look. */
static void xenstore_event(void)
{
    request_work();
}

void xenstore_init(void)
{
    ring = page_of_mfn(start_info->store_mfn);
    channel_bind(start_info->store_evtchn, "xenstore", xenstore_event);
}

static void send(const void *from, u32 length)
{
    const char *bytes = from;

    for (u32 i = 0; i < length; i++) {
        if (ring->req_prod - ring->req_cons == RING_BYTES) {
            channel_notify(start_info->store_evtchn);
            WAIT_UNTIL(ring->req_prod - ring->req_cons < RING_BYTES);
        }
        ring->req[ring->req_prod % RING_BYTES] = bytes[i];
        barrier();
        ring->req_prod++;
    }
}

static void receive(void *to, u32 length)
{
    char *bytes = to;

    for (u32 i = 0; i < length; i++) {
        WAIT_UNTIL(ring->rsp_prod != ring->rsp_cons);
        bytes[i] = ring->rsp[ring->rsp_cons % RING_BYTES];
        barrier();
        ring->rsp_cons++;
    }
}

/* One message into `payload`. An event of a watch is marked there: its token, behind its path, is the watch's number. */
static u32 receive_message(void)
{
    struct xsd_sockmsg header;

    receive(&header, sizeof header);
    receive(payload, header.len);
    payload[header.len] = 0;
    channel_notify(start_info->store_evtchn);
    if (header.type == XS_WATCH_EVENT) {
        const char *token = payload + strlen(payload) + 1;
        watches[read_number(&token) % LENGTH(watches)].fired = 1;
    }
    return header.type;
}

/* A path of two parts, and what goes with it. Answers 0 when xenstored did as asked. */
static int request(u32 type, const char *directory, const char *name, const char *value, u32 value_length)
{
    u32 length = strlen(directory) + (name ? 1 + strlen(name) : 0) + 1;
    struct xsd_sockmsg header = {.type = type, .len = length + value_length};
    u32 reply;

    send(&header, sizeof header);
    send(directory, strlen(directory));
    if (name) {
        send("/", 1);
        send(name, strlen(name));
    }
    send("", 1);
    send(value, value_length);
    channel_notify(start_info->store_evtchn);
    do
        reply = receive_message();
    while (reply == XS_WATCH_EVENT);
    return reply == XS_ERROR ? -1 : 0;
}

const char *xenstore_read(const char *directory, const char *name)
{
    return request(XS_READ, directory, name, NULL, 0) == 0 ? payload : NULL;
}

u32 xenstore_read_number(const char *directory, const char *name)
{
    const char *text = xenstore_read(directory, name);

    return text ? read_number(&text) : 0;
}

void xenstore_write(const char *directory, const char *name, const char *value)
{
    request(XS_WRITE, directory, name, value, strlen(value));
}

void xenstore_write_number(const char *directory, const char *name, u32 value)
{
    char text[12];

    format(text, sizeof text, "%u", value);
    xenstore_write(directory, name, text);
}

const char *xenstore_first(const char *path)
{
    return request(XS_DIRECTORY, path, NULL, NULL, 0) == 0 && payload[0] ? payload : NULL;
}

void xenstore_watch(const char *path, void (*handler)(void))
{
    char token[4];

    for (u32 i = 0; i < LENGTH(watches); i++) {
        if (watches[i].handler)
            continue;
        watches[i] = (struct watch){.handler = handler};
        request(XS_WATCH, path, NULL, token, format(token, sizeof token, "%u", i) + 1);
        return;
    }
}

void xenstore_unwatch(const char *path, void (*handler)(void))
{
    char token[4];

    for (u32 i = 0; i < LENGTH(watches); i++) {
        if (watches[i].handler != handler)
            continue;
        request(XS_UNWATCH, path, NULL, token, format(token, sizeof token, "%u", i) + 1);
        watches[i].handler = NULL;
    }
}

void xenstore_wait(void)
{
    receive_message();
}

void xenstore_work(void)
{
    while (ring->rsp_prod != ring->rsp_cons)
        receive_message();
    for (u32 i = 0; i < LENGTH(watches); i++) {
        int fired = watches[i].fired;
        watches[i].fired = 0;
        if (fired && watches[i].handler)
            watches[i].handler();
    }
}
