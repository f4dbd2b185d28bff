/*
 * grant_table_op: tables of version 2: 16-byte entries, uses told in words of their own, parts of pages, grants of grants
 * (common/grant_table.c).
 */
#include "test.h"

#define ENTRIES 256 /* of 16 bytes in the one frame */

static char table_page[4096] PAGE_ALIGNED, status_page[4096] PAGE_ALIGNED, granted[4096] PAGE_ALIGNED,
    window[4096] PAGE_ALIGNED, other[4096] PAGE_ALIGNED;
static volatile union grant_entry_v2 *const table = (volatile union grant_entry_v2 *)table_page;
static volatile u16 *const uses = (volatile u16 *)status_page;

static void map_table(void)
{
    ulong frame = 0;
    struct gnttab_setup_table op = {.dom = DOMID_SELF, .nr_frames = 1, .frame_list = &frame};

    grant_table_op(GNTTABOP_setup_table, &op, 1);
    map_page(table_page, make_pte_mfn(frame, PTE_FLAGS_RW));
}

static void grant(grant_ref_t ref, const void *page, u16 flags)
{
    table[ref].full_page.domid = own_domid();
    table[ref].full_page.frame = mfn_of(page);
    barrier();
    table[ref].hdr.flags = flags;
}

static void set_version(void)
{
    struct gnttab_set_version op = {.version = 3};

    map_table();
    expect_errno(grant_table_op(GNTTABOP_set_version, &op, 1), -EINVAL, "version 3");
    expect_equal(op.version, 1, "what holds is told");
    op.version = 0;
    expect_errno(grant_table_op(GNTTABOP_set_version, &op, 1), -EINVAL, "version 0");
    expect_errno(grant_table_op(GNTTABOP_set_version, UNMAPPED, 1), -EFAULT, "unmapped structure");
    op.version = 1;
    expect_success(grant_table_op(GNTTABOP_set_version, &op, 1), "the version that holds");

    struct grant_entry_v1 *old = (struct grant_entry_v1 *)table_page;
    u32 console = old[0].frame;
    old[20].flags = GTF_permit_access;
    op.version = 2;
    expect_success(grant_table_op(GNTTABOP_set_version, &op, 1), "version 2");
    expect_equal(op.version, 2, "it holds");
    expect_equal(table[0].full_page.frame, console, "the toolstack's entries are kept, in the new form");
    expect_equal(table[0].hdr.flags & 3, GTF_permit_access, "with their kind");
    expect_equal(table[10].words[0], 0, "all others are cleared");
    struct gnttab_get_version version = {.dom = DOMID_SELF};
    expect_success(grant_table_op(GNTTABOP_get_version, &version, 1), "asked for");
    expect_equal(version.version, 2, "the version");
}

static void get_status_frames(void)
{
    u64 frames[2] = {0, 0};
    struct gnttab_get_status_frames op = {.nr_frames = 1, .dom = DOMID_SELF, .frame_list = frames};

    expect_success(grant_table_op(GNTTABOP_get_status_frames, &op, 1), "the one");
    expect_status(op, GNTST_okay, "the one");
    expect_true(frames[0] != 0, "it is told");
    map_page(status_page, make_pte_mfn((ulong)frames[0], PTE_FLAGS_RW));
    op.nr_frames = 2;
    grant_table_op(GNTTABOP_get_status_frames, &op, 1);
    expect_status(op, GNTST_general_error, "more than there are");
    op.nr_frames = 1;
    op.dom = 77;
    grant_table_op(GNTTABOP_get_status_frames, &op, 1);
    expect_status(op, GNTST_bad_domain, "a domain that does not exist");
    op.dom = 0;
    grant_table_op(GNTTABOP_get_status_frames, &op, 1);
    expect_status(op, GNTST_permission_denied, "dom0");
    op.dom = DOMID_SELF;
    op.frame_list = UNMAPPED;
    grant_table_op(GNTTABOP_get_status_frames, &op, 1);
    expect_status(op, GNTST_bad_virt_addr, "a list that is not mapped");
}

