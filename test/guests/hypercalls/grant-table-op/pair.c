/*
 * grant_table_op between two domains: the first grants, the second maps, copies and gives away.
 *
 * machine: domains=2
 */
#include "pair.h"

#define SHARED_REF 9
#define READ_ONLY_REF 10
#define TRANSFER_REF 11
#define NOBODY_REF 12

static char shared[4096] PAGE_ALIGNED, given[4096] PAGE_ALIGNED;
static char window[4096] PAGE_ALIGNED;

static struct gnttab_map_grant_ref map(grant_ref_t ref, u32 flags)
{
    struct gnttab_map_grant_ref op = {.host_addr = (ulong)window, .flags = flags, .ref = ref, .dom = peer_domid()};

    expect_success(grant_table_op(GNTTABOP_map_grant_ref, &op, 1), "the call itself");
    return op;
}

static s16 unmap(const struct gnttab_map_grant_ref *mapping)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = mapping->host_addr, .handle = mapping->handle};

    expect_success(grant_table_op(GNTTABOP_unmap_grant_ref, &op, 1), "the call itself");
    return op.status;
}

static void map_and_unmap(void)
{
    pair_connect();
    if (!is_second()) {
        memset(shared, 'f', sizeof shared);
        grant_page(SHARED_REF, peer_domid(), shared, GTF_permit_access);
        grant_page(READ_ONLY_REF, peer_domid(), shared, GTF_permit_access | GTF_readonly);
        grant_page(NOBODY_REF, 77, shared, GTF_permit_access);
    }
    meet();
    if (is_second()) {
        struct gnttab_map_grant_ref op = map(SHARED_REF, GNTMAP_host_map);
        expect_status(op, GNTST_okay, "a page of the other domain");
        expect_equal(((volatile char *)window)[7], 'f', "it is that page");
        window[7] = 's';
        told->words[0] = op.handle;
        meet();
        meet();
        expect_equal(unmap(&op), GNTST_okay, "unmapping it");
        expect_status(map(READ_ONLY_REF, GNTMAP_host_map), GNTST_general_error, "writable, when it grants reading");
        op = map(READ_ONLY_REF, GNTMAP_host_map | GNTMAP_readonly);
        expect_status(op, GNTST_okay, "read-only");
        expect_equal(try_write(window), TRAP_PF, "a write");
        expect_equal(unmap(&op), GNTST_okay, "unmapping it");
        expect_status(map(NOBODY_REF, GNTMAP_host_map), GNTST_general_error, "granted to somebody else");
        unprotect_page(window);
        expect_errno(update_va_mapping(window, make_pte_mfn((ulong)(op.dev_bus_addr >> 12), PTE_FLAGS_RW), UVMF_INVLPG),
                     -EBUSY, "the other domain's frame without a grant");
    } else {
        meet();
        expect_equal(((volatile char *)shared)[7], 's', "what the other domain wrote");
        expect_equal(grant_table[SHARED_REF].flags, GTF_permit_access | GTF_reading | GTF_writing, "the entry is in use");
        struct gnttab_set_version version = {.version = 2};
        expect_errno(grant_table_op(GNTTABOP_set_version, &version, 1), -EBUSY, "another version of the table");
        meet();
    }
    meet();
    if (!is_second())
        expect_equal(grant_table[SHARED_REF].flags, GTF_permit_access, "the entry is free");
    meet();
}

