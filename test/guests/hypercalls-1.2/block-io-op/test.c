/* block_io_op: the ring that Xen shares with a domain for its disks (drivers/block/xen_block.c). */
#include "test.h"

static struct block_io_op op;

static long call(u32 command)
{
    op.cmd = command;
    return block_io_op(&op);
}

static void ring(void)
{
    expect_success(call(BLOCK_IO_OP_RING_ADDRESS), "the ring's frame");
    ulong mfn = op.u[0];
    static char page[4096] PAGE_ALIGNED;
    map_page(page, mfn << 12 | PTE_FLAGS_RW);
    expect_equal(((volatile u32 *)page)[0], 0, "no requests");
    expect_equal(((volatile u32 *)page)[1], 0, "no responses");
    unprotect_page(page);
}

static void reset(void)
{
    expect_success(call(BLOCK_IO_OP_RESET), "nothing is under way");
}

static void signal(void)
{
    expect_success(call(BLOCK_IO_OP_SIGNAL), "without requests");
}

#define PRIVILEGED(name)                                                                                               \
    static void refuse_##name(void)                                                                                    \
    {                                                                                                                  \
        memset(&op, 0, sizeof op);                                                                                     \
        expect_errno(call(BLOCK_IO_OP_VBD_##name), -EPERM, "for privileged domains");                                  \
    }

PRIVILEGED(CREATE)
PRIVILEGED(GROW)
PRIVILEGED(SHRINK)
PRIVILEGED(SET_EXTENTS)
PRIVILEGED(DELETE)

struct disk {
    u16 device, info;
    u32 capacity, domain;
};

/* { domain, { max, disks, count } } */
static void probe(void)
{
    static struct disk disks[4];

    memset(&op, 0, sizeof op);
    op.u[1] = 4;
    op.u[2] = (u32)disks;
    expect_success(call(BLOCK_IO_OP_VBD_PROBE), "its own");
    expect_equal(op.u[3], 0, "there are none");
    op.u[0] = (u32)own_domid() + 50;
    expect_errno(call(BLOCK_IO_OP_VBD_PROBE), -EPERM, "another's");
    op.u[0] = 0xffffffff;
    expect_errno(call(BLOCK_IO_OP_VBD_PROBE), -EPERM, "everybody's");
}

static void info(void)
{
    memset(&op, 0, sizeof op);
    op.u[0] = (u32)own_domid() + 50;
    expect_errno(call(BLOCK_IO_OP_VBD_INFO), -EPERM, "another's");
    op.u[0] = own_domid();
    expect_errno(call(BLOCK_IO_OP_VBD_INFO), -EINVAL, "a disk that does not exist");
}

static void unknown(void)
{
    expect_errno(call(10), -ENOSYS, "a command that does not exist");
    expect_errno(block_io_op(UNMAPPED), -EFAULT, "unmapped argument");
    expect_errno(block_io_op(XEN_AREA), -EFAULT, "argument in Xen's area");
}

TEST("block-io-op", {"BLOCK_IO_OP_RING_ADDRESS", ring}, {"BLOCK_IO_OP_RESET", reset}, {"BLOCK_IO_OP_SIGNAL", signal},
     {"BLOCK_IO_OP_VBD_CREATE", refuse_CREATE}, {"BLOCK_IO_OP_VBD_GROW", refuse_GROW},
     {"BLOCK_IO_OP_VBD_SHRINK", refuse_SHRINK}, {"BLOCK_IO_OP_VBD_SET_EXTENTS", refuse_SET_EXTENTS},
     {"BLOCK_IO_OP_VBD_DELETE", refuse_DELETE}, {"BLOCK_IO_OP_VBD_PROBE", probe}, {"BLOCK_IO_OP_VBD_INFO", info},
     {"block_io_op", unknown});