static void map(void)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = (ulong)window, .flags = GNTMAP_host_map, .ref = 8, .dom = own_domid()};
    struct gnttab_set_version version = {.version = 1};

    granted[1] = 'g';
    grant(8, granted, GTF_permit_access);
    expect_success(grant_table_op(GNTTABOP_map_grant_ref, &op, 1), "a writable mapping");
    expect_status(op, GNTST_okay, "a writable mapping");
    expect_equal(((volatile char *)window)[1], 'g', "the page is there");
    expect_equal(uses[8], GTF_reading | GTF_writing, "its use is told in the word of the entry");
    expect_equal(table[8].hdr.flags, GTF_permit_access, "and not in the entry");
    expect_errno(grant_table_op(GNTTABOP_set_version, &version, 1), -EBUSY, "another version while an entry is in use");
    expect_equal(version.version, 2, "what holds is told");
    struct gnttab_unmap_grant_ref unmap = {.host_addr = (ulong)window, .handle = op.handle};
    grant_table_op(GNTTABOP_unmap_grant_ref, &unmap, 1);
    expect_status(unmap, GNTST_okay, "unmapping it");
    expect_equal(uses[8], 0, "the word is clear");
    op.ref = ENTRIES;
    grant_table_op(GNTTABOP_map_grant_ref, &op, 1);
    expect_status(op, GNTST_bad_gntref, "one past the table, which holds half as many");
    table[9].sub_page.page_off = 0;
    grant(9, granted, GTF_permit_access | GTF_sub_page);
    op.ref = 9;
    grant_table_op(GNTTABOP_map_grant_ref, &op, 1);
    expect_status(op, GNTST_general_error, "a part of a page cannot be mapped");
    unprotect_page(window);
}

static void copy(void)
{
    struct gnttab_copy op = {
        .source = {.u.ref = 9, .domid = own_domid(), .offset = 100},
        .dest = {.u.gmfn = mfn_of(other), .domid = DOMID_SELF},
        .len = 50,
        .flags = GNTCOPY_source_gref,
    };

    table[9].hdr.flags = 0;
    table[9].sub_page.domid = own_domid();
    table[9].sub_page.page_off = 100;
    table[9].sub_page.length = 50;
    table[9].sub_page.frame = mfn_of(granted);
    table[9].hdr.flags = GTF_permit_access | GTF_sub_page;
    memset(granted, 's', sizeof granted);
    memset(other, '.', sizeof other);
    grant_table_op(GNTTABOP_copy, &op, 1);
    expect_status(op, GNTST_okay, "the granted part of a page");
    expect_true(other[0] == 's' && other[49] == 's' && other[50] == '.', "exactly that");
    op.source.offset = 99;
    grant_table_op(GNTTABOP_copy, &op, 1);
    expect_status(op, GNTST_general_error, "a byte before it");
    op.source.offset = 101;
    grant_table_op(GNTTABOP_copy, &op, 1);
    expect_status(op, GNTST_general_error, "a byte behind it");
    expect_equal(uses[9], 0, "no use is left behind");

    table[10].transitive.domid = own_domid();
    table[10].transitive.trans_domid = own_domid();
    table[10].transitive.gref = 8;
    table[10].hdr.flags = GTF_transitive;
    op.source = (struct gnttab_copy_ptr){.u.ref = 10, .domid = own_domid()};
    grant_table_op(GNTTABOP_copy, &op, 1);
    expect_status(op, GNTST_general_error, "a grant of an own grant");
    table[10].transitive.trans_domid = 77;
    grant_table_op(GNTTABOP_copy, &op, 1);
    expect_status(op, GNTST_general_error, "a grant of a domain's that does not exist");
}

static void swap_grant_ref(void)
{
    struct gnttab_swap_grant_ref op = {.ref_a = 8, .ref_b = 11};

    grant(8, granted, GTF_permit_access);
    grant(11, other, GTF_permit_access | GTF_readonly);
    grant_table_op(GNTTABOP_swap_grant_ref, &op, 1);
    expect_status(op, GNTST_okay, "two entries");
    expect_equal(table[8].full_page.frame, mfn_of(other), "the second is first");
    expect_equal(table[11].full_page.frame, mfn_of(granted), "the first is second");
}

static void back(void)
{
    struct gnttab_set_version op = {.version = 1};
    struct grant_entry_v1 *entries = (struct grant_entry_v1 *)table_page;

    map_page(status_page, make_pte(status_page, PTE_FLAGS_RW));
    expect_success(grant_table_op(GNTTABOP_set_version, &op, 1), "version 1 again");
    expect_equal(op.version, 1, "it holds");
    expect_equal(entries[0].frame, start_info->console_mfn, "the toolstack's entries are kept");
    expect_equal(entries[8].flags, 0, "all others are cleared");
}

TEST("grant-table-op/version-2",
     {"GNTTABOP_set_version", set_version},
     {"GNTTABOP_get_status_frames", get_status_frames},
     {"GNTTABOP_map_grant_ref", map},
     {"GNTTABOP_copy", copy},
     {"GNTTABOP_swap_grant_ref", swap_grant_ref},
     {"GNTTABOP_set_version", back});
