/*
 * What differs between Xen 1.2, Xen 2.0 and Xen 4, behind one table. The kernel says abi->set_timer(…) and does not ask
 * which Xen it is on; xen-1.2.c, xen-2.0.c and xen-4.c hold a table each, and main.c chooses.
 */
#ifndef SAMPLE_ABI_H
#define SAMPLE_ABI_H
#include "types.h"

enum reason { REASON_poweroff = 0, REASON_reboot = 1, REASON_crash = 3 };

/* A page-table entry's low bits, the processor's own (SDM vol. 3, 4.3 and 4.4). */
enum { PTE_PRESENT = 1, PTE_WRITE = 2, PTE_USER = 4, PTE_ACCESSED = 0x20, PTE_DIRTY = 0x40 };
enum { PTE_TABLE = PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY };
enum { PTE_READ_WRITE = PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY, PTE_READ_ONLY = PTE_PRESENT | PTE_ACCESSED };

struct abi {
    const char *name;

    /* Finds memory's tables (memory.h), maps the shared info page. The first call of all. */
    void (*init)(const void *start_info);

    /* How start.S brings page faults and events to trap() and upcall(), and what Xen is told of it. */
    void (*page_fault_entry)(void);
    void (*upcall_entry)(void);
    long (*set_callbacks)(void (*event)(void), void (*failsafe)(void));
    void (*shutdown)(enum reason reason);

    /* Page tables: the two lowest levels, which all versions have; `table_shift` is the upper one's address bit. */
    u32 entry_bytes;
    u32 table_shift;
    void *(*upper_table)(u32 address);
    long (*set_entry)(void *table, u32 index, u32 mfn, u32 flags);
    /* Changes the entry of one page that has a table already. */
    long (*map_page)(const void *page, u32 mfn, u32 flags);

    /* Time: nanoseconds since the machine started, and a call of timer_event() at a given one. */
    u64 (*now)(void);
    void (*timer_init)(void);
    void (*set_timer)(u64 time);

    /* Events. block() sleeps and lets events in, in one step: no event is lost between a look and the sleep. */
    void (*events_on)(void);
    void (*events_off)(void);
    void (*block)(void);
    /* Takes what is pending: calls event() for each port. */
    void (*take_events)(void);
    /* What Xen knows of a port: "interdomain, domain 0 port 3". */
    void (*describe_port)(u32 port, char *text, u32 size);

    /* The console, and all that comes with the toolstack: work() does what events left for the main loop. */
    void (*console_init)(void);
    void (*console_write)(const char *text, u32 length);
    int (*console_read)(void);
    void (*devices_init)(void);
    void (*work)(void);

    /* Moves up to a page of sectors (512 bytes each), and waits until it is done. */
    int (*disk_transfer)(int write, u64 sector, void *page, u32 sectors);
    void (*net_send)(const void *frame, u32 length);
};

extern const struct abi xen_1_2, xen_2_0, xen_4;
extern const struct abi *abi;

/* What Xen shares with the domain, at an address that start.S knows too. */
extern u8 shared_info_page[];

#endif
