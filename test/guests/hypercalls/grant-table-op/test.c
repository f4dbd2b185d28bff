/*
 * grant_table_op: the table of one domain, which grants to itself; version 2 is in version-2.c, two domains are in
 * pair.c. What Xen answers is in its common/grant_table.c and arch/x86/pv/grant_table.c.
 */
#include "test.h"

#define NO_DOMAIN 77
#define ENTRIES (PAGE_SIZE / sizeof(struct grant_entry_v1))

static struct grant_entry_v1 *table;
static char table_page[4096] PAGE_ALIGNED, granted[4096] PAGE_ALIGNED, window[4096] PAGE_ALIGNED,
    other[4096] PAGE_ALIGNED;

static void grant(grant_ref_t ref, const void *page, u16 flags)
{
    table[ref].domid = own_domid();
    table[ref].frame = (u32)mfn_of(page);
    barrier();
    table[ref].flags = flags;
}

static void setup_table(void)
{
    ulong frames[2] = {0, 0};
    struct gnttab_setup_table op = {.dom = DOMID_SELF, .nr_frames = 1, .frame_list = frames};

    expect_success(grant_table_op(GNTTABOP_setup_table, &op, 1), "one frame");
    expect_status(op, GNTST_okay, "one frame");
    expect_true(frames[0] != 0, "the frame is told");
    map_page(table_page, make_pte_mfn(frames[0], PTE_FLAGS_RW));
    table = (struct grant_entry_v1 *)table_page;
    expect_equal(table[0].frame, start_info->console_mfn, "entry 0 was filled by the toolstack: the console");
    expect_equal(table[1].frame, start_info->store_mfn, "entry 1: xenstore");
    expect_equal(table[0].flags & 3, GTF_permit_access, "its kind");
    expect_equal(table[0].domid, 0, "for dom0");

    op.nr_frames = 2;
    expect_success(grant_table_op(GNTTABOP_setup_table, &op, 1), "grow to two frames");
    expect_status(op, GNTST_okay, "grow to two frames");
    expect_true(frames[1] != 0 && frames[1] != frames[0], "the second frame is another");
    op.nr_frames = 0;
    expect_success(grant_table_op(GNTTABOP_setup_table, &op, 1), "no frames");
    expect_status(op, GNTST_okay, "no frames");
    op.nr_frames = 65;
    expect_success(grant_table_op(GNTTABOP_setup_table, &op, 1), "above the limit of 64");
    expect_status(op, GNTST_general_error, "above the limit of 64");
    op.nr_frames = 1;
    op.dom = NO_DOMAIN;
    expect_success(grant_table_op(GNTTABOP_setup_table, &op, 1), "a domain that does not exist");
    expect_status(op, GNTST_bad_domain, "a domain that does not exist");
    op.dom = 0;
    expect_success(grant_table_op(GNTTABOP_setup_table, &op, 1), "dom0");
    expect_status(op, GNTST_permission_denied, "dom0");
    op.dom = DOMID_SELF;
    op.frame_list = UNMAPPED;
    expect_success(grant_table_op(GNTTABOP_setup_table, &op, 1), "a list that is not mapped");
    expect_status(op, GNTST_bad_virt_addr, "a list that is not mapped");
#ifdef __x86_64__
    op.frame_list = XEN_AREA;
    expect_errno(grant_table_op(GNTTABOP_setup_table, &op, 1), -EFAULT, "a list in Xen's area");
#endif
    op.frame_list = frames;
    expect_errno(grant_table_op(GNTTABOP_setup_table, &op, 0), -EINVAL, "no structure");
    expect_errno(grant_table_op(GNTTABOP_setup_table, &op, 2), -EINVAL, "two structures");
    expect_errno(grant_table_op(GNTTABOP_setup_table, UNMAPPED, 1), -EFAULT, "unmapped structure");
}

static void query_size(void)
{
    struct gnttab_query_size op = {.dom = DOMID_SELF};

    expect_success(grant_table_op(GNTTABOP_query_size, &op, 1), "the own table");
    expect_status(op, GNTST_okay, "the own table");
    expect_equal(op.nr_frames, 2, "as grown before");
    expect_equal(op.max_nr_frames, 64, "the limit");
    op.dom = NO_DOMAIN;
    expect_success(grant_table_op(GNTTABOP_query_size, &op, 1), "a domain that does not exist");
    expect_status(op, GNTST_bad_domain, "a domain that does not exist");
    op.dom = 0;
    expect_success(grant_table_op(GNTTABOP_query_size, &op, 1), "dom0");
    expect_status(op, GNTST_permission_denied, "dom0");
    expect_errno(grant_table_op(GNTTABOP_query_size, &op, 2), -EINVAL, "two structures");
    expect_errno(grant_table_op(GNTTABOP_query_size, UNMAPPED, 1), -EFAULT, "unmapped structure");
}

