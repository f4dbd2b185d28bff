/* Frames: pseudo-physical numbers count the domain's pages from 0, machine numbers are where they really are. */
#ifndef SAMPLE_MEMORY_H
#define SAMPLE_MEMORY_H
#include "types.h"

/* All three domain builders map pseudo-physical frame 0 here (link.ld, and the notes in start.S). */
#define VIRT_BASE 0xc0000000u

struct memory {
    u32 pages;
    u32 page_tables;      /* frames of the first page tables */
    u32 page_table_base;  /* address of the top one */
    u32 *phys_to_machine;
    const u32 *machine_to_phys;
    const char *command_line;
};

extern struct memory memory;

static inline u32 mfn_of(const void *page)
{
    return memory.phys_to_machine[((u32)page - VIRT_BASE) / PAGE_SIZE];
}

static inline void *page_of_mfn(u32 mfn)
{
    return (void *)(VIRT_BASE + memory.machine_to_phys[mfn] * PAGE_SIZE);
}

/* paging.c */
void paging_demo(void);

#endif
