/* dom_mem_op: memory is given back, and got, all or nothing (common/dom_mem_ops.c). */
#include "test.h"

static char page[4096] PAGE_ALIGNED, second[4096] PAGE_ALIGNED;
static ulong frames[3];

static long call(u32 command, u32 size)
{
    struct dom_mem_op op = {command, size, frames};

    return dom_mem_op(&op);
}

static void decrease(void)
{
    frames[0] = mfn_of(page);
    frames[1] = mfn_of(second);
    expect_errno(call(MEMOP_decrease, 2), -EINVAL, "pages that are mapped");
    map_page(page, 0);
    map_page(second, 0);
    expect_result(call(MEMOP_decrease, 2), 2, "two pages");
    expect_errno(call(MEMOP_decrease, 2), -EINVAL, "which are not there any more");
    frames[0] = 0xfffffff;
    expect_errno(call(MEMOP_decrease, 1), -EINVAL, "a frame that does not exist");
    expect_result(call(MEMOP_decrease, 0), 0, "none");
}

static void increase(void)
{
    char *pages[2] = {page, second};

    expect_errno(call(MEMOP_increase, 3), -ENOMEM, "more than the domain may have");
    expect_result(call(MEMOP_increase, 2), 2, "two pages");
    for (u32 i = 0; i < 2; i++) {
        map_page(pages[i], frames[i] << 12 | PTE_FLAGS_RW);
        expect_equal(*(volatile ulong *)pages[i], 0, "it is empty");
        expect_equal(try_write(pages[i]), NO_TRAP, "it can be used");
    }
    expect_errno(call(MEMOP_increase, 1), -ENOMEM, "one more");
    expect_errno(call(MEMOP_increase, 0xffffffff), -ENOMEM, "all there is");
}

static void arguments(void)
{
    expect_errno(call(2, 1), -ENOSYS, "a command that does not exist");
    expect_errno(dom_mem_op(UNMAPPED), -EFAULT, "unmapped argument");
    expect_errno(dom_mem_op(XEN_AREA), -EFAULT, "argument in Xen's area");
}

TEST("dom-mem-op", {"dom_mem_op", decrease}, {"dom_mem_op", increase}, {"dom_mem_op", arguments});
