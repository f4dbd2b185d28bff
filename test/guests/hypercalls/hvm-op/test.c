/* hvm_op: HVM domains; a PV one is told that it is none, after its structure was looked at (arch/x86/hvm/hvm.c). */
#include "test.h"

enum {
    HVMOP_set_param = 0,
    HVMOP_get_param = 1,
    HVMOP_flush_tlbs = 5,
    HVMOP_pagetable_dying = 9,
    HVMOP_get_time = 10,
    HVMOP_xentrace = 11,
    HVMOP_get_mem_type = 15,
    HVMOP_set_evtchn_upcall_vector = 23,
    HVMOP_guest_request_vm_event = 24,
    HVMOP_altp2m = 25,
};

static long hvm_op(u32 command, const void *arg)
{
    return call_hypercall(hvm_op, command, arg, 0);
}

struct xen_hvm_param {
    domid_t domid;
    u16 pad;
    u32 index;
    u64 value;
};

static void parameter(u32 command)
{
    struct xen_hvm_param op = {.domid = DOMID_SELF, .index = 5};

    expect_errno(hvm_op(command, &op), -EINVAL, "a PV domain");
    op.domid = 77;
    expect_errno(hvm_op(command, &op), -ESRCH, "a domain that does not exist");
    op.index = 10000;
    expect_errno(hvm_op(command, &op), -EINVAL, "a parameter that does not exist");
    expect_errno(hvm_op(command, UNMAPPED), -EFAULT, "unmapped structure");
}

static void set_param(void)
{
    parameter(HVMOP_set_param);
}

static void get_param(void)
{
    parameter(HVMOP_get_param);
}

static void flush_tlbs(void)
{
    expect_errno(hvm_op(HVMOP_flush_tlbs, NULL), -EINVAL, "a PV domain");
    expect_errno(hvm_op(HVMOP_flush_tlbs, UNMAPPED), -EINVAL, "an argument, which it does not take");
}

static void pagetable_dying(void)
{
    struct xen_hvm_param op = {.domid = DOMID_SELF};

    expect_errno(hvm_op(HVMOP_pagetable_dying, &op), -EINVAL, "a PV domain");
}

static void get_time(void)
{
    u64 time = 0;

    expect_success(hvm_op(HVMOP_get_time, &time), "for any domain");
    expect_true(time > 0 && time <= now(), "the time since boot");
    expect_errno(hvm_op(HVMOP_get_time, UNMAPPED), -EFAULT, "unmapped structure");
}

static void xentrace(void)
{
    struct {
        u16 event, extra_bytes;
        u8 extra[28];
    } op = {.event = 1};

    expect_success(hvm_op(HVMOP_xentrace, &op), "for any domain");
    op.extra_bytes = 29;
    expect_errno(hvm_op(HVMOP_xentrace, &op), -EINVAL, "more bytes than there is room for");
    op.extra_bytes = 0;
    op.event = 0x1000;
    expect_errno(hvm_op(HVMOP_xentrace, &op), -EINVAL, "an event of another class");
    expect_errno(hvm_op(HVMOP_xentrace, UNMAPPED), -EFAULT, "unmapped structure");
}

static void get_mem_type(void)
{
    struct xen_hvm_param op = {.domid = DOMID_SELF};

    expect_errno(hvm_op(HVMOP_get_mem_type, &op), -EINVAL, "a PV domain");
}

static void set_evtchn_upcall_vector(void)
{
    u32 op[2] = {0, 0x30};

    expect_errno(hvm_op(HVMOP_set_evtchn_upcall_vector, op), -EINVAL, "a PV domain");
    expect_errno(hvm_op(HVMOP_set_evtchn_upcall_vector, UNMAPPED), -EINVAL, "the structure is not looked at");
}

static void guest_request_vm_event(void)
{
    expect_success(hvm_op(HVMOP_guest_request_vm_event, NULL), "nobody monitors");
    expect_errno(hvm_op(HVMOP_guest_request_vm_event, UNMAPPED), -EINVAL, "an argument, which it does not take");
}

static void altp2m(void)
{
    u32 op[16] = {1};

    expect_errno(hvm_op(HVMOP_altp2m, op), -EOPNOTSUPP, "not on this machine");
}

static void no_such_command(void)
{
    expect_errno(hvm_op(3, UNMAPPED), -ENOSYS, "a gap among the numbers");
    expect_errno(hvm_op(26, UNMAPPED), -ENOSYS, "one past the last command");
}

TEST("hvm-op",
     {"HVMOP_set_param", set_param},
     {"HVMOP_get_param", get_param},
     {"HVMOP_flush_tlbs", flush_tlbs},
     {"HVMOP_pagetable_dying", pagetable_dying},
     {"HVMOP_get_time", get_time},
     {"HVMOP_xentrace", xentrace},
     {"HVMOP_get_mem_type", get_mem_type},
     {"HVMOP_set_evtchn_upcall_vector", set_evtchn_upcall_vector},
     {"HVMOP_guest_request_vm_event", guest_request_vm_event},
     {"HVMOP_altp2m", altp2m},
     {"hvm_op", no_such_command});
