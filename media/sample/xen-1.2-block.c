/* The disks, which are Xen's own (hypervisor-ifs/block.h): a ring in a page of Xen's, and a hypercall that says "look". */
#include "abi.h"
#include "disk.h"
#include "events.h"
#include "memory.h"
#include "xen-1.2.h"

#define RING_ENTRIES 64
#define MAX_DISKS 8

enum { BLOCK_IO_OP_SIGNAL = 0, BLOCK_IO_OP_RESET = 1, BLOCK_IO_OP_RING_ADDRESS = 2, BLOCK_IO_OP_VBD_PROBE = 8 };
enum { XEN_BLOCK_READ = 0, XEN_BLOCK_WRITE = 1, XD_FLAG_RO = 0x40 };

struct blk_ring_req_entry {
    u32 id;
    u32 sector_number;
    u16 device;
    u8 operation, nr_segments;
    u32 buffer_and_sects[12]; /* machine address, a multiple of 512, and number of sectors below it */
};

struct blk_ring_resp_entry {
    u32 id;
    u16 operation;
    u32 status;
};

struct blk_ring {
    u32 req_prod, resp_prod; /* modulo 64 */
    union {
        struct blk_ring_req_entry req;
        struct blk_ring_resp_entry resp;
    } ring[RING_ENTRIES];
} PAGE_ALIGNED;

struct xen_disk {
    u16 device, info;
    u32 capacity; /* in sectors */
    u32 domain;
};

struct block_io_op {
    u32 cmd;
    union {
        u32 ring_mfn;
        struct {
            u32 domain, max;
            struct xen_disk *disks;
            u32 count;
        } probe;
        u32 pad[5];
    };
};

static volatile struct blk_ring ring;
static u32 consumed;
static u16 device;

static void block_event(void)
{
}

void block_1_2_init(void)
{
    static struct xen_disk disks[MAX_DISKS];
    struct block_io_op reset = {.cmd = BLOCK_IO_OP_RESET};
    struct block_io_op address = {.cmd = BLOCK_IO_OP_RING_ADDRESS};
    struct block_io_op probe = {.cmd = BLOCK_IO_OP_VBD_PROBE, .probe = {.max = MAX_DISKS, .disks = disks}};

    hypercall(HYPERCALL_block_io_op, &reset);
    if (hypercall(HYPERCALL_block_io_op, &address) != 0)
        return;
    abi->map_page((void *)&ring, address.ring_mfn, PTE_READ_WRITE);
    consumed = ring.resp_prod;
    event_1_2_enable(EVENT_BLKDEV, "disk", block_event);
    if (hypercall(HYPERCALL_block_io_op, &probe) != 0 || probe.probe.count == 0)
        return;
    device = disks[0].device;
    disk.sectors = disks[0].capacity;
    disk.read_only = (disks[0].info & XD_FLAG_RO) != 0;
}

int block_1_2_transfer(int write, u64 sector, void *page, u32 sectors)
{
    struct block_io_op signal = {.cmd = BLOCK_IO_OP_SIGNAL};
    volatile struct blk_ring_req_entry *request = &ring.ring[ring.req_prod].req;
    u32 status;

    request->id = ring.req_prod;
    request->operation = write ? XEN_BLOCK_WRITE : XEN_BLOCK_READ;
    request->device = device;
    request->sector_number = (u32)sector;
    request->nr_segments = 1;
    request->buffer_and_sects[0] = mfn_of(page) << 12 | sectors;
    barrier();
    ring.req_prod = (ring.req_prod + 1) % RING_ENTRIES;
    hypercall(HYPERCALL_block_io_op, &signal);
    WAIT_UNTIL(ring.resp_prod != consumed);
    status = ring.ring[consumed].resp.status;
    consumed = (consumed + 1) % RING_ENTRIES;
    return (int)status;
}