static struct gnttab_map_grant_ref map(grant_ref_t ref, u32 flags, const void *at)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = (ulong)at, .flags = flags, .ref = ref, .dom = own_domid(), .handle = ~0u};

    expect_success(grant_table_op(GNTTABOP_map_grant_ref, &op, 1), "the call itself");
    return op;
}

static s16 unmap(const struct gnttab_map_grant_ref *mapping)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = mapping->host_addr, .handle = mapping->handle};

    expect_success(grant_table_op(GNTTABOP_unmap_grant_ref, &op, 1), "the call itself");
    return op.status;
}

static void map_grant_ref(void)
{
    struct gnttab_map_grant_ref op;

    memset(granted, 'g', sizeof granted);
    grant(8, granted, GTF_permit_access);
    op = map(8, GNTMAP_host_map, window);
    expect_status(op, GNTST_okay, "a writable mapping");
    expect_equal(op.dev_bus_addr, (u64)mfn_of(granted) << 12, "where it is for devices");
    expect_true(same_bytes(window, granted, sizeof granted), "the page is there");
    window[5] = 'w';
    barrier();
    expect_equal(granted[5], 'w', "and writable");
    expect_equal(table[8].flags, GTF_permit_access | GTF_reading | GTF_writing, "the entry says that it is in use");
    expect_equal(*entry_of(window, 1) & PTE_FRAME_MASK, (u64)mfn_of(granted) << 12, "the frame in the page table");
    expect_equal(unmap(&op), GNTST_okay, "unmapping it");
    expect_equal(table[8].flags, GTF_permit_access, "the entry is free again");
    expect_equal(try_read(window), TRAP_PF, "the mapping is gone");

    op = map(8, GNTMAP_host_map | GNTMAP_readonly, window);
    expect_status(op, GNTST_okay, "a read-only mapping");
    expect_equal(table[8].flags, GTF_permit_access | GTF_reading, "the entry says so");
    expect_equal(try_read(window), NO_TRAP, "reading");
    expect_equal(try_write(window), TRAP_PF, "writing");
    expect_equal(unmap(&op), GNTST_okay, "unmapping it");

    /* For devices alone nothing is mapped. */
    op = map(8, GNTMAP_device_map, window);
    expect_status(op, GNTST_okay, "for devices");
    struct gnttab_unmap_grant_ref device = {.dev_bus_addr = op.dev_bus_addr + 4096, .handle = op.handle};
    grant_table_op(GNTTABOP_unmap_grant_ref, &device, 1);
    expect_status(device, GNTST_bad_dev_addr, "another page's address");
    device.dev_bus_addr = op.dev_bus_addr;
    grant_table_op(GNTTABOP_unmap_grant_ref, &device, 1);
    expect_status(device, GNTST_okay, "its own");

    /* By the machine address of the entry that is to change. */
    op = (struct gnttab_map_grant_ref){.host_addr = machine_address_of_entry(window, 1),
                                       .flags = GNTMAP_host_map | GNTMAP_contains_pte,
                                       .ref = 8,
                                       .dom = own_domid()};
    expect_success(grant_table_op(GNTTABOP_map_grant_ref, &op, 1), "into an entry");
    expect_status(op, GNTST_okay, "into an entry");
    expect_equal(window[5], 'w', "the page is there");
    expect_equal(unmap(&op), GNTST_okay, "unmapping it the same way");
    op.host_addr += 4;
    grant_table_op(GNTTABOP_map_grant_ref, &op, 1);
    expect_status(op, GNTST_general_error, "an entry's address that is not aligned");
    op.host_addr = (u64)mfn_of(granted) << 12;
    grant_table_op(GNTTABOP_map_grant_ref, &op, 1);
    expect_status(op, GNTST_general_error, "an entry in a page that is no page table");

    expect_status(map(8, 0, window), GNTST_bad_gntref, "neither for devices nor the host");
    expect_status(map(2 * ENTRIES, GNTMAP_host_map, window), GNTST_bad_gntref, "one past the table");
    expect_status(map(~0u, GNTMAP_host_map, window), GNTST_bad_gntref, "reference -1");
    expect_status(map(9, GNTMAP_host_map, window), GNTST_general_error, "an entry that grants nothing");
    grant(9, granted, GTF_permit_access | GTF_readonly);
    expect_status(map(9, GNTMAP_host_map, window), GNTST_general_error, "writable, when it grants reading");
    op = map(9, GNTMAP_host_map | GNTMAP_readonly, window);
    expect_status(op, GNTST_okay, "read-only, when it grants reading");
    expect_equal(unmap(&op), GNTST_okay, "unmapping it");
    table[9].domid = NO_DOMAIN;
    expect_status(map(9, GNTMAP_host_map | GNTMAP_readonly, window), GNTST_general_error, "granted to another domain");
    grant(9, granted, GTF_accept_transfer);
    expect_status(map(9, GNTMAP_host_map, window), GNTST_general_error, "an entry for a transfer");
    grant(9, granted, GTF_permit_access);
    table[9].frame = 1;
    expect_status(map(9, GNTMAP_host_map, window), GNTST_bad_page, "a frame that is not the domain's");
    table[9].frame = (u32)mfn_of((void *)start_info->pt_base);
    expect_status(map(9, GNTMAP_host_map, window), GNTST_general_error, "a page table, writable");
    op = map(9, GNTMAP_host_map | GNTMAP_readonly, window);
    expect_status(op, GNTST_okay, "a page table, read-only");
    expect_equal(unmap(&op), GNTST_okay, "unmapping it");
    expect_equal(table[9].flags, GTF_permit_access, "no failure left the entry in use");
    expect_status(map(8, GNTMAP_host_map, UNMAPPED), GNTST_general_error, "where there is no page table");
    expect_status(map(8, GNTMAP_host_map, XEN_AREA), GNTST_general_error, "in Xen's area");

    op = (struct gnttab_map_grant_ref){.host_addr = (ulong)window, .flags = GNTMAP_host_map, .ref = 8, .dom = NO_DOMAIN};
    expect_success(grant_table_op(GNTTABOP_map_grant_ref, &op, 1), "a domain that does not exist");
    expect_status(op, GNTST_bad_domain, "a domain that does not exist");
    op.dom = DOMID_SELF;
    grant_table_op(GNTTABOP_map_grant_ref, &op, 1);
    expect_status(op, GNTST_bad_domain, "DOMID_SELF is not translated here");
    expect_success(grant_table_op(GNTTABOP_map_grant_ref, UNMAPPED, 0), "none at all, wherever");
    expect_errno(grant_table_op(GNTTABOP_map_grant_ref, UNMAPPED, 1), -EFAULT, "unmapped structure");
    expect_errno(grant_table_op(GNTTABOP_map_grant_ref, &op, 0x80000000), -EINVAL, "a negative count");
    unprotect_page(window);
}

