/* Exceptions and callbacks of the interfaces with two-level page tables, 1.2 and 2.0. */
#ifndef HYPERCALLS_TRAPS_H
#define HYPERCALLS_TRAPS_H

enum {
    TRAP_DE = 0,
    TRAP_DB = 1,
    TRAP_BP = 3,
    TRAP_OF = 4,
    TRAP_UD = 6,
    TRAP_NM = 7,
    TRAP_NP = 11,
    TRAP_GP = 13,
    TRAP_PF = 14,
    TRAP_AC = 17,
    CALLBACK_EVENT = 0x100,
    CALLBACK_FAILSAFE = 0x101,
    TRAP_SOFTWARE = 0x120,
    TRAP_OTHER = 0x121,
    NO_TRAP = 0xffff,
};

struct registers {
    ulong edi, esi, ebp, ebx, edx, ecx, eax;
    ulong error_code, eip, cs, eflags, esp, ss;
};

struct trap_record {
    u32 vector;
    ulong error_code, ip, cr2, flags, cs, sp;
    int upcall_mask; /* when the handler began */
    int from_user;
};

/* The last trap that was survived; tests set .vector to NO_TRAP before they provoke one. */
extern struct trap_record last_trap;
extern const ulong trap_entries[];
void event_entry(void), failsafe_entry(void), software_entry(void), other_entry(void);
/* Registers all handlers anew; a test that changed them ends with it. */
void traps_restore(void);
/* Runs user code (in pages it may reach, with a stack of its own) until its first trap, which last_trap then tells. */
void run_user(const void *ip, void *stack_top);

/*
 * TRY(instruction, outputs : inputs : clobbers): an instruction that may trap. Afterwards last_trap.vector is what came,
 * or NO_TRAP; a trap skips the instruction.
 */
#define TRY(instruction, ...)                                                                                          \
    do {                                                                                                               \
        last_trap.vector = NO_TRAP;                                                                                    \
        __asm__ volatile("1: " instruction "\n"                                                                        \
                         "2:\n"                                                                                        \
                         ".pushsection .fixups, \"a\"\n.long 1b, 2b\n"                                                 \
                         ".popsection" __VA_ARGS__);                                                                   \
        barrier();                                                                                                     \
    } while (0)

/* Loads or stores a word; answers the vector that came, NO_TRAP for none. */
u32 try_read(const volatile void *address);
u32 try_write(volatile void *address);

#endif
