/* memory_op: reservation and maps of a PV domain (common/memory.c, arch/x86/mm.c). */
#include "test.h"

#define NO_DOMAIN 77

static char pages[8][4096] PAGE_ALIGNED;

/* Gives the frame of a page back; answers how many extents went. The page is not mapped afterwards. */
static long give_back(const void *page)
{
    ulong frame = mfn_of(page);
    struct xen_memory_reservation op = {.extent_start = &frame, .nr_extents = 1, .domid = DOMID_SELF};

    unmap_page(page);
    return memory_op(XENMEM_decrease_reservation, &op);
}

static long current_pages(void)
{
    domid_t self = DOMID_SELF;
    return memory_op(XENMEM_current_reservation, &self);
}

/* A bad reservation is an answer of no extents, never an errno. */
static void refuses_reservations(u32 command)
{
    ulong frame = 0;
    struct xen_memory_reservation op = {.extent_start = &frame, .nr_extents = 1, .domid = NO_DOMAIN};

    expect_result(memory_op(command, UNMAPPED), 0, "unmapped structure");
    expect_result(memory_op(command, &op), 0, "a domain that does not exist");
    op.domid = 0;
    expect_result(memory_op(command, &op), 0, "dom0");
    op.domid = DOMID_SELF;
    op.extent_order = 10;
    expect_result(memory_op(command, &op), 0, "extents above 2 MiB");
    op.extent_order = 0;
    op.extent_start = XEN_AREA;
    expect_result(memory_op(command, &op), 0, "a list in Xen's area");
    op.nr_extents = 0;
    expect_result(memory_op(command, &op), 0, "no extents");
}

static void decrease_reservation(void)
{
    ulong frames[3] = {mfn_of(pages[0]), 1, mfn_of(pages[1])};
    struct xen_memory_reservation op = {.extent_start = frames, .nr_extents = 3, .domid = DOMID_SELF};
    long before = current_pages();

    unmap_page(pages[0]);
    unmap_page(pages[1]);
    expect_result(memory_op(XENMEM_decrease_reservation, &op), 1, "it stops at a frame that is not the domain's");
    expect_result(current_pages(), before - 1, "one page is gone");
    frames[1] = mfn_of(pages[1]);
    op.extent_start = frames + 1;
    op.nr_extents = 1;
    expect_result(memory_op(XENMEM_decrease_reservation, &op), 1, "another");
    expect_result(memory_op(XENMEM_decrease_reservation, &op), 0, "the same again");
    expect_result(current_pages(), before - 2, "two pages are gone");

    /* A page that is still mapped stays until nothing maps it. */
    frames[0] = mfn_of(pages[2]);
    op.extent_start = frames;
    expect_result(memory_op(XENMEM_decrease_reservation, &op), 1, "a mapped page");
    expect_result(current_pages(), before - 2, "it is still there");
    expect_equal(try_write(pages[2]), NO_TRAP, "and usable");
    unmap_page(pages[2]);
    expect_result(current_pages(), before - 3, "and now gone");
    refuses_reservations(XENMEM_decrease_reservation);
}

static void increase_reservation(void)
{
    ulong frames[2] = {0, 0};
    struct xen_memory_reservation op = {.extent_start = frames, .nr_extents = 2, .domid = DOMID_SELF};
    long before = current_pages();

    expect_result(memory_op(XENMEM_increase_reservation, &op), 2, "two frames");
    expect_true(frames[0] != 0 && frames[1] != 0 && frames[0] != frames[1], "which are told");
    expect_result(current_pages(), before + 2, "the domain has them");
    set_mfn_of(pages[0], frames[0]);
    unprotect_page(pages[0]);
    set_mfn_of(pages[1], frames[1]);
    unprotect_page(pages[1]);
    expect_true(same_bytes(pages[0], pages[1], 4096) && pages[0][0] == 0, "they hold nothing");
    op.extent_start = NULL;
    op.nr_extents = 1;
    expect_result(memory_op(XENMEM_increase_reservation, &op), 1, "a frame that is not told");
    refuses_reservations(XENMEM_increase_reservation);
}

static void populate_physmap(void)
{
    ulong frame = pfn_of(pages[3]);
    struct xen_memory_reservation op = {.extent_start = &frame, .nr_extents = 1, .domid = DOMID_SELF};

    expect_result(give_back(pages[3]), 1, "room for one");
    expect_result(memory_op(XENMEM_populate_physmap, &op), 1, "a frame for a pfn");
    expect_true(frame != pfn_of(pages[3]), "the list holds the frame now");
    expect_equal(machine_to_phys(frame), pfn_of(pages[3]), "Xen's table knows the pfn");
    set_mfn_of(pages[3], frame);
    unprotect_page(pages[3]);
    expect_equal(try_write(pages[3]), NO_TRAP, "the page is there");
    refuses_reservations(XENMEM_populate_physmap);
    op.extent_start = NULL;
    expect_result(memory_op(XENMEM_populate_physmap, &op), 0, "no list");
}

