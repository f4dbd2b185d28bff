/* public/sched.h, public/vcpu.h, public/version.h, public/physdev.h */
#ifndef HYPERCALLS_SCHED_H
#define HYPERCALLS_SCHED_H
#include "event-channel.h"

enum sched_command {
    SCHEDOP_yield = 0,
    SCHEDOP_block = 1,
    SCHEDOP_shutdown = 2,
    SCHEDOP_poll = 3,
    SCHEDOP_remote_shutdown = 4,
    SCHEDOP_shutdown_code = 5,
    SCHEDOP_watchdog = 6,
    SCHEDOP_pin_override = 7,
};

struct sched_shutdown {
    u32 reason;
};

enum {
    SHUTDOWN_poweroff = 0,
    SHUTDOWN_reboot = 1,
    SHUTDOWN_suspend = 2,
    SHUTDOWN_crash = 3,
    SHUTDOWN_watchdog = 4,
    SHUTDOWN_soft_reset = 5,
};

struct sched_poll {
    const evtchn_port_t *ports;
    u32 nr_ports;
    u64 timeout; /* absolute system time, 0 for ever */
};

struct sched_remote_shutdown {
    domid_t domain_id;
    u32 reason;
};

struct sched_watchdog {
    u32 id;
    u32 timeout; /* seconds */
};

struct sched_pin_override {
    s32 pcpu;
};

enum vcpu_command {
    VCPUOP_initialise = 0,
    VCPUOP_up = 1,
    VCPUOP_down = 2,
    VCPUOP_is_up = 3,
    VCPUOP_get_runstate_info = 4,
    VCPUOP_register_runstate_memory_area = 5,
    VCPUOP_set_periodic_timer = 6,
    VCPUOP_stop_periodic_timer = 7,
    VCPUOP_set_singleshot_timer = 8,
    VCPUOP_stop_singleshot_timer = 9,
    VCPUOP_register_vcpu_info = 10,
    VCPUOP_send_nmi = 11,
    VCPUOP_get_physid = 12,
    VCPUOP_register_vcpu_time_memory_area = 13,
};

enum { RUNSTATE_running = 0, RUNSTATE_runnable = 1, RUNSTATE_blocked = 2, RUNSTATE_offline = 3 };
#define XEN_RUNSTATE_UPDATE (1ull << 63)

struct vcpu_runstate_info {
    u32 state;
    u64 state_entry_time;
    u64 time[4];
};

struct vcpu_register_runstate_memory_area {
    union {
        void *v;
        u64 p;
    } addr;
};

struct vcpu_register_time_memory_area {
    union {
        void *v;
        u64 p;
    } addr;
};

struct vcpu_set_periodic_timer {
    u64 period_ns;
};

enum { VCPU_SSHOTTMR_future = 1 };

struct vcpu_set_singleshot_timer {
    u64 timeout_abs_ns;
    u32 flags;
};

struct vcpu_register_vcpu_info {
    u64 mfn;
    u32 offset;
    u32 rsvd;
};

struct vcpu_get_physid {
    u64 phys_id; /* out */
};

/* vcpu_guest_context (public/arch-x86/xen.h). */
struct cpu_user_regs {
#ifdef __x86_64__
    u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u32 error_code, entry_vector;
    u64 rip;
    u16 cs, pad0[1];
    u8 saved_upcall_mask, pad1[3];
    u64 rflags, rsp;
    u16 ss, pad2[3];
    u16 es, pad3[3], ds, pad4[3], fs, pad5[3], gs, pad6[3];
#else
    u32 ebx, ecx, edx, esi, edi, ebp, eax;
    u16 error_code, entry_vector;
    u32 eip;
    u16 cs;
    u8 saved_upcall_mask, pad0;
    u32 eflags, esp;
    u16 ss, pad1, es, pad2, ds, pad3, fs, pad4, gs, pad5;
#endif
};

enum { VGCF_i387_valid = 1, VGCF_in_kernel = 4, VGCF_online = 32 };