static void copy(void)
{
    if (is_second()) {
        struct gnttab_copy op = {
            .source = {.u.ref = SHARED_REF, .domid = peer_domid()},
            .dest = {.u.gmfn = mfn_of(window), .domid = DOMID_SELF, .offset = 10},
            .len = 4,
            .flags = GNTCOPY_source_gref,
        };
        memset(window, '.', sizeof window);
        expect_success(grant_table_op(GNTTABOP_copy, &op, 1), "from the other domain");
        expect_status(op, GNTST_okay, "from the other domain");
        expect_true(window[9] == '.' && window[10] == 'f' && window[13] == 'f' && window[14] == '.', "those bytes");
        struct gnttab_copy back = {
            .source = {.u.gmfn = mfn_of(window), .domid = DOMID_SELF},
            .dest = {.u.ref = SHARED_REF, .domid = peer_domid(), .offset = 100},
            .len = 3,
            .flags = GNTCOPY_dest_gref,
        };
        window[0] = 'a';
        grant_table_op(GNTTABOP_copy, &back, 1);
        expect_status(back, GNTST_okay, "to the other domain");
        back.dest.u.ref = READ_ONLY_REF;
        grant_table_op(GNTTABOP_copy, &back, 1);
        expect_status(back, GNTST_general_error, "onto what may only be read");
        back.dest = (struct gnttab_copy_ptr){.u.gmfn = 0, .domid = peer_domid()};
        back.flags = 0;
        grant_table_op(GNTTABOP_copy, &back, 1);
        expect_status(back, GNTST_permission_denied, "to a frame of the other domain by its number");
    }
    meet();
    if (!is_second())
        expect_equal(((volatile char *)shared)[100], 'a', "what came");
    meet();
}

/* The first makes room for a page and says where it wants it; the second gives one of its own. */
static void transfer(void)
{
    if (!is_second()) {
        ulong frame = mfn_of(given);
        struct xen_memory_reservation room = {.extent_start = &frame, .nr_extents = 1, .domid = DOMID_SELF};
        unmap_page(given);
        expect_result(memory_op(XENMEM_decrease_reservation, &room), 1, "room for a page");
        grant_table[TRANSFER_REF].domid = peer_domid();
        grant_table[TRANSFER_REF].frame = (u32)pfn_of(given);
        barrier();
        grant_table[TRANSFER_REF].flags = GTF_accept_transfer;
    }
    meet();
    if (is_second()) {
        struct gnttab_transfer op = {.mfn = mfn_of(given), .domid = peer_domid(), .ref = TRANSFER_REF};
        memset(given, 't', sizeof given);
        expect_success(grant_table_op(GNTTABOP_transfer, &op, 1), "a page that is mapped");
        expect_status(op, GNTST_bad_page, "a page that is mapped");
        unmap_page(given);
        expect_success(grant_table_op(GNTTABOP_transfer, &op, 1), "a page that is not");
        expect_status(op, GNTST_okay, "a page that is not");
        expect_success(grant_table_op(GNTTABOP_transfer, &op, 1), "a page that is gone");
        expect_status(op, GNTST_bad_page, "a page that is gone");
    }
    meet();
    if (!is_second()) {
        expect_equal(grant_table[TRANSFER_REF].flags,
                     GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed, "the transfer is complete");
        ulong mfn = grant_table[TRANSFER_REF].frame;
        expect_equal(machine_to_phys(mfn), pfn_of(given), "Xen's table knows where it belongs");
        set_mfn_of(given, mfn);
        unprotect_page(given);
        expect_equal(((volatile char *)given)[4095], 't', "with what it held");
    }
    meet();
}

static void foreign(void)
{
    ulong frame;
    struct gnttab_setup_table setup = {.dom = peer_domid(), .nr_frames = 1, .frame_list = &frame};
    struct gnttab_query_size query = {.dom = peer_domid()};
    struct gnttab_get_version version = {.dom = peer_domid()};

    grant_table_op(GNTTABOP_setup_table, &setup, 1);
    expect_status(setup, GNTST_permission_denied, "the other domain's table");
    grant_table_op(GNTTABOP_query_size, &query, 1);
    expect_status(query, GNTST_permission_denied, "its size");
    expect_errno(grant_table_op(GNTTABOP_get_version, &version, 1), -EPERM, "its version");
    pair_disconnect();
}

TEST("grant-table-op/pair",
     {"GNTTABOP_map_grant_ref", map_and_unmap},
     {"GNTTABOP_copy", copy},
     {"GNTTABOP_transfer", transfer},
     {"GNTTABOP_setup_table", foreign});
