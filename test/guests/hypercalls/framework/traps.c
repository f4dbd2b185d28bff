/* Exceptions and callbacks: recorded, and survived where a fix-up or the test says how. */
#include "test.h"

struct fixup {
    ulong at, resume;
};

extern const struct fixup fixups_start[], fixups_end[];
extern char trap_stack_top[];

struct trap_record last_trap;

static void record(const struct registers *registers, u32 vector)
{
    last_trap.vector = vector;
    last_trap.error_code = registers->error_code;
    last_trap.ip = IP(registers);
    last_trap.cr2 = shared_info->vcpu_info[0].arch.cr2;
    last_trap.cs = registers->cs & 0xffff;
    last_trap.from_user = (registers->cs & 3) == 3;
    last_trap.upcall_mask = shared_info->vcpu_info[0].evtchn_upcall_mask;
#ifdef __x86_64__
    last_trap.flags = registers->rflags;
    last_trap.sp = registers->rsp;
#else
    last_trap.flags = registers->eflags;
    last_trap.sp = last_trap.from_user ? registers->esp : 0;
#endif
}

static void unexpected(u32 vector)
{
    printf("  trap %x at %lx, error code %lx, address %lx\n", vector, last_trap.ip, last_trap.error_code, last_trap.cr2);
    give_up("a trap that no test expects");
}

/* From start.S; returning resumes what was interrupted. */
void trap(struct registers *registers, u32 vector)
{
    if (vector == CALLBACK_EVENT && (registers->cs & 3) != 3) {
        event_upcall();
        return;
    }
    record(registers, vector);
    /* It may stand in for the event upcall, which would come again and again while this says so. */
    if (vector == TRAP_OTHER) {
        shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
        shared_info->vcpu_info[0].evtchn_pending_sel = 0;
    }
    if (last_trap.from_user) {
        shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
        __asm__ volatile("jmp user_done");
    }
    for (const struct fixup *fixup = fixups_start; fixup < fixups_end; fixup++) {
        if (fixup->at == IP(registers)) {
            IP(registers) = fixup->resume;
            return;
        }
    }
    /* What comes behind its instruction, or asynchronously, is resumed where it was. */
    if (vector == TRAP_DB || vector == TRAP_BP || vector == TRAP_OF || vector >= CALLBACK_EVENT)
        return;
    unexpected(vector);
}

void traps_restore(void)
{
    static struct trap_info table[24];
    u32 count = 0;

    for (u32 vector = 0; vector < 20; vector++) {
        if (vector == 2 || vector == 15)
            continue;
        table[count].vector = (u8)vector;
        table[count].flags = vector == TRAP_BP || vector == TRAP_OF ? 3 : 0;
        table[count].cs = FLAT_KERNEL_CS;
        table[count++].address = trap_entries[vector];
    }
    table[count].vector = 0;
    table[count].address = 0;
    struct callback_register nmi = {.type = CALLBACKTYPE_nmi, .address = (ulong)nmi_entry};
#ifdef __i386__
    nmi.cs = FLAT_KERNEL_CS;
#endif
    if (set_trap_table(NULL) || set_trap_table(table) ||
        set_callbacks((ulong)event_entry, (ulong)failsafe_entry, (ulong)syscall_entry) ||
        callback_op(CALLBACKOP_register, &nmi) || stack_switch(FLAT_KERNEL_SS, trap_stack_top))
        give_up("Xen refused the kernel's own traps and callbacks");
}

void traps_init(void)
{
    traps_restore();
}

void enter_user(const void *ip, void *stack_top);

void run_user(const void *ip, void *stack_top)
{
    last_trap.vector = NO_TRAP;
    /* User mode runs with events enabled; those that wait (the console's) would be its first trap. */
    shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
#ifdef __x86_64__
    static int has_user_root;

    if (!has_user_root) {
        struct mmuext_op op = {.cmd = MMUEXT_NEW_USER_BASEPTR, .arg1 = mfn_of((void *)start_info->pt_base)};
        if (mmuext_op(&op, 1, NULL, DOMID_SELF))
            give_up("Xen refused a page-table root for user mode");
        has_user_root = 1;
    }
#endif
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

/* A store of a whole page-table entry; in two halves on 32-bit, present bit last, when it does not fit a register. */
u32 try_write64(u64 *address, u64 value)
{
#ifdef __x86_64__
    TRY("mov %1, %0", : "=m"(*address) : "r"(value));
#else
    u32 *half = (u32 *)address;
    TRY("movl %1, %0", : "=m"(half[1]) : "r"((u32)(value >> 32)));
    if (last_trap.vector == NO_TRAP)
        TRY("movl %1, %0", : "=m"(half[0]) : "r"((u32)value));
#endif
    return last_trap.vector;
}
