/* Hypercalls as C functions. Each goes through its stub in the hypercall page, which the domain builder filled. */
#ifndef HYPERCALLS_HYPERCALLS_H
#define HYPERCALLS_HYPERCALLS_H
#include "public/event-channel.h"
#include "public/grant-table.h"
#include "public/memory.h"
#include "public/sched.h"
#include "public/xen.h"

extern char hypercall_page[];

static inline long hypercall(u32 number, ulong a, ulong b, ulong c, ulong d, ulong e)
{
    long result;
    char *stub = hypercall_page + 32 * number;
#ifdef __x86_64__
    register ulong r10 __asm__("r10") = d;
    register ulong r8 __asm__("r8") = e;
    __asm__ volatile("call *%%rax"
                     : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8)
                     : "0"(stub)
                     : "rcx", "r11", "r9", "cc", "memory");
#else
    __asm__ volatile("call *%%eax"
                     : "=a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d), "+D"(e)
                     : "0"(stub)
                     : "cc", "memory");
#endif
    return result;
}

/* A 64-bit argument: one register, or two (low half first). */
#ifdef __x86_64__
#define ARG64(value) (value)
#define PAD64 0
#else
#define ARG64(value) (ulong)(value), (ulong)((value) >> 32)
#endif

#define COMMAND_HYPERCALL(name)                                                                                        \
    static inline long name(u32 command, const void *arg)                                                              \
    {                                                                                                                  \
        return hypercall(__HYPERVISOR_##name, command, (ulong)arg, 0, 0, 0);                                           \
    }

COMMAND_HYPERCALL(memory_op)
COMMAND_HYPERCALL(xen_version)
COMMAND_HYPERCALL(nmi_op)
COMMAND_HYPERCALL(sched_op)
COMMAND_HYPERCALL(callback_op)
COMMAND_HYPERCALL(event_channel_op)
COMMAND_HYPERCALL(physdev_op)

static inline long set_trap_table(const struct trap_info *table)
{
    return hypercall(__HYPERVISOR_set_trap_table, (ulong)table, 0, 0, 0, 0);
}

static inline long mmu_update(const struct mmu_update *requests, u32 count, u32 *done, u32 foreigndom)
{
    return hypercall(__HYPERVISOR_mmu_update, (ulong)requests, count, (ulong)done, foreigndom, 0);
}

static inline long mmuext_op(const struct mmuext_op *ops, u32 count, u32 *done, u32 foreigndom)
{
    return hypercall(__HYPERVISOR_mmuext_op, (ulong)ops, count, (ulong)done, foreigndom, 0);
}

static inline long set_gdt(const ulong *frames, u32 entries)
{
    return hypercall(__HYPERVISOR_set_gdt, (ulong)frames, entries, 0, 0, 0);
}

static inline long stack_switch(ulong ss, const void *sp)
{
    return hypercall(__HYPERVISOR_stack_switch, ss, (ulong)sp, 0, 0, 0);
}

#ifdef __x86_64__
static inline long set_callbacks(ulong event, ulong failsafe, ulong syscall)
{
    return hypercall(__HYPERVISOR_set_callbacks, event, failsafe, syscall, 0, 0);
}
#else
static inline long set_callbacks(ulong event, ulong failsafe, ulong syscall)
{
    (void)syscall;
    return hypercall(__HYPERVISOR_set_callbacks, FLAT_KERNEL_CS, event, FLAT_KERNEL_CS, failsafe, 0);
}
#endif

static inline long fpu_taskswitch(u32 set)
{
    return hypercall(__HYPERVISOR_fpu_taskswitch, set, 0, 0, 0, 0);
}

static inline long sched_op_compat(u32 command, ulong arg)
{
    return hypercall(__HYPERVISOR_sched_op_compat, command, arg, 0, 0, 0);
}

static inline long set_debugreg(u32 number, ulong value)
{
    return hypercall(__HYPERVISOR_set_debugreg, number, value, 0, 0, 0);
}

static inline long get_debugreg(u32 number)
{
    return hypercall(__HYPERVISOR_get_debugreg, number, 0, 0, 0, 0);
}

static inline long update_descriptor(u64 machine_address, u64 descriptor)
{
#ifdef __x86_64__
    return hypercall(__HYPERVISOR_update_descriptor, machine_address, descriptor, 0, 0, 0);
#else
    return hypercall(__HYPERVISOR_update_descriptor, ARG64(machine_address), ARG64(descriptor), 0);
#endif
}

static inline long multicall(struct multicall_entry *list, u32 count)
{
    return hypercall(__HYPERVISOR_multicall, (ulong)list, count, 0, 0, 0);
}

static inline long update_va_mapping(const void *va, u64 entry, ulong flags)
{
#ifdef __x86_64__
    return hypercall(__HYPERVISOR_update_va_mapping, (ulong)va, entry, flags, 0, 0);
#else
    return hypercall(__HYPERVISOR_update_va_mapping, (ulong)va, ARG64(entry), flags, 0);
#endif
}

static inline long update_va_mapping_otherdomain(const void *va, u64 entry, ulong flags, domid_t domid)
{
#ifdef __x86_64__
    return hypercall(__HYPERVISOR_update_va_mapping_otherdomain, (ulong)va, entry, flags, domid, 0);
#else
    return hypercall(__HYPERVISOR_update_va_mapping_otherdomain, (ulong)va, ARG64(entry), flags, domid);
#endif
}

static inline long set_timer_op(u64 timeout)
{
#ifdef __x86_64__
    return hypercall(__HYPERVISOR_set_timer_op, timeout, 0, 0, 0, 0);
#else
    return hypercall(__HYPERVISOR_set_timer_op, ARG64(timeout), 0, 0, 0);
#endif
}

static inline long event_channel_op_compat(const struct evtchn_op *op)
{
    return hypercall(__HYPERVISOR_event_channel_op_compat, (ulong)op, 0, 0, 0, 0);
}

static inline long physdev_op_compat(const struct physdev_op *op)
{
    return hypercall(__HYPERVISOR_physdev_op_compat, (ulong)op, 0, 0, 0, 0);
}

static inline long console_io(u32 command, u32 count, const char *text)
{
    return hypercall(__HYPERVISOR_console_io, command, count, (ulong)text, 0, 0);
}

static inline long grant_table_op(u32 command, const void *ops, u32 count)
{
    return hypercall(__HYPERVISOR_grant_table_op, command, (ulong)ops, count, 0, 0);
}

static inline long vm_assist(u32 command, u32 type)
{
    return hypercall(__HYPERVISOR_vm_assist, command, type, 0, 0, 0);
}

static inline long vcpu_op(u32 command, u32 vcpu, const void *arg)
{
    return hypercall(__HYPERVISOR_vcpu_op, command, vcpu, (ulong)arg, 0, 0);
}

/* Those that no domU uses have no function: their arguments are as varied as few. */
#define call_hypercall(name, a, b, c) hypercall(__HYPERVISOR_##name, (ulong)(a), (ulong)(b), (ulong)(c), 0, 0)

static inline long set_segment_base(u32 which, ulong base)
{
    return hypercall(__HYPERVISOR_set_segment_base, which, base, 0, 0, 0);
}

#endif
