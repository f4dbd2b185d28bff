/* net_io_op: the rings that Xen shares with a domain for each interface (net/dev.c). This machine has none. */
#include "test.h"

static long call(u32 command, u32 vif)
{
    static struct netop op;

    op.cmd = command;
    op.vif = vif;
    return net_io_op(&op);
}

static void push(void)
{
    expect_errno(call(NETOP_PUSH_BUFFERS, 0), -EINVAL, "an interface that does not exist");
    expect_errno(call(NETOP_PUSH_BUFFERS, 8), -EINVAL, "beyond those that may");
}

static void flush(void)
{
    expect_errno(call(NETOP_FLUSH_BUFFERS, 0), -EINVAL, "an interface that does not exist");
}

static void reset(void)
{
    expect_errno(call(NETOP_RESET_RINGS, 0), -EINVAL, "an interface that does not exist");
}

static void info(void)
{
    expect_errno(call(NETOP_GET_VIF_INFO, 0), -EINVAL, "an interface that does not exist");
    expect_errno(call(NETOP_GET_VIF_INFO, 0xffffffff), -EINVAL, "interface -1");
}

static void unknown(void)
{
    expect_errno(call(4, 0), -EINVAL, "a command that does not exist");
    expect_errno(net_io_op(UNMAPPED), -EFAULT, "unmapped argument");
    expect_errno(net_io_op(XEN_AREA), -EFAULT, "argument in Xen's area");
}

TEST("net-io-op", {"NETOP_PUSH_BUFFERS", push}, {"NETOP_FLUSH_BUFFERS", flush}, {"NETOP_RESET_RINGS", reset},
     {"NETOP_GET_VIF_INFO", info}, {"net_io_op", unknown});
