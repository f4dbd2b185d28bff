/* dom_mem_op: memory is given back, and got (common/dom_mem_ops.c). Answers how many extents were done. */
#include "test.h"

static char page[4096] PAGE_ALIGNED, second[4096] PAGE_ALIGNED;

static void decrease(void)
{
    ulong frames[2] = {mfn_of(page), mfn_of(second)};

    map_page(page, 0);
    map_page(second, 0);
    expect_result(dom_mem_op(MEMOP_decrease_reservation, frames, 2, 0, DOMID_SELF), 2, "two pages");
    expect_result(dom_mem_op(MEMOP_decrease_reservation, frames, 2, 0, DOMID_SELF), 0, "which are not there any more");
    expect_errno(update_va_mapping(page_number(page), frames[0] << 12 | PTE_FLAGS_RW, 0), -EINVAL,
                 "and cannot be mapped");
    frames[0] = 0xfffffff;
    expect_result(dom_mem_op(MEMOP_decrease_reservation, frames, 1, 0, DOMID_SELF), 0, "a frame that does not exist");
    expect_result(dom_mem_op(MEMOP_decrease_reservation, UNMAPPED, 1, 0, DOMID_SELF), 0, "unmapped list");
    expect_result(dom_mem_op(MEMOP_decrease_reservation, XEN_AREA, 1, 0, DOMID_SELF), 0, "list in Xen's area");
}

static void increase(void)
{
    ulong frames[3] = {0, 0, 0};
    char *pages[2] = {page, second};

    expect_result(dom_mem_op(MEMOP_increase_reservation, frames, 2, 0, DOMID_SELF), 2, "two pages");
    for (u32 i = 0; i < 2; i++) {
        map_page(pages[i], frames[i] << 12 | PTE_FLAGS_RW);
        expect_equal(try_write(pages[i]), NO_TRAP, "it can be used");
        ((ulong *)start_info->mfn_list)[pfn_of(pages[i])] = frames[i];
        expect_success(update(frames[i] << 12 | MMU_MACHPHYS_UPDATE, pfn_of(pages[i])), "the table is the domain's duty");
    }
    expect_result(dom_mem_op(MEMOP_increase_reservation, frames, 3, 0, DOMID_SELF), 0, "more than the domain may have");
    expect_result(dom_mem_op(MEMOP_increase_reservation, frames, 1, 1, DOMID_SELF), 0, "larger pieces, for devices only");
    expect_result(dom_mem_op(MEMOP_increase_reservation, UNMAPPED, 0, 0, DOMID_SELF), 0, "none");
}

static void arguments(void)
{
    ulong frames[1] = {0};

    expect_errno(dom_mem_op(2, frames, 1, 0, DOMID_SELF), -ENOSYS, "a command that does not exist");
    expect_errno(dom_mem_op(MEMOP_increase_reservation | 2 << 4, frames, 1, 0, DOMID_SELF), -EINVAL,
                 "to be gone on with behind the end");
    expect_errno(dom_mem_op(MEMOP_increase_reservation, frames, 0x10000000, 0, DOMID_SELF), -EINVAL, "too many");
    expect_errno(dom_mem_op(MEMOP_increase_reservation, frames, 1, 0, 0), -EPERM, "for dom0");
    expect_errno(dom_mem_op(MEMOP_increase_reservation, frames, 1, 0, own_domid()), -EPERM, "for itself, by number");
    expect_errno(dom_mem_op(MEMOP_increase_reservation, frames, 1, 0, 77), -EPERM, "for nobody");
}

TEST("dom-mem-op", {"MEMOP_decrease_reservation", decrease}, {"MEMOP_increase_reservation", increase},
     {"dom_mem_op", arguments});
