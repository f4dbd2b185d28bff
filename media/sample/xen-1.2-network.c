/*
 * The network interface (hypervisor-ifs/network.h), which is Xen's own: it routes between domains. A page for a frame
 * that is to come is named by the entry that maps it; Xen takes the page out of that entry, and puts another one in.
 */
#include "abi.h"
#include "events.h"
#include "memory.h"
#include "network.h"
#include "xen-1.2.h"

#define RING_ENTRIES 256

enum { NETOP_PUSH_BUFFERS = 0, NETOP_RESET_RINGS = 2, NETOP_GET_VIF_INFO = 3, RING_STATUS_OK = 0 };

struct netop {
    u32 cmd;
    u32 vif;
    u32 ring_mfn;
    u8 vmac[6];
    u16 pad;
};

struct net_ring {
    union {
        struct {
            u16 id, size;
            u32 addr; /* machine address of the frame */
        } req;
        struct {
            u16 id;
            u8 status;
        } resp;
    } tx[RING_ENTRIES];
    union {
        struct {
            u16 id;
            u32 addr; /* machine address of the page's entry */
        } req;
        struct {
            u16 id, size;
            u8 status, offset;
        } resp;
    } rx[RING_ENTRIES];
} PAGE_ALIGNED;

static volatile struct net_ring ring;
static volatile struct net_idx *indexes; /* modulo 256 */
static u32 rx_consumed;

static void push(void)
{
    struct netop push = {.cmd = NETOP_PUSH_BUFFERS};

    hypercall(HYPERCALL_net_io_op, &push);
}

static void offer_page(u32 page)
{
    u32 *entry = entry_of_page(rx_pages[page]);

    ring.rx[indexes->rx_req_prod].req.id = (u16)page;
    ring.rx[indexes->rx_req_prod].req.addr = (mfn_of(entry) << 12) + (u32)entry % PAGE_SIZE;
    barrier();
    indexes->rx_req_prod = (indexes->rx_req_prod + 1) % RING_ENTRIES;
}

static void network_event(void)
{
    do {
        while (rx_consumed != indexes->rx_resp_prod) {
            u32 page = ring.rx[rx_consumed].resp.id % RX_PAGES;
            u32 size = ring.rx[rx_consumed].resp.size;
            u32 offset = ring.rx[rx_consumed].resp.offset;
            int good = ring.rx[rx_consumed].resp.status == RING_STATUS_OK;

            rx_consumed = (rx_consumed + 1) % RING_ENTRIES;
            frame_1_2_changed(rx_pages[page]);
            if (good && size + offset <= PAGE_SIZE)
                network_receive(rx_pages[page] + offset, size);
            offer_page(page);
        }
        indexes->rx_event = (rx_consumed + 1) % RING_ENTRIES;
        __sync_synchronize();
    } while (rx_consumed != indexes->rx_resp_prod);
    push();
}

void network_1_2_send(const void *frame, u32 length)
{
    u32 slot = indexes->tx_req_prod;
    u32 page = slot % TX_PAGES;

    if ((slot - indexes->tx_resp_prod) % RING_ENTRIES >= TX_PAGES)
        return;
    memcpy(tx_pages[page], frame, length);
    ring.tx[slot].req.id = (u16)page;
    ring.tx[slot].req.size = (u16)length;
    ring.tx[slot].req.addr = mfn_of(tx_pages[page]) << 12;
    barrier();
    indexes->tx_req_prod = (slot + 1) % RING_ENTRIES;
    push();
}

void network_1_2_init(void)
{
    struct netop reset = {.cmd = NETOP_RESET_RINGS};
    struct netop info = {.cmd = NETOP_GET_VIF_INFO};
    char mac[3 * MAC_BYTES + 1];

    if (hypercall(HYPERCALL_net_io_op, &reset) != 0 || hypercall(HYPERCALL_net_io_op, &info) != 0)
        return;
    abi->map_page((void *)&ring, info.ring_mfn, PTE_READ_WRITE);
    indexes = &shared_info_1_2->net_idx[0];
    rx_consumed = indexes->rx_resp_prod;
    indexes->rx_event = (rx_consumed + 1) % RING_ENTRIES;
    event_1_2_enable(EVENT_NET, "network", network_event);
    for (u32 page = 0; page < RX_PAGES; page++)
        offer_page(page);
    push();
    for (u32 i = 0; i < MAC_BYTES; i++)
        format(mac + 3 * i, 4, "%02x:", info.vmac[i]);
    network_connected(mac);
}