static void exchange(void)
{
    ulong in = mfn_of(pages[4]), out = pfn_of(pages[4]);
    struct xen_memory_exchange op = {
        .in = {.extent_start = &in, .nr_extents = 1, .domid = DOMID_SELF},
        .out = {.extent_start = &out, .nr_extents = 1, .domid = DOMID_SELF},
    };
    struct xen_memory_exchange bad = op;

    expect_errno(memory_op(XENMEM_exchange, &bad), -EINVAL, "a page that is mapped");
    unmap_page(pages[4]);
    expect_success(memory_op(XENMEM_exchange, &op), "a page for another");
    expect_equal(op.nr_exchanged, 1, "one was exchanged");
    expect_true(out != pfn_of(pages[4]), "the list holds the new frame");
    expect_true(out != in, "which is not the old one");
    expect_equal(machine_to_phys(out), pfn_of(pages[4]), "Xen's table knows the pfn");
    set_mfn_of(pages[4], out);
    unprotect_page(pages[4]);
    expect_equal(pages[4][0], 0, "it holds nothing of the old one");
    expect_success(memory_op(XENMEM_exchange, &op), "what is done is done");

    bad.nr_exchanged = 0;
    in = 1;
    expect_errno(memory_op(XENMEM_exchange, &bad), -EINVAL, "a frame that is not the domain's");
    bad.out.nr_extents = 2;
    expect_errno(memory_op(XENMEM_exchange, &bad), -EINVAL, "sizes that do not match");
    bad.out.nr_extents = 1;
    bad.out.domid = own_domid();
    expect_errno(memory_op(XENMEM_exchange, &bad), -EINVAL, "two names for the domain");
    bad.in.domid = bad.out.domid = NO_DOMAIN;
    expect_errno(memory_op(XENMEM_exchange, &bad), -ESRCH, "a domain that does not exist");
    bad.in.domid = bad.out.domid = 0;
    expect_errno(memory_op(XENMEM_exchange, &bad), -EPERM, "dom0");
    bad.in.domid = bad.out.domid = DOMID_SELF;
    bad.in.extent_order = bad.out.extent_order = 10;
    expect_errno(memory_op(XENMEM_exchange, &bad), -EPERM, "extents above 2 MiB");
    bad.in.extent_order = bad.out.extent_order = 0;
    bad.nr_exchanged = 2;
    expect_errno(memory_op(XENMEM_exchange, &bad), -EINVAL, "more done than there are");
    bad.nr_exchanged = 0;
    bad.in.extent_start = UNMAPPED;
    expect_errno(memory_op(XENMEM_exchange, &bad), -EFAULT, "unmapped list");
    expect_errno(memory_op(XENMEM_exchange, UNMAPPED), -EFAULT, "unmapped structure");
}

static void maximum_ram_page(void)
{
    expect_true(memory_op(XENMEM_maximum_ram_page, NULL) > (long)mfn_of(pages[5]), "above every frame");
}

static void asks_about_domains(u32 command)
{
    domid_t domid = NO_DOMAIN;

    expect_errno(memory_op(command, &domid), -ESRCH, "a domain that does not exist");
    domid = 0;
    expect_errno(memory_op(command, &domid), -EPERM, "dom0");
    expect_errno(memory_op(command, UNMAPPED), -EFAULT, "unmapped structure");
}

static void current_reservation(void)
{
    domid_t own = own_domid();

    expect_result(memory_op(XENMEM_current_reservation, &own), current_pages(), "by its own number");
    expect_result(give_back(pages[6]), 1, "a page");
    expect_true(current_pages() < (long)start_info->nr_pages, "fewer than at first");
    asks_about_domains(XENMEM_current_reservation);
}

static void maximum_reservation(void)
{
    domid_t self = DOMID_SELF;

    expect_true(memory_op(XENMEM_maximum_reservation, &self) >= (long)start_info->nr_pages, "what it started with");
    asks_about_domains(XENMEM_maximum_reservation);
}