static void unmap_grant_ref(void)
{
    struct gnttab_map_grant_ref op, second;
    struct gnttab_unmap_grant_ref bad = {.host_addr = (ulong)window};

    grant(8, granted, GTF_permit_access);
    op = map(8, GNTMAP_host_map, window);
    second = map(8, GNTMAP_host_map, other);
    expect_true(op.handle != second.handle, "each mapping has its handle");
    expect_equal(unmap(&op), GNTST_okay, "the first of two mappings");
    expect_equal(table[8].flags, GTF_permit_access | GTF_reading | GTF_writing, "the other still uses the entry");
    expect_equal(unmap(&op), GNTST_bad_handle, "a mapping that is gone");
    bad.handle = second.handle;
    grant_table_op(GNTTABOP_unmap_grant_ref, &bad, 1);
    expect_status(bad, GNTST_general_error, "an address where something else is mapped");
    bad.host_addr = 0;
    grant_table_op(GNTTABOP_unmap_grant_ref, &bad, 1);
    expect_status(bad, GNTST_okay, "address 0: nothing is undone");
    expect_equal(unmap(&second), GNTST_okay, "and its own, which is still there");
    expect_equal(table[8].flags, GTF_permit_access, "the entry is free");
    bad.handle = 1000000;
    grant_table_op(GNTTABOP_unmap_grant_ref, &bad, 1);
    expect_status(bad, GNTST_bad_handle, "a handle that never was");
    expect_errno(grant_table_op(GNTTABOP_unmap_grant_ref, UNMAPPED, 1), -EFAULT, "unmapped structure");
    unprotect_page(window);
    unprotect_page(other);
}

