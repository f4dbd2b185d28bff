/*
 * The control interface: two rings of eight messages between the domain and its controller, in the second half of the
 * shared info page. Each request is answered in its own slot. The console travels here too.
 */
#include "abi.h"
#include "commands.h"
#include "events.h"
#include "xen-2.0.h"

#define CONTROL_IF_OFFSET 2048
#define RING_ENTRIES 8
#define NOBODY_WAITS 0xff
#define PAYLOAD_BYTES 60u

enum { SHUTDOWN_POWEROFF = 0, SHUTDOWN_REBOOT = 1 };

struct control_msg {
    u8 type, subtype, id, length;
    u8 msg[PAYLOAD_BYTES];
};

struct control_if {
    struct control_msg tx_ring[RING_ENTRIES]; /* to the controller */
    struct control_msg rx_ring[RING_ENTRIES];
    u32 tx_req_prod, tx_resp_prod;
    u32 rx_req_prod, rx_resp_prod;
};

static volatile struct control_if *const control = (void *)(shared_info_page + CONTROL_IF_OFFSET);
static u32 rx_consumed;

/* Keys, as the controller sent them. */
static char keys[256];
static volatile u32 keys_in, keys_out;

static volatile int asked; /* for a shutdown, by SHUTDOWN_... + 1 */

/* A slot is free again when its response is there; the responses themselves say nothing. */
void control_send(u8 type, u8 subtype, const void *payload, u32 length)
{
    while (control->tx_req_prod - control->tx_resp_prod == RING_ENTRIES) {
        channel_2_0_notify(controller_port());
        hypercall(HYPERCALL_sched_op, SCHEDOP_yield);
    }
    volatile struct control_msg *message = &control->tx_ring[control->tx_req_prod % RING_ENTRIES];
    message->type = type;
    message->subtype = subtype;
    message->id = NOBODY_WAITS;
    message->length = (u8)length;
    memcpy((void *)message->msg, payload, length);
    barrier();
    control->tx_req_prod++;
    channel_2_0_notify(controller_port());
}

void control_write(const char *text, u32 length)
{
    while (length) {
        u32 piece = length < PAYLOAD_BYTES ? length : PAYLOAD_BYTES;
        control_send(CMSG_CONSOLE, 0, text, piece);
        text += piece;
        length -= piece;
    }
}

int control_read(void)
{
    return keys_out == keys_in ? -1 : (u8)keys[keys_out++ % sizeof keys];
}

static void take_message(const struct control_msg *message)
{
    switch (message->type) {
    case CMSG_CONSOLE:
        for (u32 i = 0; i < message->length && i < PAYLOAD_BYTES; i++)
            if (keys_in - keys_out < sizeof keys)
                keys[keys_in++ % sizeof keys] = (char)message->msg[i];
        break;
    case CMSG_BLKIF_FE:
        blkif_message(message->subtype, message->msg);
        break;
    case CMSG_NETIF_FE:
        netif_message(message->subtype, message->msg);
        break;
    case CMSG_SHUTDOWN:
        asked = message->subtype + 1;
        break;
    }
    request_work();
}

static void control_event(void)
{
    while (rx_consumed != control->rx_req_prod) {
        volatile struct control_msg *slot = &control->rx_ring[rx_consumed % RING_ENTRIES];
        struct control_msg message = *slot;
        take_message(&message);
        slot->length = 0;
        rx_consumed++;
        barrier();
        control->rx_resp_prod = rx_consumed;
        channel_2_0_notify(controller_port());
    }
}

void control_init(void)
{
    rx_consumed = control->rx_resp_prod;
    channel_2_0_bind(controller_port(), "console", control_event);
}

void control_work(void)
{
    blkif_work();
    netif_work();
    if (asked != SHUTDOWN_POWEROFF + 1 && asked != SHUTDOWN_REBOOT + 1)
        return;
    print("the toolstack asks for a %s\n", asked == SHUTDOWN_POWEROFF + 1 ? "poweroff" : "reboot");
    abi->shutdown(asked == SHUTDOWN_POWEROFF + 1 ? REASON_poweroff : REASON_reboot);
}

/* Drivers say that they are there, and hear of their interfaces. */
void control_devices_init(void)
{
    struct driver_status up = {.status = 1};

    control_send(CMSG_BLKIF_FE, DRIVER_STATUS, &up, sizeof up);
    control_send(CMSG_NETIF_FE, DRIVER_STATUS, &up, sizeof up);
    while (!blkif_is_ready() || !netif_is_ready()) {
        WAIT_UNTIL(work_waits());
        control_work();
    }
}
