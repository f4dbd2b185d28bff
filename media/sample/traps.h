#ifndef SAMPLE_TRAPS_H
#define SAMPLE_TRAPS_H
#include "types.h"

/* As start.S saves them; the last three are Xen's on every version, error_code and address where there are any. */
struct registers {
    u32 edi, esi, ebp, ebx, edx, ecx, eax;
    u32 address; /* that a page fault was about */
    u32 error_code;
    u32 eip, cs, eflags;
};

/* The same on all versions of Xen: public headers' trap_info_t. */
struct trap_info {
    u8 vector;
    u8 flags; /* privilege from which INT n may come here */
    u16 cs;
    u32 address;
};

enum { HYPERCALL_set_trap_table = 0 }; /* on all versions */
enum { TRAP_divide_error = 0, TRAP_breakpoint = 3, TRAP_invalid_opcode = 6, TRAP_general_protection = 13, TRAP_page_fault = 14 };

void traps_init(void);
u32 traps_taken(void);

/* start.S: a load and a store that may fault. 0, or -1 when they did. */
int try_read(const u32 *address, u32 *value);
int try_write(u32 *address, u32 value);

#endif