static void unmap_and_replace(void)
{
    struct gnttab_map_grant_ref mapping;
    struct gnttab_unmap_and_replace op;

    grant(8, granted, GTF_permit_access);
    memset(other, 'o', sizeof other);
    mapping = map(8, GNTMAP_host_map, window);
    op = (struct gnttab_unmap_and_replace){
        .host_addr = (ulong)window, .new_addr = (ulong)other, .handle = mapping.handle};
    expect_success(grant_table_op(GNTTABOP_unmap_and_replace, &op, 1), "by another page");
    expect_status(op, GNTST_okay, "by another page");
    expect_equal(window[7], 'o', "what was at the new address is here now");
    expect_equal(try_read(other), TRAP_PF, "and gone from there");
    grant_table_op(GNTTABOP_unmap_and_replace, &op, 1);
    expect_status(op, GNTST_bad_handle, "a mapping that is gone");
    op.handle = 1000000;
    grant_table_op(GNTTABOP_unmap_and_replace, &op, 1);
    expect_status(op, GNTST_bad_handle, "a handle that never was");
    unprotect_page(other);
    unprotect_page(window);
    mapping = map(8, GNTMAP_host_map, window);
    op = (struct gnttab_unmap_and_replace){
        .host_addr = (ulong)window, .new_addr = (ulong)UNMAPPED, .handle = mapping.handle};
    grant_table_op(GNTTABOP_unmap_and_replace, &op, 1);
    expect_status(op, GNTST_general_error, "by what is not mapped");
    expect_equal(unmap(&mapping), GNTST_okay, "the mapping is as it was");
    unprotect_page(window);
    expect_errno(grant_table_op(GNTTABOP_unmap_and_replace, UNMAPPED, 1), -EFAULT, "unmapped structure");
}

static void copy(void)
{
    struct gnttab_copy op = {
        .source = {.u.ref = 8, .domid = own_domid(), .offset = 100},
        .dest = {.u.gmfn = mfn_of(other), .domid = DOMID_SELF, .offset = 200},
        .len = 50,
        .flags = GNTCOPY_source_gref,
    };
    struct gnttab_copy bad;

    grant(8, granted, GTF_permit_access);
    memset(granted, 'c', sizeof granted);
    memset(other, '.', sizeof other);
    expect_success(grant_table_op(GNTTABOP_copy, &op, 1), "from a grant to an own frame");
    expect_status(op, GNTST_okay, "from a grant to an own frame");
    expect_true(other[199] == '.' && other[200] == 'c' && other[249] == 'c' && other[250] == '.', "exactly those bytes");
    expect_equal(table[8].flags, GTF_permit_access, "a copy leaves no use behind");

    bad = op;
    bad.len = 4096;
    grant_table_op(GNTTABOP_copy, &bad, 1);
    expect_status(bad, GNTST_bad_copy_arg, "beyond the page");
    bad = op;
    bad.source.u.ref = 2 * ENTRIES;
    grant_table_op(GNTTABOP_copy, &bad, 1);
    expect_status(bad, GNTST_bad_gntref, "a reference past the table");
    bad = op;
    bad.source.u.ref = 20;
    grant_table_op(GNTTABOP_copy, &bad, 1);
    expect_status(bad, GNTST_general_error, "an entry that grants nothing");
    bad = op;
    bad.source.domid = NO_DOMAIN;
    grant_table_op(GNTTABOP_copy, &bad, 1);
    expect_status(bad, GNTST_bad_domain, "a domain that does not exist");
    bad = op;
    bad.dest.domid = own_domid();
    grant_table_op(GNTTABOP_copy, &bad, 1);
    expect_status(bad, GNTST_permission_denied, "a frame of any domain but DOMID_SELF, even by the own number");
    bad = op;
    bad.dest.u.gmfn = 1;
    grant_table_op(GNTTABOP_copy, &bad, 1);
    expect_status(bad, GNTST_bad_page, "a frame that is not the domain's");
    bad = op;
    bad.dest.u.gmfn = mfn_of((void *)start_info->pt_base);
    grant_table_op(GNTTABOP_copy, &bad, 1);
    expect_status(bad, GNTST_general_error, "onto a page table");
    bad = op;
    bad.source = (struct gnttab_copy_ptr){.u.gmfn = mfn_of((void *)start_info->pt_base), .domid = DOMID_SELF};
    bad.flags = 0;
    grant_table_op(GNTTABOP_copy, &bad, 1);
    expect_status(bad, GNTST_okay, "from a page table");
    grant(9, granted, GTF_permit_access | GTF_readonly);
    bad = (struct gnttab_copy){.source = {.u.gmfn = mfn_of(other), .domid = DOMID_SELF},
                               .dest = {.u.ref = 9, .domid = own_domid()},
                               .len = 1,
                               .flags = GNTCOPY_dest_gref};
    grant_table_op(GNTTABOP_copy, &bad, 1);
    expect_status(bad, GNTST_general_error, "onto what may only be read");
    bad.dest.u.ref = 8;
    other[0] = 'x';
    grant_table_op(GNTTABOP_copy, &bad, 1);
    expect_status(bad, GNTST_okay, "from an own frame to a grant");
    expect_equal(granted[0], 'x', "the byte arrived");

    /* Several at once: a failure in the middle stops nothing. */
    struct gnttab_copy three[3] = {op, op, op};
    three[1].source.u.ref = 20;
    memset(other, '.', sizeof other);
    three[2].dest.offset = 1000;
    expect_success(grant_table_op(GNTTABOP_copy, three, 3), "three");
    expect_true(three[0].status == GNTST_okay && three[1].status == GNTST_general_error && three[2].status == GNTST_okay,
                "each has its status");
    expect_equal(other[1000], 'c', "the third was made");
    expect_errno(grant_table_op(GNTTABOP_copy, UNMAPPED, 1), -EFAULT, "unmapped structure");
    expect_errno(grant_table_op(GNTTABOP_copy, &op, 0xffffffff), -EINVAL, "a negative count");
}

