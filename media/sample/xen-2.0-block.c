/*
 * The disk's front end (hypervisor-ifs/io/blkif.h): the back end is told machine frames, and maps them by the privilege
 * that it has.
 */
#include "disk.h"
#include "events.h"
#include "memory.h"
#include "xen-2.0.h"

#define RING_ENTRIES 64
#define INFO_READ_ONLY 0x40

enum { BLKIF_OP_READ = 0, BLKIF_OP_WRITE = 1, BLKIF_OP_PROBE = 2 };

struct blkif_request {
    u8 operation, nr_segments;
    u16 device;
    u32 id;
    u64 sector_number;
    u32 frame_and_sects[11]; /* mfn, first sector, last sector */
};

struct blkif_response {
    u32 id;
    u8 operation;
    s16 status;
} __attribute__((packed));

struct blkif_ring {
    u32 req_prod, resp_prod;
    union {
        struct blkif_request req;
        struct blkif_response resp;
    } ring[RING_ENTRIES];
} PAGE_ALIGNED;

struct interface_status {
    u32 handle, status;
    u16 evtchn, domid;
} __attribute__((packed));

struct interface_connect {
    u32 handle, pad;
    u32 shmem_frame, pad2;
} __attribute__((packed));

struct vdisk {
    u64 capacity; /* in sectors */
    u16 device, info;
} __attribute__((packed));

static volatile struct blkif_ring ring;
static u8 probe_page[PAGE_SIZE] PAGE_ALIGNED;
static u32 consumed, port;
static u16 device;
static int ready;
/* What the controller said last, until it has been acted on. */
static struct interface_status status;
static volatile int told;

static void block_event(void)
{
}

static int carry_out(u8 operation, u64 sector, const void *page, u32 sectors)
{
    volatile struct blkif_request *request = &ring.ring[ring.req_prod % RING_ENTRIES].req;

    request->operation = operation;
    request->nr_segments = 1;
    request->device = device;
    request->id = ring.req_prod;
    request->sector_number = sector;
    request->frame_and_sects[0] = mfn_of(page) << 12 | (sectors - 1);
    barrier();
    ring.req_prod++;
    channel_2_0_notify(port);
    WAIT_UNTIL(ring.resp_prod != consumed);
    return ring.ring[consumed++ % RING_ENTRIES].resp.status;
}

int blkif_transfer(int write, u64 sector, void *page, u32 sectors)
{
    return carry_out(write ? BLKIF_OP_WRITE : BLKIF_OP_READ, sector, page, sectors);
}

/* Which disks are there: the answer is a page of their descriptions, and their number. */
static void probe(void)
{
    const struct vdisk *first = (const struct vdisk *)probe_page;

    disk.sectors = 0;
    if (carry_out(BLKIF_OP_PROBE, 0, probe_page, PAGE_SECTORS) <= 0)
        return;
    disk.sectors = first->capacity;
    disk.read_only = (first->info & INFO_READ_ONLY) != 0;
    device = first->device;
}

static void connect(void)
{
    struct interface_connect message = {.handle = status.handle, .shmem_frame = mfn_of((void *)&ring)};

    memset((void *)&ring, 0, PAGE_SIZE);
    consumed = 0;
    control_send(CMSG_BLKIF_FE, INTERFACE_CONNECT, &message, sizeof message);
}

void blkif_message(u8 subtype, const u8 *payload)
{
    if (subtype != INTERFACE_STATUS)
        return;
    memcpy(&status, payload, sizeof status);
    told = 1;
}

int blkif_is_ready(void)
{
    return ready;
}

void blkif_work(void)
{
    if (!told)
        return;
    told = 0;
    switch (status.status) {
    case STATUS_DISCONNECTED:
        if (ready)
            event_unbind(port);
        ready = 0;
        connect();
        break;
    case STATUS_CONNECTED:
        port = status.evtchn;
        channel_2_0_bind(port, "disk", block_event);
        probe();
        ready = 1;
        break;
    case STATUS_CHANGED:
        probe();
        break;
    }
}
