/* Hypercalls as C functions: number in EAX, arguments in EBX, ECX, EDX, ESI, EDI, which Xen 1.2 leaves alone. */
#ifndef HYPERCALLS_HYPERCALLS_H
#define HYPERCALLS_HYPERCALLS_H
#include "public/xen.h"

static inline long hypercall(ulong number, ulong a, ulong b, ulong c, ulong d)
{
    long result;

    __asm__ volatile("int $0x82" : "=a"(result) : "0"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "cc", "memory");
    return result;
}

static inline long set_trap_table(const struct trap_info *table)
{
    return hypercall(__HYPERVISOR_set_trap_table, (ulong)table, 0, 0, 0);
}

static inline long mmu_update(const struct mmu_update *requests, u32 count)
{
    return hypercall(__HYPERVISOR_mmu_update, (ulong)requests, count, 0, 0);
}

static inline long console_write(const char *text, ulong count)
{
    return hypercall(__HYPERVISOR_console_write, (ulong)text, count, 0, 0);
}

static inline long set_gdt(const ulong *frames, ulong entries)
{
    return hypercall(__HYPERVISOR_set_gdt, (ulong)frames, entries, 0, 0);
}

static inline long stack_switch(ulong ss, const void *esp)
{
    return hypercall(__HYPERVISOR_stack_switch, ss, (ulong)esp, 0, 0);
}

static inline long set_callbacks(ulong event_cs, const void *event, ulong failsafe_cs, const void *failsafe)
{
    return hypercall(__HYPERVISOR_set_callbacks, event_cs, (ulong)event, failsafe_cs, (ulong)failsafe);
}

static inline long net_io_op(struct netop *op)
{
    return hypercall(__HYPERVISOR_net_io_op, (ulong)op, 0, 0, 0);
}

static inline long fpu_taskswitch(void)
{
    return hypercall(__HYPERVISOR_fpu_taskswitch, 0, 0, 0, 0);
}

static inline long sched_op(ulong op)
{
    return hypercall(__HYPERVISOR_sched_op, op, 0, 0, 0);
}

static inline long dom0_op(const void *op)
{
    return hypercall(__HYPERVISOR_dom0_op, (ulong)op, 0, 0, 0);
}

static inline long network_op(const void *op)
{
    return hypercall(__HYPERVISOR_network_op, (ulong)op, 0, 0, 0);
}

static inline long block_io_op(struct block_io_op *op)
{
    return hypercall(__HYPERVISOR_block_io_op, (ulong)op, 0, 0, 0);
}

static inline long set_debugreg(ulong number, ulong value)
{
    return hypercall(__HYPERVISOR_set_debugreg, number, value, 0, 0);
}

static inline long get_debugreg(ulong number)
{
    return hypercall(__HYPERVISOR_get_debugreg, number, 0, 0, 0);
}

static inline long update_descriptor(ulong machine_address, u64 descriptor)
{
    return hypercall(__HYPERVISOR_update_descriptor, machine_address, (ulong)descriptor, (ulong)(descriptor >> 32), 0);
}

static inline long set_fast_trap(ulong vector)
{
    return hypercall(__HYPERVISOR_set_fast_trap, vector, 0, 0, 0);
}

static inline long dom_mem_op(const struct dom_mem_op *op)
{
    return hypercall(__HYPERVISOR_dom_mem_op, (ulong)op, 0, 0, 0);
}

static inline long multicall(struct multicall_entry *calls, ulong count)
{
    return hypercall(__HYPERVISOR_multicall, (ulong)calls, count, 0, 0);
}

static inline long kbd_op(ulong op, ulong value)
{
    return hypercall(__HYPERVISOR_kbd_op, op, value, 0, 0);
}

/* Takes the number of the page, not its address. */
static inline long update_va_mapping(ulong page_number, ulong entry, ulong flags)
{
    return hypercall(__HYPERVISOR_update_va_mapping, page_number, entry, flags, 0);
}

static inline long event_channel_op(ulong command, ulong id)
{
    return hypercall(__HYPERVISOR_event_channel_op, command, id, 0, 0);
}

#endif
