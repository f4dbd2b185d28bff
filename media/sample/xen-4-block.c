/* The disk's front end (public/io/blkif.h): a ring of requests in a granted page, answered in place. */
#include "disk.h"
#include "events.h"
#include "print.h"
#include "xen-4.h"

enum { BLKIF_OP_READ = 0, BLKIF_OP_WRITE = 1, BLKIF_OP_FLUSH_DISKCACHE = 3, VDISK_READONLY = 4 };

#define RING_ENTRIES 32

struct blkif_request_segment {
    u32 gref;
    u8 first_sect, last_sect;
};

struct blkif_request {
    u8 operation;
    u8 nr_segments;
    u16 handle;
    u64 id;
    u64 sector_number;
    struct blkif_request_segment seg[11];
};

struct blkif_response {
    u64 id;
    u8 operation;
    s16 status;
};

struct blkif_sring {
    u32 req_prod, req_event;
    u32 rsp_prod, rsp_event;
    u8 pad[48];
    union {
        struct blkif_request req;
        struct blkif_response rsp;
    } ring[RING_ENTRIES];
} PAGE_ALIGNED;

static volatile struct blkif_sring ring;
static u32 ring_reference, port, consumed;
static u16 backend;
static int can_flush;

/* Who waits looks for himself. */
static void block_event(void)
{
}

void blkfront_publish(const struct device *device)
{
    memset((void *)&ring, 0, PAGE_SIZE);
    ring.req_event = ring.rsp_event = 1;
    consumed = 0;
    backend = device->backend_id;
    ring_reference = grant_page(backend, (void *)&ring, 0);
    port = channel_open(backend, "disk", block_event);
    xenstore_write_number(device->path, "ring-ref", ring_reference);
    xenstore_write_number(device->path, "event-channel", port);
    xenstore_write(device->path, "protocol", "x86_32-abi");
}

void blkfront_connected(const struct device *device)
{
    disk.sectors = xenstore_read_number(device->backend, "sectors");
    disk.read_only = (xenstore_read_number(device->backend, "info") & VDISK_READONLY) != 0;
    can_flush = xenstore_read_number(device->backend, "feature-flush-cache") == 1;
}

void blkfront_close(void)
{
    disk.sectors = 0;
    channel_close(port);
    grant_end(ring_reference);
}

/* One request at a time. The back end wants to be told when the index passes its `event`. */
static int carry_out(const struct blkif_request *request)
{
    u32 produced = ring.req_prod;

    memcpy((void *)&ring.ring[produced % RING_ENTRIES].req, request, sizeof *request);
    barrier();
    ring.req_prod = produced + 1;
    __sync_synchronize();
    if (ring.req_event == produced + 1)
        channel_notify(port);
    WAIT_UNTIL(ring.rsp_prod != consumed);
    int status = ring.ring[consumed % RING_ENTRIES].rsp.status;
    consumed++;
    ring.rsp_event = consumed + 1;
    return status;
}

int blkfront_transfer(int write, u64 sector, void *page, u32 sectors)
{
    u32 reference = grant_page(backend, page, write);
    struct blkif_request request = {
        .operation = write ? BLKIF_OP_WRITE : BLKIF_OP_READ,
        .nr_segments = 1,
        .sector_number = sector,
        .seg[0] = {.gref = reference, .first_sect = 0, .last_sect = (u8)(sectors - 1)},
    };
    struct blkif_request flush = {.operation = BLKIF_OP_FLUSH_DISKCACHE};
    int status = carry_out(&request);

    grant_end(reference);
    if (status == 0 && write && can_flush)
        status = carry_out(&flush);
    return status;
}
