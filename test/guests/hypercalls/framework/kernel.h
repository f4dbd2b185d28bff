/* What the test kernel offers to tests beside hypercalls: memory, console, traps, events, time, its command line. */
#ifndef HYPERCALLS_KERNEL_H
#define HYPERCALLS_KERNEL_H
#include "hypercalls.h"
#include "text.h"

#define PAGE_SIZE 4096ul
#define PAGE_ALIGNED __attribute__((aligned(4096)))
#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define barrier() __asm__ volatile("" ::: "memory")

#ifdef __x86_64__
#define VIRT_BASE 0xffffffff80000000ul
#define IP(registers) ((registers)->rip)
#else
#define VIRT_BASE 0xc0000000ul
#define IP(registers) ((registers)->eip)
#endif

/* Pointers that Xen must refuse: nothing is mapped there; a page that may only be read; Xen's own area. */
#define UNMAPPED ((void *)0x1000)
extern char read_only_page[];
#ifdef __x86_64__
#define XEN_AREA ((void *)0xffff820000000000ul)
#define NON_CANONICAL 0x0000900000000000ul
#else
#define XEN_AREA ((void *)0xfbfff000ul)
#endif

extern struct start_info *start_info;
extern struct shared_info *shared_info;

/* console.c: the ring that the toolstack gave us. */
void console_init(void);

/* page-table.c */
#define PTE_PRESENT 1ull
#define PTE_RW 2ull
#define PTE_USER 4ull
#define PTE_PWT 8ull
#define PTE_PCD 0x10ull
#define PTE_ACCESSED 0x20ull
#define PTE_DIRTY 0x40ull
#define PTE_PAT 0x80ull
#define PTE_PSE 0x80ull
#define PTE_GLOBAL 0x100ull
#define PTE_AVAIL 0xe00ull
#define PTE_FLAGS_RW (PTE_PRESENT | PTE_RW | PTE_ACCESSED | PTE_DIRTY)
#define PTE_FLAGS_RO (PTE_PRESENT | PTE_ACCESSED)
#define PTE_FRAME_MASK 0x000ffffffffff000ull
#ifdef __x86_64__
#define PAGE_LEVELS 4
#define MMUEXT_PIN_ROOT MMUEXT_PIN_L4_TABLE
#else
#define PAGE_LEVELS 3
#define MMUEXT_PIN_ROOT MMUEXT_PIN_L3_TABLE
#endif

ulong mfn_of(const void *page);
void *page_of_mfn(ulong mfn);
ulong pfn_of(const void *page);
void set_mfn_of(const void *page, ulong mfn);
/* What Xen's machine-to-physical table says. */
ulong machine_to_phys(ulong mfn);
u64 make_pte(const void *page, u64 flags);
u64 make_pte_mfn(ulong mfn, u64 flags);
/* The entry of the given level (1: the page's own) that leads to an address, and where it lies in machine memory. */
u64 *entry_of(const void *address, u32 level);
u64 machine_address_of_entry(const void *address, u32 level);
/* Changes the page's own mapping. Both stop the test when Xen refuses. */
void map_page(const void *page, u64 entry);
void protect_page(const void *page);
void unprotect_page(const void *page);
void unmap_page(const void *page);

/* traps.c */
enum {
    TRAP_DE = 0,
    TRAP_DB = 1,
    TRAP_BP = 3,
    TRAP_OF = 4,
    TRAP_UD = 6,
    TRAP_NM = 7,
    TRAP_GP = 13,
    TRAP_PF = 14,
    TRAP_AC = 17,
    CALLBACK_EVENT = 0x100,
    CALLBACK_FAILSAFE = 0x101,
    CALLBACK_SYSCALL = 0x102,
    CALLBACK_NMI = 0x104,
    TRAP_SOFTWARE = 0x120,
    TRAP_OTHER = 0x121,
    NO_TRAP = 0xffff,
};

struct registers {
#ifdef __x86_64__
    ulong r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    ulong error_code, rip, cs, rflags, rsp, ss;
#else
    ulong edi, esi, ebp, ebx, edx, ecx, eax;
    ulong error_code, eip, cs, eflags, esp, ss;
#endif
};

struct trap_record {
    u32 vector;
    ulong error_code;
    ulong ip;
    ulong cr2;
    ulong flags;
    ulong cs;
    ulong sp; /* of the interrupted code; only from user mode on 32-bit */
    int upcall_mask; /* when the handler began */
    int from_user;
};

/* The last trap that was survived; tests set .vector to NO_TRAP before they provoke one. */
extern struct trap_record last_trap;
extern const ulong trap_entries[];
void event_entry(void), failsafe_entry(void), syscall_entry(void), nmi_entry(void), software_entry(void),
    other_entry(void);
void traps_init(void);
/* Registers all handlers anew; a test that changed them ends with it. */
void traps_restore(void);
/* Runs user code (at its own pages, with a stack of its own) until its first trap, which last_trap then tells. */
void run_user(const void *ip, void *stack_top);

/*
 * TRY(instruction, outputs : inputs : clobbers): an instruction that may trap. Afterwards last_trap.vector is what came,
 * or NO_TRAP; a trap skips the instruction.
 */
#ifdef __x86_64__
#define FIXUP_WORD ".quad"
#else
#define FIXUP_WORD ".long"
#endif
#define TRY(instruction, ...)                                                                                          \
    do {                                                                                                               \
        last_trap.vector = NO_TRAP;                                                                                    \
        __asm__ volatile("1: " instruction "\n"                                                                        \
                         "2:\n"                                                                                        \
                         ".pushsection .fixups, \"a\"\n" FIXUP_WORD " 1b, 2b\n"                                        \
                         ".popsection" __VA_ARGS__);                                                                   \
        barrier();                                                                                                     \
    } while (0)

/* Loads or stores a word; answers the vector that came, NO_TRAP for none. */
u32 try_read(const volatile void *address);
u32 try_write(volatile void *address);
u32 try_write64(u64 *address, u64 value);

/* events.c: two-level event channels. */
void mask_port(evtchn_port_t port);
void unmask_port(evtchn_port_t port);
int port_pending(evtchn_port_t port);
void clear_port(evtchn_port_t port);
/* How often the upcall handler found the port pending (and cleared it). */
extern u32 events_taken[64];
extern u32 upcalls_taken;
void enable_events(void);
void disable_events(void);
void event_upcall(void);

/* time.c: nanoseconds since the machine started. */
u64 now(void);
void wait_until(u64 time);

/* main.c: ends the domain. */
void power_off(void) __attribute__((noreturn));

#endif
