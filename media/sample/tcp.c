/*
 * TCP for a server that answers one request on each connection (RFC 9293). It sends within the peer's window, starts
 * again at what was not acknowledged, and takes data only in order.
 *
 * NOT IMPLEMENTED: connections that it opens itself, congestion control, urgent data, out-of-order segments, TIME-WAIT.
 */
#include "abi.h"
#include "network.h"

#define PORT 80
#define SEGMENT_BYTES 1460u
#define WINDOW_BYTES 1024u
#define MAX_TRIES 5

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

struct tcp {
    be16 source, destination;
    be32 sequence, acknowledged;
    u8 header_words; /* upper four bits: 5 and as many as options take */
    u8 flags;
    be16 window;
    be16 checksum, urgent;
};

/* Sequence numbers count the SYN, each byte of the reply, and the FIN. */
static struct connection {
    enum { FREE = 0, SYN_RECEIVED, OPEN } state;
    struct peer peer;
    be16 port;
    u32 first;          /* sequence number of the reply's first byte */
    u32 next;           /* to send */
    u32 unacknowledged; /* oldest that the peer has not confirmed */
    u32 window;         /* bytes that the peer takes beyond that */
    u32 expected;       /* next sequence number of the peer's */
    int peer_closed;
    u32 tries;
    u32 request_length, reply_length;
    char request[WINDOW_BYTES + 1];
    char reply[REPLY_BYTES];
} connections[4];

static u32 next_first = 0x10000;

/* `sequence` and `acknowledged` are what the segment is to carry; data follows the header. */
static void send_segment(const struct peer *peer, be16 port, u8 flags, u32 sequence, u32 acknowledged, const void *data, u32 length)
{
    static struct {
        struct tcp tcp;
        u8 data[SEGMENT_BYTES];
    } segment;
    struct {
        be32 source, destination;
        u8 zero, protocol;
        be16 length;
    } pseudo = {own_address, peer->address, 0, PROTOCOL_TCP, swap16(sizeof(struct tcp) + length)};

    segment.tcp = (struct tcp){
        .source = swap16(PORT),
        .destination = port,
        .sequence = swap32(sequence),
        .acknowledged = swap32(acknowledged),
        .header_words = (u8)(sizeof(struct tcp) / 4 << 4),
        .flags = flags,
        .window = swap16(WINDOW_BYTES),
    };
    memcpy(segment.data, data, length);
    u16 partial = (u16)~checksum(&pseudo, sizeof pseudo, 0);
    segment.tcp.checksum = checksum(&segment, sizeof segment.tcp + length, partial);
    ip_send(peer, PROTOCOL_TCP, &segment, sizeof segment.tcp + length);
}

/* An empty segment that says where we are. */
static void acknowledge(const struct connection *to, u8 flags, u32 sequence)
{
    send_segment(&to->peer, to->port, ACK | flags, sequence, to->expected, NULL, 0);
}

/* As much of the reply as the window takes, and the FIN behind it. */
static void send_reply(struct connection *to)
{
    u32 end = to->first + to->reply_length;

    if (!to->reply_length)
        return;
    while (to->next != end && to->next - to->unacknowledged < to->window) {
        u32 room = to->window - (to->next - to->unacknowledged);
        u32 length = end - to->next;
        length = length < SEGMENT_BYTES ? length : SEGMENT_BYTES;
        length = length < room ? length : room;
        send_segment(&to->peer, to->port, ACK | PSH, to->next, to->expected, to->reply + (to->next - to->first), length);
        to->next += length;
    }
    if (to->next == end) {
        acknowledge(to, FIN, end);
        to->next = end + 1;
    }
}

static struct connection *find(const struct peer *from, be16 port)
{
    for (u32 i = 0; i < LENGTH(connections); i++) {
        struct connection *each = &connections[i];
        if (each->state != FREE && each->port == port && each->peer.address == from->address)
            return each;
    }
    return NULL;
}

