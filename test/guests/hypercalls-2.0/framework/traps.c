/* Exceptions and callbacks: recorded, and survived where a fix-up or the test says how. */
#include <test.h>

struct fixup {
    ulong at, resume;
};

extern const struct fixup fixups_start[], fixups_end[];
extern char trap_stack_top[];
extern ulong fault_address;

struct trap_record last_trap;

static void record(const struct registers *registers, u32 vector)
{
    last_trap.vector = vector;
    last_trap.error_code = registers->error_code;
    last_trap.ip = registers->eip;
    last_trap.cr2 = fault_address;
    last_trap.cs = registers->cs & 0xffff;
    last_trap.from_user = (registers->cs & 3) == 3;
    last_trap.upcall_mask = events_disabled();
    last_trap.flags = registers->eflags;
    last_trap.sp = last_trap.from_user ? registers->esp : 0;
}

/* From start.S; returning resumes what was interrupted. */
void trap(struct registers *registers, u32 vector)
{
    if (vector == CALLBACK_EVENT && (registers->cs & 3) != 3) {
        event_upcall();
        return;
    }
    record(registers, vector);
    if (last_trap.from_user) {
        disable_events();
        __asm__ volatile("jmp user_done");
    }
    for (const struct fixup *fixup = fixups_start; fixup < fixups_end; fixup++) {
        if (fixup->at == registers->eip) {
            registers->eip = fixup->resume;
            return;
        }
    }
    /* What comes behind its instruction is resumed where it was. */
    if (vector == TRAP_DB || vector == TRAP_BP || vector == TRAP_OF || vector >= CALLBACK_EVENT)
        return;
    printf("  trap %x at %lx, error code %lx, address %lx\n", vector, last_trap.ip, last_trap.error_code, last_trap.cr2);
    give_up("a trap that no test expects");
}

void traps_restore(void)
{
    static struct trap_info table[20];
    u32 count = 0;

    for (u32 vector = 0; vector < 20; vector++) {
        if (vector == 2 || vector == 15)
            continue;
        table[count].vector = (u8)vector;
        table[count].flags = vector == TRAP_BP || vector == TRAP_OF ? 3 : 0;
        table[count].cs = FLAT_RING1_CS;
        table[count++].address = trap_entries[vector];
    }
    if (set_trap_table(table) || set_callbacks(FLAT_RING1_CS, event_entry, FLAT_RING1_CS, failsafe_entry) ||
        stack_switch(FLAT_RING1_DS, trap_stack_top))
        give_up("Xen refused the kernel's own traps and callbacks");
}

void enter_user(const void *ip, void *stack_top);

void run_user(const void *ip, void *stack_top)
{
    last_trap.vector = NO_TRAP;
    enter_user(ip, stack_top);
    barrier();
}

u32 try_read(const volatile void *address)
{
    ulong value;
    TRY("mov %1, %0", : "=r"(value) : "m"(*(const volatile ulong *)address));
    return last_trap.vector;
}

u32 try_write(volatile void *address)
{
    ulong value = 0x5a;
    TRY("mov %1, %0", : "=m"(*(volatile ulong *)address) : "r"(value));
    return last_trap.vector;
}
