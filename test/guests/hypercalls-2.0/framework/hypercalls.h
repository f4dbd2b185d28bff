/* Hypercalls as C functions: number in EAX, arguments in EBX, ECX, EDX, ESI, EDI, which Xen may overwrite. */
#ifndef HYPERCALLS_HYPERCALLS_H
#define HYPERCALLS_HYPERCALLS_H
#include "public/xen.h"

static inline long hypercall(ulong number, ulong a, ulong b, ulong c, ulong d, ulong e)
{
    long result;

    __asm__ volatile("int $0x82"
                     : "=a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d), "+D"(e)
                     : "0"(number)
                     : "cc", "memory");
    return result;
}

static inline long set_trap_table(const struct trap_info *table)
{
    return hypercall(__HYPERVISOR_set_trap_table, (ulong)table, 0, 0, 0, 0);
}

static inline long mmu_update(const struct mmu_update *requests, u32 count, u32 *done)
{
    return hypercall(__HYPERVISOR_mmu_update, (ulong)requests, count, (ulong)done, 0, 0);
}

static inline long set_gdt(const ulong *frames, ulong entries)
{
    return hypercall(__HYPERVISOR_set_gdt, (ulong)frames, entries, 0, 0, 0);
}

static inline long stack_switch(ulong ss, const void *esp)
{
    return hypercall(__HYPERVISOR_stack_switch, ss, (ulong)esp, 0, 0, 0);
}

static inline long set_callbacks(ulong event_cs, const void *event, ulong failsafe_cs, const void *failsafe)
{
    return hypercall(__HYPERVISOR_set_callbacks, event_cs, (ulong)event, failsafe_cs, (ulong)failsafe, 0);
}

static inline long fpu_taskswitch(void)
{
    return hypercall(__HYPERVISOR_fpu_taskswitch, 0, 0, 0, 0, 0);
}

static inline long sched_op(ulong op)
{
    return hypercall(__HYPERVISOR_sched_op, op, 0, 0, 0, 0);
}

static inline long dom0_op(const void *op)
{
    return hypercall(__HYPERVISOR_dom0_op, (ulong)op, 0, 0, 0, 0);
}

static inline long set_debugreg(ulong number, ulong value)
{
    return hypercall(__HYPERVISOR_set_debugreg, number, value, 0, 0, 0);
}

static inline long get_debugreg(ulong number)
{
    return hypercall(__HYPERVISOR_get_debugreg, number, 0, 0, 0, 0);
}

static inline long update_descriptor(ulong machine_address, u64 descriptor)
{
    return hypercall(__HYPERVISOR_update_descriptor, machine_address, (ulong)descriptor, (ulong)(descriptor >> 32), 0, 0);
}

static inline long set_fast_trap(ulong vector)
{
    return hypercall(__HYPERVISOR_set_fast_trap, vector, 0, 0, 0, 0);
}

static inline long dom_mem_op(ulong op, ulong *extents, ulong count, ulong order, ulong domid)
{
    return hypercall(__HYPERVISOR_dom_mem_op, op, (ulong)extents, count, order, domid);
}

static inline long multicall(struct multicall_entry *calls, ulong count)
{
    return hypercall(__HYPERVISOR_multicall, (ulong)calls, count, 0, 0, 0);
}

/* Takes the number of the page, not its address. */
static inline long update_va_mapping(ulong page_number, ulong entry, ulong flags)
{
    return hypercall(__HYPERVISOR_update_va_mapping, page_number, entry, flags, 0, 0);
}

/* The high word comes first. */
static inline long set_timer_op(u64 timeout)
{
    return hypercall(__HYPERVISOR_set_timer_op, (ulong)(timeout >> 32), (ulong)timeout, 0, 0, 0);
}

static inline long event_channel_op(struct evtchn_op *op)
{
    return hypercall(__HYPERVISOR_event_channel_op, (ulong)op, 0, 0, 0, 0);
}

static inline long xen_version(ulong command)
{
    return hypercall(__HYPERVISOR_xen_version, command, 0, 0, 0, 0);
}

static inline long console_io(ulong command, long count, const void *buffer)
{
    return hypercall(__HYPERVISOR_console_io, command, (ulong)count, (ulong)buffer, 0, 0);
}

static inline long physdev_op(struct physdev_op *op)
{
    return hypercall(__HYPERVISOR_physdev_op, (ulong)op, 0, 0, 0, 0);
}

static inline long vm_assist(ulong command, ulong type)
{
    return hypercall(__HYPERVISOR_vm_assist, command, type, 0, 0, 0);
}

#endif
