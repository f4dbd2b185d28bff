/*
 * The network interface's front end (hypervisor-ifs/io/netif.h). Frames go out from pages that stay; they come in by
 * exchange: the domain gives pages away, and each frame that arrives brings a page along, which becomes the domain's.
 */
#include "commands.h"
#include "events.h"
#include "memory.h"
#include "network.h"
#include "xen-2.0.h"

#define RING_ENTRIES 256

struct netif_tx_request {
    u32 addr, pad; /* machine address */
    u16 id, size;
};

struct netif_tx_response {
    u16 id;
    s8 status;
};

struct netif_rx_request {
    u16 id;
};

struct netif_rx_response {
    u32 addr, pad;
    u16 id;
    s16 status; /* length, or an error below 0 */
};

struct netif_tx_interface {
    u32 req_prod, req_cons;
    u32 resp_prod, event;
    union {
        struct netif_tx_request req;
        struct netif_tx_response resp;
    } ring[RING_ENTRIES];
} PAGE_ALIGNED;

struct netif_rx_interface {
    u32 req_prod, resp_prod, event;
    union {
        struct netif_rx_request req;
        struct netif_rx_response resp;
    } ring[RING_ENTRIES];
} PAGE_ALIGNED;

struct interface_status {
    u32 handle, status;
    u16 evtchn;
    u8 mac[MAC_BYTES];
    u16 domid;
} __attribute__((packed));

struct interface_connect {
    u32 handle, pad;
    u32 tx_shmem_frame, pad2;
    u32 rx_shmem_frame, pad3;
} __attribute__((packed));

static volatile struct netif_tx_interface tx;
static volatile struct netif_rx_interface rx;
static u8 rx_given[RX_PAGES];
static u32 rx_consumed, port;
static struct interface_status status;
static volatile int told, announced;
static int bound;

static void give_page(u32 page)
{
    if (!rx_given[page])
        frame_2_0_give(rx_pages[page]);
    rx_given[page] = 1;
    rx.ring[rx.req_prod % RING_ENTRIES].req.id = (u16)page;
    barrier();
    rx.req_prod++;
}

static void take_frame(const struct netif_rx_response *response)
{
    u32 page = response->id % RX_PAGES;

    if (response->status > 0) {
        frame_2_0_take(rx_pages[page], response->addr / PAGE_SIZE);
        rx_given[page] = 0;
        network_receive(rx_pages[page] + response->addr % PAGE_SIZE, (u32)response->status);
    }
    give_page(page);
}

static void network_event(void)
{
    do {
        while (rx_consumed != rx.resp_prod) {
            struct netif_rx_response response = rx.ring[rx_consumed++ % RING_ENTRIES].resp;
            take_frame(&response);
        }
        rx.event = rx_consumed + 1;
        __sync_synchronize();
    } while (rx_consumed != rx.resp_prod);
}

void netif_send(const void *frame, u32 length)
{
    u32 page = tx.req_prod % TX_PAGES;
    volatile struct netif_tx_request *request = &tx.ring[tx.req_prod % RING_ENTRIES].req;

    if (tx.req_prod - tx.resp_prod >= TX_PAGES)
        return;
    memcpy(tx_pages[page], frame, length);
    request->addr = mfn_of(tx_pages[page]) << 12;
    request->id = (u16)page;
    request->size = (u16)length;
    barrier();
    tx.req_prod++;
    channel_2_0_notify(port);
}

static void connect(void)
{
    struct interface_connect message = {
        .handle = status.handle,
        .tx_shmem_frame = mfn_of((void *)&tx),
        .rx_shmem_frame = mfn_of((void *)&rx),
    };

    memset((void *)&tx, 0, PAGE_SIZE);
    memset((void *)&rx, 0, PAGE_SIZE);
    rx_consumed = 0;
    rx.event = 1;
    for (u32 page = 0; page < RX_PAGES; page++)
        give_page(page);
    control_send(CMSG_NETIF_FE, INTERFACE_CONNECT, &message, sizeof message);
}

void netif_message(u8 subtype, const u8 *payload)
{
    if (subtype == DRIVER_STATUS)
        announced = 1;
    if (subtype != INTERFACE_STATUS)
        return;
    memcpy(&status, payload, sizeof status);
    told = 1;
}

/* The controller says how many interfaces there are when it has spoken of each. */
int netif_is_ready(void)
{
    return announced && !told;
}

void netif_work(void)
{
    char mac[3 * MAC_BYTES + 1];

    if (!told)
        return;
    told = 0;
    if (bound)
        event_unbind(port);
    bound = 0;
    network_connected(NULL);
    if (status.status == STATUS_DISCONNECTED)
        connect();
    if (status.status != STATUS_CONNECTED)
        return;
    port = status.evtchn;
    bound = 1;
    channel_2_0_bind(port, "network", network_event);
    for (u32 i = 0; i < MAC_BYTES; i++)
        format(mac + 3 * i, 4, "%02x:", status.mac[i]);
    network_connected(mac);
    channel_2_0_notify(port);
}
