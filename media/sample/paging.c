/* What a domain may do with page tables: everything, as long as it asks. */
#include "memory.h"
#include "abi.h"
#include "print.h"
#include "traps.h"

/* Nothing of any Xen is here, nor of the kernel. */
#define WINDOW 0xd0000000u

static u8 table[PAGE_SIZE] PAGE_ALIGNED;
static u32 page[PAGE_SIZE / 4] PAGE_ALIGNED;

static void check(const char *what, int good)
{
    print("paging: %s: %s\n", what, good ? "yes" : "no");
}

/*
 * Makes a page table of a page, and maps another page through it at an address that had none. A frame is either a page
 * table or writable, never both: Xen counts references by type, and the mapping that could write to the table has to go
 * first.
 */
void paging_demo(void)
{
    u32 entries = PAGE_SIZE / abi->entry_bytes;
    void *upper = abi->upper_table(WINDOW);
    u32 slot = (WINDOW >> abi->table_shift) & (entries - 1);
    u32 index = (WINDOW >> 12) & (entries - 1);
    u32 *window = (u32 *)WINDOW;
    u32 value = 0;

    page[0] = 0x600d;
    check("a table that can be written to is refused", abi->set_entry(upper, slot, mfn_of(table), PTE_TABLE) != 0);
    check("made read-only", abi->map_page(table, mfn_of(table), PTE_READ_ONLY) == 0);
    check("it is a page table then", abi->set_entry(upper, slot, mfn_of(table), PTE_TABLE) == 0);
    check("a page mapped through it", abi->set_entry(table, index, mfn_of(page), PTE_READ_WRITE) == 0);
    check("the page is seen there", try_read(window, &value) == 0 && value == 0x600d);
    check("and written to", try_write(window, 0xf00d) == 0 && page[0] == 0xf00d);
    check("made read-only by its address", abi->map_page(window, mfn_of(page), PTE_READ_ONLY) == 0);
    check("a store faults", try_write(window, 1) != 0 && page[0] == 0xf00d);
    check("taken down again", abi->set_entry(upper, slot, 0, 0) == 0);
    check("the table is a page again", abi->map_page(table, mfn_of(table), PTE_READ_WRITE) == 0);
    memset(table, 0, PAGE_SIZE);
}
