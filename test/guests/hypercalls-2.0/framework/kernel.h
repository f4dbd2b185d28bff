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
#define VIRT_BASE 0xc0000000ul

/* Pointers that Xen must refuse: nothing is mapped there; a page that may only be read; Xen's own area. */
#define UNMAPPED ((void *)0x1000)
extern char read_only_page[];
#define XEN_AREA ((void *)0xfd000000ul)

extern struct start_info *start_info;
extern struct shared_info *shared_info;

/* page-table.c: the boot area is mapped at VIRT_BASE, its tables included (read-only). */
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

ulong pfn_of(const void *page);
ulong mfn_of(const void *page);
void *page_of_mfn(ulong mfn);
/* What Xen's machine-to-physical table says. */
ulong machine_to_phys(ulong mfn);
ulong make_pte(const void *page, ulong flags);
ulong page_number(const void *page);
/* The entry of the given level (1: the page's own) that leads to an address, and where it lies in machine memory. */
ulong *entry_of(const void *address, u32 level);
ulong machine_address_of(const void *address);
ulong machine_address_of_entry(const void *address, u32 level);
/* One request of mmu_update. */
long update(ulong ptr, ulong val);
long extended(u32 command, ulong ptr, ulong high_bits);
/* Changes the page's own mapping. Both stop the test when Xen refuses. */
void map_page(const void *page, ulong entry);
void protect_page(const void *page);
void unprotect_page(const void *page);

/* events.c */
#define MAX_PORT 64
void mask_port(u32 port);
void unmask_port(u32 port);
int port_pending(u32 port);
void clear_port(u32 port);
/* How often the upcall handler found the port pending (and cleared it). */
extern u32 events_taken[MAX_PORT];
extern u32 upcalls_taken;
void enable_events(void);
void disable_events(void);
int events_disabled(void);
void let_events_through(void);
void event_upcall(void);

/* time.c: nanoseconds since the machine started. */
u64 now(void);

/* main.c: ends the domain. */
void power_off(void) __attribute__((noreturn));

#endif
