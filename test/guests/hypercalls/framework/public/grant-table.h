/* public/grant_table.h */
#ifndef HYPERCALLS_GRANT_TABLE_H
#define HYPERCALLS_GRANT_TABLE_H
#include "xen.h"

typedef u32 grant_ref_t;
typedef u32 grant_handle_t;

enum grant_table_command {
    GNTTABOP_map_grant_ref = 0,
    GNTTABOP_unmap_grant_ref = 1,
    GNTTABOP_setup_table = 2,
    GNTTABOP_dump_table = 3,
    GNTTABOP_transfer = 4,
    GNTTABOP_copy = 5,
    GNTTABOP_query_size = 6,
    GNTTABOP_unmap_and_replace = 7,
    GNTTABOP_set_version = 8,
    GNTTABOP_get_status_frames = 9,
    GNTTABOP_get_version = 10,
    GNTTABOP_swap_grant_ref = 11,
    GNTTABOP_cache_flush = 12,
};

enum {
    GTF_invalid = 0,
    GTF_permit_access = 1,
    GTF_accept_transfer = 2,
    GTF_transitive = 3,
    GTF_readonly = 4,
    GTF_reading = 8,
    GTF_writing = 16,
    GTF_transfer_committed = 4,
    GTF_transfer_completed = 8,
    GTF_sub_page = 0x100,
};

struct grant_entry_v1 {
    u16 flags;
    domid_t domid;
    u32 frame;
};

union grant_entry_v2 {
    struct {
        u16 flags;
        domid_t domid;
    } hdr;
    struct {
        u16 flags;
        domid_t domid;
        u32 pad;
        u64 frame;
    } full_page;
    struct {
        u16 flags;
        domid_t domid;
        u16 page_off;
        u16 length;
        u64 frame;
    } sub_page;
    struct {
        u16 flags;
        domid_t domid;
        domid_t trans_domid;
        u16 pad;
        grant_ref_t gref;
    } transitive;
    u32 words[4];
};

enum {
    GNTMAP_device_map = 1,
    GNTMAP_host_map = 2,
    GNTMAP_readonly = 4,
    GNTMAP_application_map = 8,
    GNTMAP_contains_pte = 16,
};

enum {
    GNTST_okay = 0,
    GNTST_general_error = -1,
    GNTST_bad_domain = -2,
    GNTST_bad_gntref = -3,
    GNTST_bad_handle = -4,
    GNTST_bad_virt_addr = -5,
    GNTST_bad_dev_addr = -6,
    GNTST_no_device_space = -7,
    GNTST_permission_denied = -8,
    GNTST_bad_page = -9,
    GNTST_bad_copy_arg = -10,
    GNTST_address_too_big = -11,
    GNTST_eagain = -12,
    GNTST_no_space = -13,
};

struct gnttab_map_grant_ref {
    u64 host_addr;
    u32 flags;
    grant_ref_t ref;
    domid_t dom;
    s16 status;            /* out */
    grant_handle_t handle; /* out */
    u64 dev_bus_addr;      /* out */
};

struct gnttab_unmap_grant_ref {
    u64 host_addr;
    u64 dev_bus_addr;
    grant_handle_t handle;
    s16 status; /* out */
};

struct gnttab_setup_table {
    domid_t dom;
    u32 nr_frames;
    s16 status; /* out */
    ulong *frame_list;
};

struct gnttab_dump_table {
    domid_t dom;
    s16 status; /* out */
};

struct gnttab_transfer {
    ulong mfn;
    domid_t domid;
    grant_ref_t ref;
    s16 status; /* out */
};

struct gnttab_copy {
    struct gnttab_copy_ptr {
        union {
            grant_ref_t ref;
            ulong gmfn;
        } u;
        domid_t domid;
        u16 offset;
    } source, dest;
    u16 len;
    u16 flags;
    s16 status; /* out */
};

enum { GNTCOPY_source_gref = 1, GNTCOPY_dest_gref = 2 };

struct gnttab_query_size {
    domid_t dom;
    u32 nr_frames;     /* out, as are the rest */
    u32 max_nr_frames;
    s16 status;
};

struct gnttab_unmap_and_replace {
    u64 host_addr;
    u64 new_addr;
    grant_handle_t handle;
    s16 status; /* out */
};

struct gnttab_set_version {
    u32 version; /* in and out */
};

struct gnttab_get_status_frames {
    u32 nr_frames;
    domid_t dom;
    s16 status; /* out */
    u64 *frame_list;
};

struct gnttab_get_version {
    domid_t dom;
    u16 pad;
    u32 version; /* out */
};

struct gnttab_swap_grant_ref {
    grant_ref_t ref_a;
    grant_ref_t ref_b;
    s16 status; /* out */
};

struct gnttab_cache_flush {
    u64 dev_bus_addr;
    u16 offset;
    u16 length;
    u32 op;
};

#endif