/* A PV domain says itself how far its pfns go. */
static void maximum_gpfn(void)
{
    domid_t self = DOMID_SELF;

    shared_info->arch.max_pfn = 1234;
    expect_result(memory_op(XENMEM_maximum_gpfn, &self), 1233, "one below what shared info says");
    shared_info->arch.max_pfn = 0;
    expect_result(memory_op(XENMEM_maximum_gpfn, &self), 0, "0 when that says nothing");
    asks_about_domains(XENMEM_maximum_gpfn);
}

static void machphys_mfn_list(void)
{
    ulong frames[4] = {0};
    struct xen_machphys_mfn_list op = {.max_extents = 4, .extent_start = frames};

    expect_success(memory_op(XENMEM_machphys_mfn_list, &op), "frames of the table");
    expect_true(op.nr_extents >= 1 && op.nr_extents <= 4, "as many as there is room for");
    expect_true(frames[0] != 0, "the first");
    op.max_extents = 0;
    expect_success(memory_op(XENMEM_machphys_mfn_list, &op), "no room");
    expect_equal(op.nr_extents, 0, "none");
    op.max_extents = 1;
    op.extent_start = UNMAPPED;
    expect_errno(memory_op(XENMEM_machphys_mfn_list, &op), -EFAULT, "unmapped list");
    expect_errno(memory_op(XENMEM_machphys_mfn_list, UNMAPPED), -EFAULT, "unmapped structure");
}

static void machphys_mapping(void)
{
    struct xen_machphys_mapping op = {0};

    expect_success(memory_op(XENMEM_machphys_mapping, &op), "where the table is");
    expect_equal(((const ulong *)op.v_start)[mfn_of(pages[5])], pfn_of(pages[5]), "it is there");
    expect_true(op.v_end > op.v_start && op.max_mfn >= mfn_of(pages[5]), "and large enough");
#ifdef __x86_64__
    expect_equal(op.v_start, 0xffff800000000000ul, "in a 64-bit domain");
#endif
    expect_errno(memory_op(XENMEM_machphys_mapping, UNMAPPED), -EFAULT, "unmapped structure");
    expect_errno(memory_op(XENMEM_machphys_mapping, read_only_page), -EFAULT, "a structure that cannot be written");
}

/* XENMEM_memory_map tells what XENMEM_set_memory_map was given: by the toolstack, one entry of all the memory. */
static void memory_map(void)
{
    struct e820entry entry = {0, 0, 0};
    struct xen_memory_map op = {.nr_entries = 1, .buffer = &entry};

    expect_success(memory_op(XENMEM_memory_map, &op), "what the toolstack set");
    expect_equal(op.nr_entries, 1, "one entry");
    expect_true(entry.addr == 0 && entry.size >= (u64)start_info->nr_pages << 12 && entry.type == 1, "of RAM");
    op.nr_entries = 0;
    expect_success(memory_op(XENMEM_memory_map, &op), "no room");
    expect_equal(op.nr_entries, 0, "no entry");
    expect_errno(memory_op(XENMEM_memory_map, UNMAPPED), -EFAULT, "unmapped structure");
}

static void set_memory_map(void)
{
    struct e820entry entries[2] = {{0, 0x100000, 1}, {0x100000, 0x700000, 1}}, back[3];
    struct xen_foreign_memory_map op = {.domid = DOMID_SELF, .map = {.nr_entries = 2, .buffer = entries}};
    struct xen_memory_map map = {.nr_entries = 3, .buffer = back};

    expect_success(memory_op(XENMEM_set_memory_map, &op), "of the domain itself");
    expect_success(memory_op(XENMEM_memory_map, &map), "it is told");
    expect_equal(map.nr_entries, 2, "all of it");
    expect_true(same_bytes(entries, back, sizeof entries), "as it was set");
    map.nr_entries = 1;
    expect_success(memory_op(XENMEM_memory_map, &map), "room for one entry");
    expect_equal(map.nr_entries, 1, "one entry");
    map = (struct xen_memory_map){.nr_entries = 2, .buffer = UNMAPPED};
    expect_errno(memory_op(XENMEM_memory_map, &map), -EFAULT, "unmapped buffer");
    op.map.nr_entries = 100000;
    expect_errno(memory_op(XENMEM_set_memory_map, &op), -EINVAL, "too many entries");
    op.map.nr_entries = 2;
    op.map.buffer = UNMAPPED;
    expect_errno(memory_op(XENMEM_set_memory_map, &op), -EFAULT, "unmapped buffer");
    op.domid = NO_DOMAIN;
    expect_errno(memory_op(XENMEM_set_memory_map, &op), -ESRCH, "of a domain that does not exist");
    op.domid = 0;
    expect_errno(memory_op(XENMEM_set_memory_map, &op), -EPERM, "of dom0");
    expect_errno(memory_op(XENMEM_set_memory_map, UNMAPPED), -EFAULT, "unmapped structure");
}

