/* Events by port. On Xen 1.2, which has eight fixed events, the number of the event's bit is the port. */
#ifndef SAMPLE_EVENTS_H
#define SAMPLE_EVENTS_H
#include "abi.h"
#include "print.h"

/* A handler runs with events off and must not wait. */
void event_bind(u32 port, const char *name, void (*handler)(void));
void event_unbind(u32 port);
/* An event has come: for take_events() of an ABI. */
void event(u32 port);
void report_events(printer *print);

/* Sleeps until the condition holds. Never in a handler. */
#define WAIT_UNTIL(condition)          \
    do {                               \
        abi->events_off();             \
        while (!(condition)) {         \
            abi->block();              \
            abi->events_off();         \
        }                              \
        abi->events_on();              \
    } while (0)

/* event-channels.c: what Xen 2.0 and Xen 4 have in common. Two levels of bits: a word of `pending` per selector bit. */
struct event_words {
    volatile u32 *selector;
    volatile u32 *pending;
    volatile u32 *mask;
};

void channels_take(const struct event_words *words);
void channel_unmask(const struct event_words *words, u32 port);
void channels_on(void (*force_callback)(void));
void channels_off(void);

#endif
