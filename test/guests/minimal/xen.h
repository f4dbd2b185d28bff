/* The part of Xen 4's PV interface that the sample uses (public headers xen.h, event_channel.h, sched.h, io/console.h). */
#ifndef SAMPLE_XEN_H
#define SAMPLE_XEN_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long s64;

enum {
    HYPERCALL_set_trap_table = 0,
    HYPERCALL_mmu_update = 1,
    HYPERCALL_set_callbacks = 4,
    HYPERCALL_memory_op = 12,
    HYPERCALL_update_va_mapping = 14,
    HYPERCALL_set_timer_op = 15,
    HYPERCALL_xen_version = 17,
    HYPERCALL_iret = 23,
    HYPERCALL_sched_op = 29,
    HYPERCALL_event_channel_op = 32,
};

struct start_info {
    char magic[32];
    u64 nr_pages;
    u64 shared_info; /* machine address */
    u32 flags;
    u64 store_mfn;
    u32 store_evtchn;
    u64 console_mfn;
    u32 console_evtchn;
    u64 pt_base;
    u64 nr_pt_frames;
    u64 mfn_list;
    u64 mod_start;
    u64 mod_len;
    char cmd_line[1024];
    u64 first_p2m_pfn;
    u64 nr_p2m_frames;
};

struct vcpu_time_info {
    u32 version;
    u32 pad;
    u64 tsc_timestamp;
    u64 system_time;
    u32 tsc_to_system_mul;
    signed char tsc_shift;
    u8 flags;
    u8 pad1[2];
};

struct vcpu_info {
    u8 evtchn_upcall_pending;
    u8 evtchn_upcall_mask;
    u8 pad[6];
    u64 evtchn_pending_sel;
    u64 cr2;
    u64 arch_pad;
    struct vcpu_time_info time;
};

struct shared_info {
    struct vcpu_info vcpu_info[32];
    u64 evtchn_pending[64];
    u64 evtchn_mask[64];
    u32 wc_version;
    u32 wc_sec;
    u32 wc_nsec;
    u32 wc_sec_hi;
};

struct xencons_interface {
    char in[1024];
    char out[2048];
    u32 in_cons, in_prod;
    u32 out_cons, out_prod;
};

struct trap_info {
    u8 vector;
    u8 flags;
    u16 cs;
    u64 address;
};

struct evtchn_bind_virq {
    u32 virq;
    u32 vcpu;
    u32 port;
};

struct mmu_update {
    u64 ptr;
    u64 val;
};

enum { VIRQ_TIMER = 0 };
enum { EVTCHNOP_bind_virq = 1, EVTCHNOP_send = 4 };
enum { SCHEDOP_yield = 0, SCHEDOP_block = 1, SCHEDOP_shutdown = 2 };
enum { SHUTDOWN_poweroff = 0, SHUTDOWN_reboot = 1, SHUTDOWN_crash = 3 };
enum { UVMF_INVLPG = 2 };
enum { DOMID_SELF = 0x7FF0 };
enum { FLAT_KERNEL_CS = 0xe033 };

/* Registers as start.S saves them; the last five are what Xen pushed. */
struct registers {
    u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u64 error_code;
    u64 rip, cs, rflags, rsp, ss;
};

static inline long hypercall(u64 number, u64 a, u64 b, u64 c, u64 d)
{
    register u64 r10 __asm__("r10") = d;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10)
                     : "a"(number)
                     : "rcx", "r11", "r8", "memory");
    return result;
}

#define barrier() __asm__ volatile("" ::: "memory")

extern struct start_info *start_info;
extern struct shared_info *shared_info;

#endif
