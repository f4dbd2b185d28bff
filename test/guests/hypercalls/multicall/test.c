/* multicall: a list of hypercalls, each with its own result (common/multicall.c). */
#include "test.h"

static void results(void)
{
    struct evtchn_alloc_unbound port = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct multicall_entry list[4] = {
        {.op = __HYPERVISOR_xen_version, .args = {XENVER_version}},
        {.op = __HYPERVISOR_event_channel_op, .args = {EVTCHNOP_alloc_unbound, (ulong)&port}},
        {.op = __HYPERVISOR_event_channel_op, .args = {EVTCHNOP_send, (ulong)UNMAPPED}},
        {.op = 55, .result = 1},
    };

    expect_success(multicall(list, 4), "four calls");
    expect_equal(list[0].result, 4 << 16 | 17, "the first");
    expect_equal(list[1].result, 0, "the second");
    expect_true(port.port != 0, "which was carried out");
    expect_result((long)list[2].result, -EFAULT, "the third, which fails");
    expect_result((long)list[3].result, -ENOSYS, "the fourth is made all the same; there is no such hypercall");
    expect_equal(list[0].op, __HYPERVISOR_xen_version, "nothing but results is written");
}

static void bad(void)
{
    struct multicall_entry inner[1] = {{.op = __HYPERVISOR_xen_version, .args = {XENVER_version}}};
    struct multicall_entry outer[2] = {
        {.op = __HYPERVISOR_multicall, .args = {(ulong)inner, 1}},
        {.op = __HYPERVISOR_xen_version, .args = {XENVER_version}},
    };
    struct multicall_entry *edge = (struct multicall_entry *)(read_only_page + PAGE_SIZE) - 1;

    expect_success(multicall(UNMAPPED, 0), "none");
    expect_errno(multicall(UNMAPPED, 1), -EFAULT, "unmapped list");
    expect_errno(multicall(XEN_AREA, 1), -EFAULT, "list in Xen's area");
    expect_success(multicall(outer, 2), "a multicall in a multicall");
    expect_result((long)outer[0].result, -EINVAL, "is refused");
    expect_equal(outer[1].result, 4 << 16 | 17, "and the next is made");
    unprotect_page(read_only_page);
    *edge = inner[0];
    protect_page(read_only_page);
    expect_errno(multicall(edge, 1), -EFAULT, "a result that cannot be written");
}

/* update_va_mapping takes a 64-bit entry, which a 32-bit guest passes in two arguments, here as in a call of its own. */
static char page[4096] PAGE_ALIGNED;

static void wide_arguments(void)
{
    struct multicall_entry list[2] = {
        {.op = __HYPERVISOR_update_va_mapping},
        {.op = __HYPERVISOR_update_va_mapping},
    };
    u64 entry = make_pte(page, PTE_FLAGS_RO);

    for (u32 i = 0; i < 2; i++) {
        u32 at = 0;
        list[i].args[at++] = (ulong)page;
        list[i].args[at++] = (ulong)entry;
#ifdef __i386__
        list[i].args[at++] = (ulong)(entry >> 32);
#endif
        list[i].args[at] = UVMF_INVLPG;
        entry = make_pte(page, PTE_FLAGS_RW);
    }
    expect_success(multicall(list, 1), "read-only");
    expect_result((long)list[0].result, 0, "its result");
    expect_equal(try_write(page), TRAP_PF, "a write traps");
    expect_success(multicall(list + 1, 1), "writable");
    expect_equal(try_write(page), NO_TRAP, "a write succeeds");
}

TEST("multicall", {"multicall", results}, {"multicall", bad}, {"multicall", wide_arguments});
