/* How two domains of a test find each other (pair.h). */
#include "pair.h"

static char table_page[4096] PAGE_ALIGNED, told_page[4096] PAGE_ALIGNED, heard_page[4096] PAGE_ALIGNED;
static grant_handle_t handle;

struct grant_entry_v1 *grant_table = (struct grant_entry_v1 *)table_page;
struct pair_page *told = (struct pair_page *)told_page, *heard = (struct pair_page *)heard_page;

void grant_page(grant_ref_t ref, domid_t domid, const void *page, u16 flags)
{
    grant_table[ref].domid = domid;
    grant_table[ref].frame = (u32)mfn_of(page);
    barrier();
    grant_table[ref].flags = flags;
}

void pair_connect(void)
{
    ulong frame = 0;
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 1, .frame_list = &frame};
    struct gnttab_map_grant_ref map = {.host_addr = (ulong)heard_page,
                                       .flags = GNTMAP_host_map | GNTMAP_readonly,
                                       .ref = PAIR_REF,
                                       .dom = peer_domid()};

    if (grant_table_op(GNTTABOP_setup_table, &setup, 1) || setup.status)
        give_up("no grant table");
    map_page(table_page, make_pte_mfn(frame, PTE_FLAGS_RW));
    grant_page(PAIR_REF, peer_domid(), told_page, GTF_permit_access | GTF_readonly);
    /* The other domain may not have come to its own grant yet. */
    do {
        sched_op(SCHEDOP_yield, NULL);
        if (grant_table_op(GNTTABOP_map_grant_ref, &map, 1))
            give_up("map_grant_ref failed");
    } while (map.status);
    handle = map.handle;
    meet();
}

void meet(void)
{
    u32 step = ++told->step;

    while (heard->step < step)
        sched_op(SCHEDOP_yield, NULL);
    barrier();
}

void pair_disconnect(void)
{
    struct gnttab_unmap_grant_ref unmap = {.host_addr = (ulong)heard_page, .handle = handle};

    meet();
    expect_success(grant_table_op(GNTTABOP_unmap_grant_ref, &unmap, 1), "the other domain's page");
    expect_status(unmap, GNTST_okay, "the other domain's page");
    /* While the other still maps ours, our end would leave it with a page of nobody. */
    while (grant_table[PAIR_REF].flags & GTF_reading)
        sched_op(SCHEDOP_yield, NULL);
}
