/*
 * Two domains of one test. Each grants the other a page at a fixed reference and maps the other's, so that words can be
 * passed; `meet` makes both wait for each other. Grants are version 1.
 */
#ifndef HYPERCALLS_PAIR_H
#define HYPERCALLS_PAIR_H
#include "test.h"

#define PAIR_REF 8 /* the first that is not the toolstack's */

struct pair_page {
    volatile u32 step;      /* how far its writer is */
    volatile u32 words[64]; /* what it tells */
};

extern struct grant_entry_v1 *grant_table;
/* What this domain tells, and what the other one does. */
extern struct pair_page *told, *heard;

void pair_connect(void);
/* Waits until the other domain has come as far. */
void meet(void);
/* Undoes the mapping of the other's page; the last thing that a test does. */
void pair_disconnect(void);
void grant_page(grant_ref_t ref, domid_t domid, const void *page, u16 flags);

#endif
