/* The interface: Ethernet and ARP (RFC 826), and IPv4's way in (RFC 791). */
#include "network.h"
#include "abi.h"
#include "commands.h"
#include "memory.h"

enum { TYPE_IPV4 = 0x0800, TYPE_ARP = 0x0806, ARP_REQUEST = 1, ARP_REPLY = 2, ETHERNET = 1 };

struct arp {
    struct ethernet ethernet;
    be16 hardware, protocol;
    u8 hardware_length, protocol_length;
    be16 operation;
    u8 sender_mac[MAC_BYTES];
    be32 sender;
    u8 target_mac[MAC_BYTES];
    be32 target;
} __attribute__((packed));

u8 tx_pages[TX_PAGES][PAGE_SIZE] PAGE_ALIGNED;
u8 rx_pages[RX_PAGES][PAGE_SIZE] PAGE_ALIGNED;
u8 own_mac[MAC_BYTES];
be32 own_address;
static int up;
static struct peer last_known;
static u16 next_id;

/* "10.0.0.2" */
be32 read_address(const char *text)
{
    u32 address = 0;

    for (u32 i = 0; i < 4; i++) {
        address = address << 8 | (read_number(&text) & 255);
        if (*text == '.')
            text++;
    }
    return swap32(address);
}

static void print_address(printer *print, be32 address)
{
    const u8 *bytes = (const u8 *)&address;

    print("%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
}

void network_init(void)
{
    own_address = read_address(argument(memory.command_line, "ip") ?: "10.0.0.2");
}

void network_connected(const char *mac)
{
    up = mac != NULL;
    for (u32 i = 0; mac && i < 2 * MAC_BYTES; i++) {
        u8 digit = (u8)(mac[i / 2 * 3 + i % 2] | 0x20);
        own_mac[i / 2] = (u8)(own_mac[i / 2] << 4 | (digit >= 'a' ? digit - 'a' + 10 : digit & 15));
    }
}

void report_network(printer *print)
{
    if (!up) {
        print("network: none\n");
        return;
    }
    print("network: %02x:%02x:%02x:%02x:%02x:%02x, ", own_mac[0], own_mac[1], own_mac[2], own_mac[3], own_mac[4], own_mac[5]);
    print_address(print, own_address);
    print(", HTTP on port 80\n");
}

static void arp_send(u16 operation, const struct peer *to)
{
    struct arp arp = {
        .ethernet.type = swap16(TYPE_ARP),
        .hardware = swap16(ETHERNET),
        .protocol = swap16(TYPE_IPV4),
        .hardware_length = MAC_BYTES,
        .protocol_length = sizeof(be32),
        .operation = swap16(operation),
        .sender = own_address,
        .target = to->address,
    };

    memcpy(arp.ethernet.source, own_mac, MAC_BYTES);
    memcpy(arp.ethernet.destination, to->mac, MAC_BYTES);
    memcpy(arp.sender_mac, own_mac, MAC_BYTES);
    if (operation == ARP_REPLY)
        memcpy(arp.target_mac, to->mac, MAC_BYTES);
    abi->net_send(&arp, sizeof arp);
}

static void arp_receive(const struct arp *arp, u32 length)
{
    struct peer sender = {.address = arp->sender};

    if (length < sizeof *arp || arp->protocol != swap16(TYPE_IPV4) || arp->target != own_address)
        return;
    memcpy(sender.mac, arp->sender_mac, MAC_BYTES);
    last_known = sender;
    if (arp->operation == swap16(ARP_REQUEST))
        arp_send(ARP_REPLY, &sender);
}

void arp_ask(be32 address)
{
    struct peer everybody = {.mac = {255, 255, 255, 255, 255, 255}, .address = address};

    abi->events_off();
    if (up)
        arp_send(ARP_REQUEST, &everybody);
    abi->events_on();
}

/* One is remembered, the last that spoke: a memory for more would only serve those who begin conversations. */
int arp_knows(be32 address, struct peer *peer)
{
    *peer = last_known;
    return last_known.address == address;
}

/* Whom a packet came from is whom its answer goes to: nobody needs a table of neighbours to answer. */
static void ip_receive(const struct ethernet *ethernet, const struct ipv4 *ip, u32 length)
{
    u32 total = swap16(ip->length);
    struct peer from = {.address = ip->source};

    if (length < sizeof *ip || ip->version_length != 0x45 || total < sizeof *ip || total > length)
        return;
    if (ip->destination != own_address || (ip->fragment & swap16(0x3fff)) || checksum(ip, sizeof *ip, 0) != 0)
        return;
    memcpy(from.mac, ethernet->source, MAC_BYTES);
    if (ip->protocol == PROTOCOL_ICMP)
        icmp_receive(&from, (const u8 *)(ip + 1), total - sizeof *ip);
    else if (ip->protocol == PROTOCOL_TCP)
        tcp_receive(&from, (const u8 *)(ip + 1), total - sizeof *ip);
}

void network_receive(const u8 *frame, u32 length)
{
    const struct ethernet *ethernet = (const struct ethernet *)frame;

    if (length < sizeof *ethernet)
        return;
    if (ethernet->type == swap16(TYPE_ARP))
        arp_receive((const struct arp *)frame, length);
    else if (ethernet->type == swap16(TYPE_IPV4))
        ip_receive(ethernet, (const struct ipv4 *)(ethernet + 1), length - sizeof *ethernet);
}

void ip_send(const struct peer *to, u8 protocol, const void *payload, u32 length)
{
    static struct {
        struct ethernet ethernet;
        struct ipv4 ip;
        u8 payload[PACKET_BYTES];
    } __attribute__((packed)) frame;

    if (!up)
        return;
    memcpy(frame.ethernet.destination, to->mac, MAC_BYTES);
    memcpy(frame.ethernet.source, own_mac, MAC_BYTES);
    frame.ethernet.type = swap16(TYPE_IPV4);
    frame.ip = (struct ipv4){
        .version_length = 0x45,
        .length = swap16(sizeof frame.ip + length),
        .id = swap16(next_id++),
        .time_to_live = 64,
        .protocol = protocol,
        .source = own_address,
        .destination = to->address,
    };
    frame.ip.checksum = checksum(&frame.ip, sizeof frame.ip, 0);
    memcpy(frame.payload, payload, length);
    abi->net_send(&frame, sizeof frame.ethernet + sizeof frame.ip + length);
}
