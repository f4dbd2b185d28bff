/*
 * memory_op about another domain that exists, and with its frames.
 *
 * machine: domains=2
 */
#include "pair.h"

static char page[4096] PAGE_ALIGNED;

static void decrease(void)
{
    ulong frame;
    struct xen_memory_reservation op = {.extent_start = &frame, .nr_extents = 1};

    pair_connect();
    told->words[0] = (u32)mfn_of(page);
    meet();
    frame = heard->words[0];
    op.domid = peer_domid();
    expect_result(memory_op(XENMEM_decrease_reservation, &op), 0, "of the other domain");
    op.domid = DOMID_SELF;
    expect_result(memory_op(XENMEM_decrease_reservation, &op), 0, "its frame, as if it were the own");
    expect_equal(try_write(page), NO_TRAP, "ours is still here");
}

static void increase(void)
{
    struct xen_memory_reservation op = {.nr_extents = 1, .domid = peer_domid()};

    expect_result(memory_op(XENMEM_increase_reservation, &op), 0, "for the other domain");
}

static void exchange(void)
{
    ulong in = heard->words[0], out = pfn_of(page);
    struct xen_memory_exchange op = {
        .in = {.extent_start = &in, .nr_extents = 1, .domid = peer_domid()},
        .out = {.extent_start = &out, .nr_extents = 1, .domid = peer_domid()},
    };

    expect_errno(memory_op(XENMEM_exchange, &op), -EPERM, "of the other domain");
    op.in.domid = op.out.domid = DOMID_SELF;
    expect_errno(memory_op(XENMEM_exchange, &op), -EINVAL, "its frame, as if it were the own");
}

static void asked(void)
{
    domid_t peer = peer_domid();
    struct xen_foreign_memory_map map = {.domid = peer_domid()};

    expect_errno(memory_op(XENMEM_current_reservation, &peer), -EPERM, "its pages");
    expect_errno(memory_op(XENMEM_maximum_reservation, &peer), -EPERM, "its limit");
    expect_errno(memory_op(XENMEM_maximum_gpfn, &peer), -EPERM, "its highest pfn");
    expect_errno(memory_op(XENMEM_set_memory_map, &map), -EPERM, "its memory map");
    pair_disconnect();
}

TEST("memory-op/pair",
     {"XENMEM_decrease_reservation", decrease},
     {"XENMEM_increase_reservation", increase},
     {"XENMEM_exchange", exchange},
     {"XENMEM_current_reservation", asked});