static void machine_memory_map(void)
{
    expect_errno(memory_op(XENMEM_machine_memory_map, UNMAPPED), -EPERM, "for dom0; nothing else is looked at");
}

static void add_to_physmap(void)
{
    struct xen_add_to_physmap op = {.domid = DOMID_SELF, .space = XENMAPSPACE_shared_info};

    expect_errno(memory_op(XENMEM_add_to_physmap, &op), -EACCES, "for translated domains");
    op.domid = NO_DOMAIN;
    expect_errno(memory_op(XENMEM_add_to_physmap, &op), -ESRCH, "a domain that does not exist");
    op.space = 4;
    expect_errno(memory_op(XENMEM_add_to_physmap, &op), -ENOSYS, "foreign pages come in batches");
    expect_errno(memory_op(XENMEM_add_to_physmap, UNMAPPED), -EFAULT, "unmapped structure");
}

static void add_to_physmap_batch(void)
{
    u32 op[16] = {DOMID_SELF};

    expect_errno(memory_op(XENMEM_add_to_physmap_batch, op), -EACCES, "for translated domains");
    op[0] = NO_DOMAIN;
    expect_errno(memory_op(XENMEM_add_to_physmap_batch, op), -ESRCH, "a domain that does not exist");
    expect_errno(memory_op(XENMEM_add_to_physmap_batch, UNMAPPED), -EFAULT, "unmapped structure");
}

static void remove_from_physmap(void)
{
    struct xen_remove_from_physmap op = {.domid = DOMID_SELF};

    expect_errno(memory_op(XENMEM_remove_from_physmap, &op), -EACCES, "for translated domains");
    op.domid = NO_DOMAIN;
    expect_errno(memory_op(XENMEM_remove_from_physmap, &op), -ESRCH, "a domain that does not exist");
    expect_errno(memory_op(XENMEM_remove_from_physmap, UNMAPPED), -EFAULT, "unmapped structure");
}

static void pod_target(u32 command)
{
    struct xen_pod_target op = {.domid = DOMID_SELF};

    expect_errno(memory_op(command, &op), -EINVAL, "a PV domain is not populated on demand");
    op.domid = NO_DOMAIN;
    expect_errno(memory_op(command, &op), -ESRCH, "a domain that does not exist");
    expect_errno(memory_op(command, UNMAPPED), -EFAULT, "unmapped structure");
}

static void set_pod_target(void)
{
    pod_target(XENMEM_set_pod_target);
}

static void get_pod_target(void)
{
    pod_target(XENMEM_get_pod_target);
}

/* Xen is built without memory sharing, which leaves nothing to count. */
static void get_sharing_freed_pages(void)
{
    expect_result(memory_op(XENMEM_get_sharing_freed_pages, NULL), 0, "none");
}

static void get_sharing_shared_pages(void)
{
    expect_result(memory_op(XENMEM_get_sharing_shared_pages, NULL), 0, "none");
}

static void paging_op(void)
{
    expect_errno(memory_op(XENMEM_paging_op, pages[7]), -ENOSYS, "Xen is built without paging of guests");
}

static void sharing_op(void)
{
    expect_errno(memory_op(XENMEM_sharing_op, pages[7]), -ENOSYS, "Xen is built without memory sharing");
}

static void access_op(void)
{
    struct {
        u8 op, access;
        domid_t domid;
        u32 rest[5];
    } op = {.domid = NO_DOMAIN};

    expect_errno(memory_op(XENMEM_access_op, &op), -ESRCH, "a domain that does not exist");
    op.domid = own_domid();
    expect_errno(memory_op(XENMEM_access_op, &op), -EPERM, "of the domain itself");
    expect_errno(memory_op(XENMEM_access_op, UNMAPPED), -EFAULT, "unmapped structure");
}

static void claim_pages(void)
{
    struct xen_memory_reservation op = {.nr_extents = 1, .domid = own_domid()};

    expect_errno(memory_op(XENMEM_claim_pages, &op), -EPERM, "for the toolstack");
    op.domid = NO_DOMAIN;
    expect_errno(memory_op(XENMEM_claim_pages, &op), -EINVAL, "a domain that does not exist");
    op.domid = own_domid();
    op.extent_order = 1;
    expect_errno(memory_op(XENMEM_claim_pages, &op), -EINVAL, "extents");
    expect_errno(memory_op(XENMEM_claim_pages, UNMAPPED), -EFAULT, "unmapped structure");
}

