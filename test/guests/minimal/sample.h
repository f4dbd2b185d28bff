#ifndef SAMPLE_H
#define SAMPLE_H
#include "xen.h"

#define VIRT_BASE 0xffffffff80000000UL
#define PAGE_SIZE 4096UL
/* Xen's read-only table from machine to pseudo-physical frames, at the start of its area. */
#define machine_to_phys ((const u64 *)0xffff800000000000UL)

void console_init(void);
void print(const char *text);
void print_number(u64 value, u32 base);
int console_read(void);

void traps_init(void);
u64 traps_taken(void);

void time_init(void);
u64 now(void);
u64 ticks(void);

/* A frame of our own, where the builder mapped it. */
static inline void *page_of_mfn(u64 mfn)
{
    return (void *)(VIRT_BASE + machine_to_phys[mfn] * PAGE_SIZE);
}

static inline u64 mfn_of_page(const void *page)
{
    return ((const u64 *)start_info->mfn_list)[((u64)page - VIRT_BASE) / PAGE_SIZE];
}

#endif
