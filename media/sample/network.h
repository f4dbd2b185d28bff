/* Ethernet, ARP, IPv4, ICMP and TCP, as small as they can be. All of it runs in event handlers, with events off. */
#ifndef SAMPLE_NETWORK_H
#define SAMPLE_NETWORK_H
#include "print.h"

#define FRAME_BYTES 1514u
#define MAC_BYTES 6

/* Big-endian, as they travel. */
typedef u16 be16;
typedef u32 be32;
#define swap16(value) __builtin_bswap16((u16)(value))
#define swap32(value) __builtin_bswap32(value)

struct ethernet {
    u8 destination[MAC_BYTES], source[MAC_BYTES];
    be16 type;
} __attribute__((packed));

struct ipv4 {
    u8 version_length; /* 0x45: no options */
    u8 service;
    be16 length;
    be16 id, fragment;
    u8 time_to_live, protocol;
    be16 checksum;
    be32 source, destination;
} __attribute__((packed));

enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6 };

/* Somebody on the same link. */
struct peer {
    u8 mac[MAC_BYTES];
    be32 address;
};

/* network.c */
void network_init(void);
void report_network(printer *print);
/* For front ends: pages to send from and to receive into. */
#define TX_PAGES 16
#define RX_PAGES 32
extern u8 tx_pages[TX_PAGES][PAGE_SIZE], rx_pages[RX_PAGES][PAGE_SIZE];
/* The interface is up with this address ("00:16:3e:…"), or down (NULL); a frame has come. */
void network_connected(const char *mac);
void network_receive(const u8 *frame, u32 length);

/* network.c and icmp.c */
#define PACKET_BYTES (FRAME_BYTES - sizeof(struct ethernet) - sizeof(struct ipv4))
extern u8 own_mac[MAC_BYTES];
extern be32 own_address;
u16 checksum(const void *data, u32 length, u32 sum);
/* Sends what `payload` has; length up to PACKET_BYTES. */
void ip_send(const struct peer *to, u8 protocol, const void *payload, u32 length);
void icmp_receive(const struct peer *from, const u8 *packet, u32 length);
/* Asks for the address on the link; whether it is known by now. */
void arp_ask(be32 address);
int arp_knows(be32 address, struct peer *peer);
be32 read_address(const char *text);
void ping(const char *argument);

/* tcp.c */
void tcp_receive(const struct peer *from, const u8 *packet, u32 length);
/* Once a second: what was not acknowledged is sent again. */
void tcp_tick(void);

/* http.c: the reply to a request, into `reply`. 0: the request is not complete yet. */
#define REPLY_BYTES 4096
u32 http_reply(const char *request, char *reply);

#endif