/* To itself a domain may not: its reservation is full. Transfers that succeed are in pair.c. */
static void transfer(void)
{
    struct gnttab_transfer op = {.mfn = 1, .domid = own_domid(), .ref = 8};

    expect_success(grant_table_op(GNTTABOP_transfer, &op, 1), "a frame that is not the domain's");
    expect_status(op, GNTST_bad_page, "a frame that is not the domain's");
    op.mfn = mfn_of(granted);
    expect_success(grant_table_op(GNTTABOP_transfer, &op, 1), "a page that is mapped");
    expect_status(op, GNTST_bad_page, "a page that is mapped");
    expect_success(grant_table_op(GNTTABOP_transfer, UNMAPPED, 0), "none");
    expect_errno(grant_table_op(GNTTABOP_transfer, UNMAPPED, 1), -EFAULT, "unmapped structure");
}

static void swap_grant_ref(void)
{
    struct gnttab_swap_grant_ref op = {.ref_a = 8, .ref_b = 10};

    grant(8, granted, GTF_permit_access);
    grant(10, other, GTF_permit_access | GTF_readonly);
    expect_success(grant_table_op(GNTTABOP_swap_grant_ref, &op, 1), "two entries");
    expect_status(op, GNTST_okay, "two entries");
    expect_equal(table[8].frame, mfn_of(other), "the second is first");
    expect_equal(table[10].frame, mfn_of(granted), "the first is second");
    expect_equal(table[8].flags, GTF_permit_access | GTF_readonly, "with its flags");
    op.ref_b = 8;
    grant_table_op(GNTTABOP_swap_grant_ref, &op, 1);
    expect_status(op, GNTST_okay, "an entry with itself");
    op.ref_b = 2 * ENTRIES;
    grant_table_op(GNTTABOP_swap_grant_ref, &op, 1);
    expect_status(op, GNTST_bad_gntref, "with one past the table");
    op.ref_a = ~0u;
    grant_table_op(GNTTABOP_swap_grant_ref, &op, 1);
    expect_status(op, GNTST_bad_gntref, "entry -1");
    struct gnttab_map_grant_ref mapping = map(10, GNTMAP_host_map, window);
    op = (struct gnttab_swap_grant_ref){.ref_a = 10, .ref_b = 11};
    grant_table_op(GNTTABOP_swap_grant_ref, &op, 1);
    expect_status(op, GNTST_eagain, "an entry that is in use");
    expect_equal(unmap(&mapping), GNTST_okay, "its mapping");
    unprotect_page(window);
    expect_errno(grant_table_op(GNTTABOP_swap_grant_ref, UNMAPPED, 1), -EFAULT, "unmapped structure");
}

