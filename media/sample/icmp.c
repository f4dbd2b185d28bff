/* Echo requests, answered and sent (RFC 792), and the checksum of IPv4, ICMP and TCP alike (RFC 1071). */
#include "abi.h"
#include "events.h"
#include "network.h"
#include "time.h"

enum { ECHO_REPLY = 0, ECHO_REQUEST = 8 };

struct echo {
    u8 type, code;
    be16 checksum;
    be16 id, sequence;
    u8 data[48];
};

#define ECHO_HEADER __builtin_offsetof(struct echo, data)
#define OWN_ID 0x584e

/* Of the request that is under way: its number and when its answer came; 0: not yet. */
static u16 awaited;
static u64 answered;

/* Over 16-bit words as they lie in memory: what travels big-endian gives a sum that travels big-endian. */
u16 checksum(const void *data, u32 length, u32 sum)
{
    const u8 *bytes = data;

    for (; length > 1; length -= 2, bytes += 2)
        sum += *(const u16 *)bytes;
    if (length)
        sum += *bytes;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (u16)~sum;
}

void icmp_receive(const struct peer *from, const u8 *packet, u32 length)
{
    static u8 reply[PACKET_BYTES];
    const struct echo *echo = (const struct echo *)packet;

    if (length < ECHO_HEADER || length > PACKET_BYTES || checksum(packet, length, 0) != 0)
        return;
    if (echo->type == ECHO_REPLY && echo->id == OWN_ID && echo->sequence == awaited)
        answered = abi->now();
    if (echo->type != ECHO_REQUEST)
        return;
    memcpy(reply, packet, length);
    struct echo *answer = (struct echo *)reply;
    answer->type = ECHO_REPLY;
    answer->checksum = 0;
    answer->checksum = checksum(reply, length, 0);
    ip_send(from, PROTOCOL_ICMP, reply, length);
}

/* Handlers must not come in between: the network's state is theirs. */
static u64 send_request(const struct peer *to, u16 sequence)
{
    struct echo echo = {.type = ECHO_REQUEST, .id = OWN_ID, .sequence = swap16(sequence)};
    u64 sent = abi->now();

    for (u32 i = 0; i < sizeof echo.data; i++)
        echo.data[i] = (u8)('a' + i % 26);
    echo.checksum = checksum(&echo, sizeof echo, 0);
    abi->events_off();
    awaited = echo.sequence;
    answered = 0;
    ip_send(to, PROTOCOL_ICMP, &echo, sizeof echo);
    abi->events_on();
    return sent;
}

/* The timer's tick ends a wait for somebody who is not there. */
void ping(const char *text)
{
    be32 address = read_address(text);
    struct peer peer;
    int known = arp_knows(address, &peer);

    for (u32 tries = 0; !known && tries < 3; tries++) {
        u64 limit = abi->now() + SECOND;
        arp_ask(address);
        WAIT_UNTIL((known = arp_knows(address, &peer)) || abi->now() >= limit);
    }
    for (u16 sequence = 1; known && sequence <= 3; sequence++) {
        u64 sent = send_request(&peer, sequence);
        WAIT_UNTIL(answered || abi->now() >= sent + 2ull * SECOND);
        u64 microseconds = answered - sent;
        u32 nanoseconds = divide(&microseconds, 1000);
        if (answered)
            print("ping: sequence %u, %llu.%03u us\n", sequence, microseconds, nanoseconds);
        else
            print("ping: sequence %u, no answer\n", sequence);
    }
    if (!known)
        print("ping: nobody has that address\n");
}
