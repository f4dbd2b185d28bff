/* The network interface's front end (public/io/netif.h): a ring for each direction, and pages granted once for all. */
#include "events.h"
#include "network.h"
#include "xen-4.h"

#define RING_ENTRIES 256

struct netif_tx_request {
    u32 gref;
    u16 offset, flags, id, size;
};

struct netif_tx_response {
    u16 id;
    s16 status;
};

struct netif_rx_request {
    u16 id, pad;
    u32 gref;
};

struct netif_rx_response {
    u16 id, offset, flags;
    s16 status; /* length, or an error below 0 */
};

struct netif_tx_sring {
    u32 req_prod, req_event;
    u32 rsp_prod, rsp_event;
    u8 pad[48];
    union {
        struct netif_tx_request req;
        struct netif_tx_response rsp;
    } ring[RING_ENTRIES];
} PAGE_ALIGNED;

struct netif_rx_sring {
    u32 req_prod, req_event;
    u32 rsp_prod, rsp_event;
    u8 pad[48];
    union {
        struct netif_rx_request req;
        struct netif_rx_response rsp;
    } ring[RING_ENTRIES];
} PAGE_ALIGNED;

static volatile struct netif_tx_sring tx;
static volatile struct netif_rx_sring rx;
static u32 tx_references[TX_PAGES], rx_references[RX_PAGES], ring_references[2];
static u32 rx_consumed, port;

static void offer_page(u32 page)
{
    volatile struct netif_rx_request *request = &rx.ring[rx.req_prod % RING_ENTRIES].req;

    request->id = (u16)page;
    request->gref = rx_references[page];
    barrier();
    rx.req_prod++;
}

/* Frames in: each page goes back into the ring when the kernel has looked at what was in it. */
static void network_event(void)
{
    u32 before = rx.req_prod;

    do {
        for (; rx_consumed != rx.rsp_prod; rx_consumed++) {
            struct netif_rx_response response = rx.ring[rx_consumed % RING_ENTRIES].rsp;
            u32 page = response.id % RX_PAGES;
            if (response.status > 0)
                network_receive(rx_pages[page] + response.offset % PAGE_SIZE, (u32)response.status);
            offer_page(page);
        }
        rx.rsp_event = rx_consumed + 1;
        __sync_synchronize();
    } while (rx_consumed != rx.rsp_prod);
    if (rx.req_event - before - 1 < rx.req_prod - before)
        channel_notify(port);
}

/*
 * The page of the slot is free when the response of its last request is there, as requests are answered in order. Nobody
 * waits for a response: tx.rsp_event stays behind, and no event comes for it.
 */
void netfront_send(const void *frame, u32 length)
{
    u32 produced = tx.req_prod;
    u32 page = produced % TX_PAGES;
    volatile struct netif_tx_request *request = &tx.ring[produced % RING_ENTRIES].req;

    if (produced - tx.rsp_prod >= TX_PAGES)
        return;
    memcpy(tx_pages[page], frame, length);
    request->gref = tx_references[page];
    request->offset = 0;
    request->flags = 0;
    request->id = (u16)page;
    request->size = (u16)length;
    barrier();
    tx.req_prod = produced + 1;
    __sync_synchronize();
    if (tx.req_event == produced + 1)
        channel_notify(port);
}

void netfront_publish(const struct device *device)
{
    u16 backend = device->backend_id;

    memset((void *)&tx, 0, PAGE_SIZE);
    memset((void *)&rx, 0, PAGE_SIZE);
    tx.req_event = rx.req_event = rx.rsp_event = 1;
    rx_consumed = 0;
    ring_references[0] = grant_page(backend, (void *)&tx, 0);
    ring_references[1] = grant_page(backend, (void *)&rx, 0);
    for (u32 page = 0; page < TX_PAGES; page++)
        tx_references[page] = grant_page(backend, tx_pages[page], 1);
    for (u32 page = 0; page < RX_PAGES; page++) {
        rx_references[page] = grant_page(backend, rx_pages[page], 0);
        offer_page(page);
    }
    port = channel_open(backend, "network", network_event);
    xenstore_write_number(device->path, "tx-ring-ref", ring_references[0]);
    xenstore_write_number(device->path, "rx-ring-ref", ring_references[1]);
    xenstore_write_number(device->path, "event-channel", port);
    xenstore_write(device->path, "request-rx-copy", "1");
    xenstore_write(device->path, "feature-rx-notify", "1");
    xenstore_write(device->path, "feature-no-csum-offload", "1");
}

void netfront_connected(const struct device *device)
{
    network_connected(xenstore_read(device->path, "mac"));
    channel_notify(port);
}

void netfront_close(void)
{
    network_connected(NULL);
    channel_close(port);
    for (u32 i = 0; i < LENGTH(ring_references); i++)
        grant_end(ring_references[i]);
    for (u32 page = 0; page < TX_PAGES; page++)
        grant_end(tx_references[page]);
    for (u32 page = 0; page < RX_PAGES; page++)
        grant_end(rx_references[page]);
}