static void versions(void)
{
    struct gnttab_get_version op = {.dom = DOMID_SELF};

    expect_success(grant_table_op(GNTTABOP_get_version, &op, 1), "the own table");
    expect_equal(op.version, 1, "at first");
    op.dom = NO_DOMAIN;
    expect_errno(grant_table_op(GNTTABOP_get_version, &op, 1), -ESRCH, "a domain that does not exist");
    op.dom = 0;
    expect_errno(grant_table_op(GNTTABOP_get_version, &op, 1), -EPERM, "dom0");
    expect_errno(grant_table_op(GNTTABOP_get_version, UNMAPPED, 1), -EFAULT, "unmapped structure");
}

static void status_frames(void)
{
    u64 frames[1];
    struct gnttab_get_status_frames op = {.nr_frames = 0, .dom = DOMID_SELF, .frame_list = frames};

    expect_success(grant_table_op(GNTTABOP_get_status_frames, &op, 1), "version 1 has none");
    expect_status(op, GNTST_okay, "none of none");
    op.nr_frames = 1;
    expect_success(grant_table_op(GNTTABOP_get_status_frames, &op, 1), "one of none");
    expect_status(op, GNTST_general_error, "one of none");
    expect_errno(grant_table_op(GNTTABOP_get_status_frames, &op, 2), -EINVAL, "two structures");
    expect_errno(grant_table_op(GNTTABOP_get_status_frames, UNMAPPED, 1), -EFAULT, "unmapped structure");
}

static void dump_table(void)
{
    struct gnttab_dump_table op = {.dom = DOMID_SELF};

    expect_errno(grant_table_op(GNTTABOP_dump_table, &op, 1), -ENOSYS, "it is gone from Xen");
}

/* On x86 caches are coherent; the call exists all the same. */
static void cache_flush(void)
{
    struct gnttab_cache_flush op = {.dev_bus_addr = (u64)mfn_of(granted) << 12, .length = 64, .op = 1};

    expect_success(grant_table_op(GNTTABOP_cache_flush, &op, 1), "cleaning an own page");
    op.op = 3;
    expect_success(grant_table_op(GNTTABOP_cache_flush, &op, 1), "cleaning and invalidating");
    op.op = 2;
    expect_errno(grant_table_op(GNTTABOP_cache_flush, &op, 1), -EOPNOTSUPP, "x86 cannot invalidate alone");
    op.op = 4;
    expect_errno(grant_table_op(GNTTABOP_cache_flush, &op, 1), -EINVAL, "an operation that is not defined");
    op.op = 1;
    op.offset = 4096;
    expect_errno(grant_table_op(GNTTABOP_cache_flush, &op, 1), -EINVAL, "beyond the page");
    op.offset = 0;
    op.length = 0;
    expect_success(grant_table_op(GNTTABOP_cache_flush, &op, 1), "no bytes");
    expect_errno(grant_table_op(GNTTABOP_cache_flush, UNMAPPED, 1), -EFAULT, "unmapped structure");
}

static void no_such_command(void)
{
    struct gnttab_query_size op = {.dom = DOMID_SELF};

    expect_errno(grant_table_op(13, &op, 1), -ENOSYS, "one past the last command");
    expect_errno(grant_table_op(0x1000 | GNTTABOP_query_size, &op, 1), -EINVAL, "a place to go on at");
    expect_errno(grant_table_op(GNTTABOP_query_size, &op, 0xffffffff), -EINVAL, "a negative count");
}

TEST("grant-table-op",
     {"GNTTABOP_setup_table", setup_table},
     {"GNTTABOP_query_size", query_size},
     {"GNTTABOP_map_grant_ref", map_grant_ref},
     {"GNTTABOP_unmap_grant_ref", unmap_grant_ref},
     {"GNTTABOP_unmap_and_replace", unmap_and_replace},
     {"GNTTABOP_copy", copy},
     {"GNTTABOP_transfer", transfer},
     {"GNTTABOP_swap_grant_ref", swap_grant_ref},
     {"GNTTABOP_get_version", versions},
     {"GNTTABOP_get_status_frames", status_frames},
     {"GNTTABOP_dump_table", dump_table},
     {"GNTTABOP_cache_flush", cache_flush},
     {"grant_table_op", no_such_command});