struct vcpu_guest_context {
    u8 fpu_ctxt[512] __attribute__((aligned(16)));
    ulong flags;
    struct cpu_user_regs user_regs;
    struct trap_info trap_ctxt[256];
    ulong ldt_base, ldt_ents;
    ulong gdt_frames[16], gdt_ents;
    ulong kernel_ss, kernel_sp;
    ulong ctrlreg[8];
    ulong debugreg[8];
#ifdef __x86_64__
    ulong event_callback_eip, failsafe_callback_eip, syscall_callback_eip;
#else
    ulong event_callback_cs, event_callback_eip, failsafe_callback_cs, failsafe_callback_eip;
#endif
    ulong vm_assist;
#ifdef __x86_64__
    ulong fs_base, gs_base_kernel, gs_base_user;
#endif
};

enum version_command {
    XENVER_version = 0,
    XENVER_extraversion = 1,
    XENVER_compile_info = 2,
    XENVER_capabilities = 3,
    XENVER_changeset = 4,
    XENVER_platform_parameters = 5,
    XENVER_get_features = 6,
    XENVER_pagesize = 7,
    XENVER_guest_handle = 8,
    XENVER_commandline = 9,
    XENVER_build_id = 10,
};

struct xen_compile_info {
    char compiler[64], compile_by[16], compile_domain[32], compile_date[32];
};

struct xen_feature_info {
    u32 submap_idx;
    u32 submap; /* out */
};

struct xen_build_id {
    u32 len;
    u8 buf[];
};

enum physdev_command {
    PHYSDEVOP_irq_unmask_notify = 4, /* PHYSDEVOP_IRQ_UNMASK_NOTIFY */
    PHYSDEVOP_irq_status_query = 5,
    PHYSDEVOP_set_iopl = 6,
    PHYSDEVOP_set_iobitmap = 7,
    PHYSDEVOP_apic_read = 8,
    PHYSDEVOP_apic_write = 9,
    PHYSDEVOP_alloc_irq_vector = 10,
    PHYSDEVOP_eoi = 12,
    PHYSDEVOP_map_pirq = 13,
    PHYSDEVOP_unmap_pirq = 14,
    PHYSDEVOP_manage_pci_add = 15,
    PHYSDEVOP_manage_pci_remove = 16,
    PHYSDEVOP_pirq_eoi_gmfn_v1 = 17,
    PHYSDEVOP_restore_msi = 19,
    PHYSDEVOP_manage_pci_add_ext = 20,
    PHYSDEVOP_setup_gsi = 21,
    PHYSDEVOP_get_free_pirq = 23,
    PHYSDEVOP_pci_mmcfg_reserved = 24,
    PHYSDEVOP_pci_device_add = 25,
    PHYSDEVOP_pci_device_remove = 26,
    PHYSDEVOP_restore_msi_ext = 27,
    PHYSDEVOP_pirq_eoi_gmfn_v2 = 28,
    PHYSDEVOP_dbgp_op = 29,
    PHYSDEVOP_prepare_msix = 30,
    PHYSDEVOP_release_msix = 31,
};

struct physdev_irq_status_query {
    u32 irq;
    u32 flags; /* out */
};

struct physdev_set_iopl {
    u32 iopl;
};

struct physdev_set_iobitmap {
    u8 *bitmap;
    u32 nr_ports;
};

struct physdev_eoi {
    u32 irq;
};

struct physdev_pirq_eoi_gmfn {
    ulong gmfn;
};

/* The one-argument hypercall of Xen 2 (physdev_op_compat). */
struct physdev_op {
    u32 cmd;
    union {
        struct physdev_irq_status_query irq_status_query;
        struct physdev_set_iopl set_iopl;
        struct physdev_set_iobitmap set_iobitmap;
        struct {
            ulong apic_physbase;
            u32 reg;
            u32 value;
        } apic_op;
        struct {
            u32 irq;
            u32 vector;
        } irq_op;
    } u;
};

#endif
