/* What the test kernel offers to tests beside hypercalls: memory, console, traps, events, time, its command line. */
#ifndef HYPERCALLS_KERNEL_H
#define HYPERCALLS_KERNEL_H
#include "hypercalls.h"
#include <text.h>
#include <traps.h>

#define PAGE_SIZE 4096ul
#define PAGE_ALIGNED __attribute__((aligned(4096)))
#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define barrier() __asm__ volatile("" ::: "memory")
/* Where the image is loaded, and all of the domain's memory behind it. */
#define VIRT_BASE 0xc0000000ul

/* Pointers that Xen must refuse: nothing is mapped there; a page that may only be read; Xen's own area. */
#define UNMAPPED ((void *)0x1000)
extern char read_only_page[];
#define XEN_AREA ((void *)0xfd000000ul)

extern struct start_info *start_info;
extern struct shared_info *shared_info;

/* page-table.c */
#define PTE_PRESENT 1ul
#define PTE_RW 2ul
#define PTE_USER 4ul
#define PTE_ACCESSED 0x20ul
#define PTE_DIRTY 0x40ul
#define PTE_PAT 0x80ul
#define PTE_PSE 0x80ul
#define PTE_GLOBAL 0x100ul
#define PTE_FLAGS_RW (PTE_PRESENT | PTE_RW | PTE_ACCESSED | PTE_DIRTY)
#define PTE_FLAGS_RO (PTE_PRESENT | PTE_ACCESSED)
#define PDE_FLAGS (PTE_PRESENT | PTE_RW | PTE_USER | PTE_ACCESSED | PTE_DIRTY)

/* By the page's own entry: this interface gives no list of frames. */
ulong mfn_of(const void *page);
void *page_of_mfn(ulong mfn);
/* What Xen's machine-to-physical table says. */
ulong machine_to_phys(ulong mfn);
ulong pfn_of(const void *page);
ulong make_pte(const void *page, ulong flags);
ulong page_number(const void *page);
/* The entry of the given level (1: the page's own) that leads to an address, where the domain can read it. */
ulong *entry_of(const void *address, u32 level);
/* One request of mmu_update. An entry is named by its virtual address. */
long update(ulong ptr, ulong val);
long extended(u32 command, ulong ptr, ulong high_bits);
/* Changes the page's own mapping. Both stop the test when Xen refuses. */
void map_page(const void *page, ulong entry);
void protect_page(const void *page);
void unprotect_page(const void *page);

/* events.c: bits of `events`; `events_mask` switches them on, each for one delivery. */
extern u32 events_taken[8];
extern u32 upcalls_taken;
/* These events may come; what is pending comes now. */
void enable_events(u32 events);
void disable_events(void);
int events_disabled(void);
void let_events_through(void);
void event_upcall(void);

/* time.c: nanoseconds since the machine started. */
u64 now(void);

/* main.c: ends the domain. */
void power_off(void) __attribute__((noreturn));

#endif
