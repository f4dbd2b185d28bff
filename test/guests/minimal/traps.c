/* Exceptions and event-channel upcalls. */
#include "sample.h"

extern void trap_divide_error(void), trap_breakpoint(void), trap_invalid_opcode(void);
extern void trap_general_protection(void), trap_page_fault(void);
extern void upcall_entry(void), failsafe_entry(void);
extern void read_word(void), read_word_failed(void);
void timer_tick(void);

static u64 taken;

u64 traps_taken(void)
{
    return taken;
}

void traps_init(void)
{
    static struct trap_info table[6];
    const struct { u8 vector; void (*entry)(void); } entries[] = {
        {0, trap_divide_error}, {3, trap_breakpoint}, {6, trap_invalid_opcode},
        {13, trap_general_protection}, {14, trap_page_fault},
    };

    for (u32 i = 0; i < 5; i++) {
        table[i].vector = entries[i].vector;
        table[i].flags = entries[i].vector == 3 ? 3 : 0;
        table[i].cs = FLAT_KERNEL_CS;
        table[i].address = (u64)entries[i].entry;
    }
    hypercall(HYPERCALL_set_trap_table, (u64)table, 0, 0, 0);
    hypercall(HYPERCALL_set_callbacks, (u64)upcall_entry, (u64)failsafe_entry, 0, 0);
}

void trap(struct registers *registers, u64 vector)
{
    taken++;
    print("trap ");
    print_number(vector, 10);
    print(" at ");
    print_number(registers->rip, 16);
    if (vector == 14) {
        print(", address ");
        print_number(shared_info->vcpu_info[0].cr2, 16);
        print(", error code ");
        print_number(registers->error_code, 16);
    }
    print("\n");
    if (registers->rip == (u64)read_word) {
        registers->rip = (u64)read_word_failed;
        return;
    }
    if (vector == 3)
        return;
    u32 reason = SHUTDOWN_crash;
    hypercall(HYPERCALL_sched_op, SCHEDOP_shutdown, (u64)&reason, 0, 0);
}

/* Finds the pending ports, two levels deep, and clears them before looking at what they mean. */
void upcall(struct registers *registers)
{
    struct vcpu_info *vcpu = &shared_info->vcpu_info[0];

    (void)registers;
    while (vcpu->evtchn_upcall_pending) {
        vcpu->evtchn_upcall_pending = 0;
        u64 words = __atomic_exchange_n(&vcpu->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
        for (; words; words &= words - 1) {
            u64 word = __builtin_ctzl(words);
            u64 ports = shared_info->evtchn_pending[word] & ~shared_info->evtchn_mask[word];
            for (; ports; ports &= ports - 1) {
                u64 bit = __builtin_ctzl(ports);
                __atomic_fetch_and(&shared_info->evtchn_pending[word], ~(1UL << bit), __ATOMIC_SEQ_CST);
                if (word * 64 + bit != start_info->console_evtchn)
                    timer_tick();
            }
        }
    }
}