static void machphys_compat_mfn_list(void)
{
    ulong frames[4] = {0};
    struct xen_machphys_mfn_list op = {.max_extents = 4, .extent_start = frames};

    expect_success(memory_op(XENMEM_machphys_compat_mfn_list, &op), "frames of the 32-bit table");
    expect_true(op.nr_extents >= 1 && frames[0] != 0, "there are some");
    expect_errno(memory_op(XENMEM_machphys_compat_mfn_list, UNMAPPED), -EFAULT, "unmapped structure");
}

static void get_vnumainfo(void)
{
    struct xen_vnuma_topology_info op = {.domid = DOMID_SELF};

    expect_errno(memory_op(XENMEM_get_vnumainfo, &op), -EOPNOTSUPP, "no topology was set");
    op.pad = 1;
    expect_errno(memory_op(XENMEM_get_vnumainfo, &op), -EINVAL, "padding that is not 0");
    op.pad = 0;
    op.domid = NO_DOMAIN;
    expect_errno(memory_op(XENMEM_get_vnumainfo, &op), -ESRCH, "a domain that does not exist");
    op.domid = 0;
    expect_errno(memory_op(XENMEM_get_vnumainfo, &op), -EPERM, "dom0");
    expect_errno(memory_op(XENMEM_get_vnumainfo, UNMAPPED), -EFAULT, "unmapped structure");
}

static void reserved_device_memory_map(void)
{
    expect_errno(memory_op(XENMEM_reserved_device_memory_map, UNMAPPED), -EFAULT, "unmapped structure");
}

static void acquire_resource(void)
{
    struct xen_mem_acquire_resource op = {.domid = DOMID_SELF};

    expect_errno(memory_op(XENMEM_acquire_resource, &op), -EPERM, "of the domain itself");
    op.domid = own_domid();
    expect_errno(memory_op(XENMEM_acquire_resource, &op), -EPERM, "by its own number");
    op.domid = NO_DOMAIN;
    expect_errno(memory_op(XENMEM_acquire_resource, &op), -ESRCH, "of a domain that does not exist");
    op.pad = 1;
    expect_errno(memory_op(XENMEM_acquire_resource, &op), -EINVAL, "padding that is not 0");
    expect_errno(memory_op(XENMEM_acquire_resource, UNMAPPED), -EFAULT, "unmapped structure");
}

static void no_such_command(void)
{
    expect_errno(memory_op(8, pages[7]), -ENOSYS, "a gap among the numbers");
    expect_errno(memory_op(29, pages[7]), -ENOSYS, "one past the last command");
}

TEST("memory-op",
     {"XENMEM_memory_map", memory_map},
     {"XENMEM_decrease_reservation", decrease_reservation},
     {"XENMEM_increase_reservation", increase_reservation},
     {"XENMEM_populate_physmap", populate_physmap},
     {"XENMEM_exchange", exchange},
     {"XENMEM_maximum_ram_page", maximum_ram_page},
     {"XENMEM_current_reservation", current_reservation},
     {"XENMEM_maximum_reservation", maximum_reservation},
     {"XENMEM_maximum_gpfn", maximum_gpfn},
     {"XENMEM_machphys_mfn_list", machphys_mfn_list},
     {"XENMEM_machphys_mapping", machphys_mapping},
     {"XENMEM_set_memory_map", set_memory_map},
     {"XENMEM_machine_memory_map", machine_memory_map},
     {"XENMEM_add_to_physmap", add_to_physmap},
     {"XENMEM_add_to_physmap_batch", add_to_physmap_batch},
     {"XENMEM_remove_from_physmap", remove_from_physmap},
     {"XENMEM_set_pod_target", set_pod_target},
     {"XENMEM_get_pod_target", get_pod_target},
     {"XENMEM_get_sharing_freed_pages", get_sharing_freed_pages},
     {"XENMEM_get_sharing_shared_pages", get_sharing_shared_pages},
     {"XENMEM_paging_op", paging_op},
     {"XENMEM_access_op", access_op},
     {"XENMEM_sharing_op", sharing_op},
     {"XENMEM_claim_pages", claim_pages},
     {"XENMEM_machphys_compat_mfn_list", machphys_compat_mfn_list},
     {"XENMEM_get_vnumainfo", get_vnumainfo},
     {"XENMEM_reserved_device_memory_map", reserved_device_memory_map},
     {"XENMEM_acquire_resource", acquire_resource},
     {"memory_op", no_such_command});
