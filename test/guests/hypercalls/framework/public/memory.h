/* public/memory.h */
#ifndef HYPERCALLS_MEMORY_H
#define HYPERCALLS_MEMORY_H
#include "xen.h"

enum memory_command {
    XENMEM_increase_reservation = 0,
    XENMEM_decrease_reservation = 1,
    XENMEM_maximum_ram_page = 2,
    XENMEM_current_reservation = 3,
    XENMEM_maximum_reservation = 4,
    XENMEM_machphys_mfn_list = 5,
    XENMEM_populate_physmap = 6,
    XENMEM_add_to_physmap = 7,
    XENMEM_memory_map = 9,
    XENMEM_machine_memory_map = 10,
    XENMEM_exchange = 11,
    XENMEM_machphys_mapping = 12,
    XENMEM_set_memory_map = 13,
    XENMEM_maximum_gpfn = 14,
    XENMEM_remove_from_physmap = 15,
    XENMEM_set_pod_target = 16,
    XENMEM_get_pod_target = 17,
    XENMEM_get_sharing_freed_pages = 18,
    XENMEM_get_sharing_shared_pages = 19,
    XENMEM_paging_op = 20,
    XENMEM_access_op = 21,
    XENMEM_sharing_op = 22,
    XENMEM_add_to_physmap_batch = 23,
    XENMEM_claim_pages = 24,
    XENMEM_machphys_compat_mfn_list = 25,
    XENMEM_get_vnumainfo = 26,
    XENMEM_reserved_device_memory_map = 27,
    XENMEM_acquire_resource = 28,
};

struct xen_memory_reservation {
    ulong *extent_start;
    ulong nr_extents;
    u32 extent_order;
    u32 mem_flags;
    domid_t domid;
};

struct xen_memory_exchange {
    struct xen_memory_reservation in;
    struct xen_memory_reservation out;
    ulong nr_exchanged; /* in and out */
};

struct xen_machphys_mfn_list {
    u32 max_extents;
    ulong *extent_start;
    u32 nr_extents; /* out */
};

struct xen_machphys_mapping {
    ulong v_start, v_end; /* out */
    ulong max_mfn;
};

enum { XENMAPSPACE_shared_info = 0, XENMAPSPACE_grant_table = 1 };

struct xen_add_to_physmap {
    domid_t domid;
    u16 size;
    u32 space;
    ulong idx;
    ulong gpfn;
};

struct xen_remove_from_physmap {
    domid_t domid;
    ulong gpfn;
};

struct e820entry {
    u64 addr;
    u64 size;
    u32 type;
} __attribute__((packed));

struct xen_memory_map {
    u32 nr_entries; /* in and out */
    struct e820entry *buffer;
};

struct xen_foreign_memory_map {
    domid_t domid;
    struct xen_memory_map map;
};

struct xen_pod_target {
    u64 target_pages;
    u64 tot_pages, pod_cache_pages, pod_entries; /* out */
    domid_t domid;
};

struct xen_vnuma_topology_info {
    domid_t domid;
    u16 pad;
    u32 nr_vnodes, nr_vcpus, nr_vmemranges; /* in and out */
    u64 vdistance, vcpu_to_vnode, vmemrange; /* pointers, padded to 8 bytes at either width */
};

struct xen_mem_acquire_resource {
    domid_t domid;
    u16 type;
    u32 id;
    u32 nr_frames; /* in and out */
    u32 pad;
    u64 frame;
    u64 *frame_list;
};

#endif
