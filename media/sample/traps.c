/* Exceptions: Xen takes them from the processor and enters the kernel where set_trap_table said. */
#include "traps.h"
#include "abi.h"
#include "hypercall.h"
#include "print.h"

void trap_divide_error(void), trap_breakpoint(void), trap_invalid_opcode(void), trap_general_protection(void);
void failsafe_entry(void);
void try_read_here(void), try_read_failed(void), try_write_here(void), try_write_failed(void);

/* Instructions that may fault, and where execution goes on if they do. */
static const struct {
    void (*at)(void);
    void (*then)(void);
} fixups[] = {
    {try_read_here, try_read_failed},
    {try_write_here, try_write_failed},
};

static u32 taken;

u32 traps_taken(void)
{
    return taken;
}

static u16 code_selector(void)
{
    u32 selector;

    __asm__("mov %%cs, %0" : "=r"(selector));
    return (u16)selector;
}

void traps_init(void)
{
    static struct trap_info table[6];
    const struct {
        u8 vector;
        u8 flags;
        void (*entry)(void);
    } entries[] = {
        {TRAP_divide_error, 0, trap_divide_error},
        {TRAP_breakpoint, 3, trap_breakpoint},
        {TRAP_invalid_opcode, 0, trap_invalid_opcode},
        {TRAP_general_protection, 0, trap_general_protection},
        {TRAP_page_fault, 0, abi->page_fault_entry},
    };

    /* An entry with address 0 ends the table. */
    for (u32 i = 0; i < LENGTH(entries); i++) {
        table[i].vector = entries[i].vector;
        table[i].flags = entries[i].flags;
        table[i].cs = code_selector();
        table[i].address = (u32)entries[i].entry;
    }
    hypercall(HYPERCALL_set_trap_table, table);
    abi->set_callbacks(abi->upcall_entry, failsafe_entry);
}

void trap(struct registers *registers, u32 vector)
{
    taken++;
    print("trap %u at 0x%x", vector, registers->eip);
    if (vector == TRAP_page_fault)
        print(", address 0x%x, error code 0x%x", registers->address, registers->error_code);
    print("\n");
    for (u32 i = 0; i < LENGTH(fixups); i++) {
        if (registers->eip == (u32)fixups[i].at) {
            registers->eip = (u32)fixups[i].then;
            return;
        }
    }
    if (vector != TRAP_breakpoint)
        abi->shutdown(REASON_crash);
}

/* Xen could not load a selector that the kernel had. This kernel never changes any. */
void failsafe(void)
{
    print("failsafe callback: a selector could not be loaded\n");
    abi->shutdown(REASON_crash);
}
