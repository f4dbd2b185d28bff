/* Grants: a table that says which other domain may use which page. */
#include "abi.h"
#include "memory.h"
#include "print.h"
#include "xen-4.h"

enum { GNTTABOP_setup_table = 2, GTF_invalid = 0, GTF_permit_access = 1, GTF_readonly = 4, GTF_in_use = 8 | 16 };

/* The toolstack keeps the first eight for itself. */
#define FIRST_REFERENCE 8

struct grant_entry_v1 {
    u16 flags;
    u16 domid;
    u32 frame;
};

struct gnttab_setup_table {
    u16 dom;
    u32 nr_frames;
    s16 status;
    u32 *frame_list;
};

static struct grant_entry_v1 table[PAGE_SIZE / sizeof(struct grant_entry_v1)] PAGE_ALIGNED;

/* The table is Xen's page: it is mapped in place of one of ours. */
void grants_init(void)
{
    u32 frame = 0;
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 1, .frame_list = &frame};

    hypercall(HYPERCALL_grant_table_op, GNTTABOP_setup_table, &setup, 1);
    abi->map_page(table, frame, PTE_READ_WRITE);
}

u32 grant_page(u16 domain, const void *page, int read_only)
{
    for (u32 reference = FIRST_REFERENCE; reference < LENGTH(table); reference++) {
        volatile struct grant_entry_v1 *entry = &table[reference];
        if (entry->flags != GTF_invalid)
            continue;
        entry->domid = domain;
        entry->frame = mfn_of(page);
        barrier();
        entry->flags = (u16)(GTF_permit_access | (read_only ? GTF_readonly : 0));
        return reference;
    }
    return 0;
}

/* Only what nobody uses any more can be taken back: the flags must still be as they were. */
void grant_end(u32 reference)
{
    u16 flags = table[reference].flags & (u16)~GTF_in_use;

    if (!__atomic_compare_exchange_n(&table[reference].flags, &flags, GTF_invalid, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        print("grant %u is still in use\n", reference);
}