static void accept(const struct peer *from, const struct tcp *tcp)
{
    for (u32 i = 0; i < LENGTH(connections); i++) {
        struct connection *to = &connections[i];
        if (to->state != FREE)
            continue;
        to->state = SYN_RECEIVED;
        to->peer = *from;
        to->port = tcp->source;
        to->first = to->next = to->unacknowledged = next_first;
        to->window = swap16(tcp->window);
        to->expected = swap32(tcp->sequence) + 1;
        to->peer_closed = 0;
        to->tries = to->request_length = to->reply_length = 0;
        next_first += 0x10000;
        acknowledge(to, SYN, to->first - 1);
        return;
    }
}

/* What the peer has confirmed. 1: all there ever will be. */
static int take_acknowledgement(struct connection *of, u32 acknowledged)
{
    if (acknowledged - of->unacknowledged <= of->next - of->unacknowledged && acknowledged != of->unacknowledged) {
        of->unacknowledged = acknowledged;
        of->tries = 0;
    }
    return of->reply_length && of->unacknowledged == of->first + of->reply_length + 1;
}

static void take_data(struct connection *of, const u8 *data, u32 length)
{
    u32 room = WINDOW_BYTES - of->request_length;

    length = length < room ? length : room;
    memcpy(of->request + of->request_length, data, length);
    of->request_length += length;
    of->request[of->request_length] = 0;
    of->expected += length;
    if (!of->reply_length)
        of->reply_length = http_reply(of->request, of->reply);
}

static void take_segment(struct connection *of, const struct tcp *tcp, const u8 *data, u32 length)
{
    u32 sequence = swap32(tcp->sequence);
    int all_sent;

    if (tcp->flags & RST) {
        of->state = FREE;
        return;
    }
    if (tcp->flags & SYN) {
        acknowledge(of, SYN, of->first - 1);
        return;
    }
    of->state = OPEN;
    of->window = swap16(tcp->window);
    all_sent = take_acknowledgement(of, swap32(tcp->acknowledged));
    if (sequence == of->expected && !of->peer_closed) {
        if (length)
            take_data(of, data, length);
        if (tcp->flags & FIN) {
            of->expected++;
            of->peer_closed = 1;
        }
    }
    if (all_sent && of->peer_closed)
        of->state = FREE;
    /* Also for what came out of order: the peer then sends it again. */
    if (length || (tcp->flags & FIN))
        acknowledge(of, 0, of->next);
    if (of->state == OPEN)
        send_reply(of);
}

void tcp_receive(const struct peer *from, const u8 *packet, u32 length)
{
    const struct tcp *tcp = (const struct tcp *)packet;
    u32 header = tcp->header_words >> 4 << 2;
    struct {
        be32 source, destination;
        u8 zero, protocol;
        be16 length;
    } pseudo = {from->address, own_address, 0, PROTOCOL_TCP, swap16(length)};
    struct connection *of;

    if (length < sizeof *tcp || header < sizeof *tcp || header > length)
        return;
    if (checksum(packet, length, (u16)~checksum(&pseudo, sizeof pseudo, 0)) != 0)
        return;
    of = tcp->destination == swap16(PORT) ? find(from, tcp->source) : NULL;
    if (of)
        take_segment(of, tcp, packet + header, length - header);
    else if (tcp->destination == swap16(PORT) && (tcp->flags & (SYN | ACK | RST)) == SYN)
        accept(from, tcp);
    else if (!(tcp->flags & RST))
        send_segment(from, tcp->source, RST | ACK, swap32(tcp->acknowledged), swap32(tcp->sequence) + length - header + !!(tcp->flags & (SYN | FIN)), NULL, 0);
}

void tcp_tick(void)
{
    for (u32 i = 0; i < LENGTH(connections); i++) {
        struct connection *each = &connections[i];
        if (each->state == FREE)
            continue;
        /* Also ends connections whose peer has gone without a word. */
        if (++each->tries > MAX_TRIES) {
            each->state = FREE;
        } else if (each->state == SYN_RECEIVED) {
            acknowledge(each, SYN, each->first - 1);
        } else if (each->next != each->unacknowledged) {
            each->next = each->unacknowledged;
            send_reply(each);
        }
    }
}
