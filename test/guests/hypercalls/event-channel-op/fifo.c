/*
 * event_channel_op: the FIFO ABI (common/event_fifo.c), and reset, which ends it. Ports have words in pages of the
 * guest; pending ones are linked into sixteen queues whose heads are in a control block.
 *
 * machine: vcpus=2
 */
#include "test.h"

static char control_page[4096] PAGE_ALIGNED, array_page[4096] PAGE_ALIGNED, other_page[4096] PAGE_ALIGNED;
static struct evtchn_fifo_control_block *const control = (struct evtchn_fifo_control_block *)(control_page + 64);
static volatile u32 *const words = (volatile u32 *)array_page;

static evtchn_port_t ipi(void)
{
    struct evtchn_bind_ipi op = {.vcpu = 0};

    expect_success(event_channel_op(EVTCHNOP_bind_ipi, &op), "a port to send to");
    return op.port;
}

/* As a guest does when it has handled all that is linked. */
static void consume(void)
{
    for (u32 port = 0; port < 1024; port++)
        words[port] &= EVTCHN_FIFO_MASKED;
    memset(control, 0, sizeof *control);
}

static void send_to(evtchn_port_t port)
{
    struct evtchn_send op = {port};
    expect_success(event_channel_op(EVTCHNOP_send, &op), "an event");
}

static void before(void)
{
    struct evtchn_expand_array op = {.array_gfn = mfn_of(array_page)};
    expect_errno(event_channel_op(EVTCHNOP_expand_array, &op), -EOPNOTSUPP, "before init_control");
}

static void init_control(void)
{
    struct evtchn_init_control op = {.control_gfn = mfn_of(control_page), .offset = 64, .vcpu = 2};

    expect_errno(event_channel_op(EVTCHNOP_init_control, &op), -ENOENT, "a vCPU that does not exist");
    op.vcpu = 0;
    op.offset = 4096 - 64;
    expect_errno(event_channel_op(EVTCHNOP_init_control, &op), -EINVAL, "a block that leaves its page");
    op.offset = 4;
    expect_errno(event_channel_op(EVTCHNOP_init_control, &op), -EINVAL, "a block that is not aligned to 8");
    op.offset = 64;
    op.control_gfn = 0;
    expect_errno(event_channel_op(EVTCHNOP_init_control, &op), -EINVAL, "a frame that is not the domain's");
    op.control_gfn = mfn_of((void *)start_info->pt_base);
    expect_errno(event_channel_op(EVTCHNOP_init_control, &op), -EINVAL, "a page table");
    expect_errno(event_channel_op(EVTCHNOP_init_control, UNMAPPED), -EFAULT, "unmapped structure");
    op.control_gfn = mfn_of(control_page);
    expect_success(event_channel_op(EVTCHNOP_init_control, &op), "vCPU 0's block");
    expect_equal(op.link_bits, 17, "bits of a link");
    expect_errno(event_channel_op(EVTCHNOP_init_control, &op), -EINVAL, "a second block for a vCPU");
    op.vcpu = 1;
    op.offset = 512;
    expect_success(event_channel_op(EVTCHNOP_init_control, &op), "vCPU 1's block, in the same page");
}

static void expand_array(void)
{
    struct evtchn_expand_array op = {.array_gfn = 0};
    evtchn_port_t port = ipi();

    send_to(port);
    expect_errno(event_channel_op(EVTCHNOP_expand_array, &op), -EINVAL, "a frame that is not the domain's");
    op.array_gfn = mfn_of((void *)start_info->pt_base);
    expect_errno(event_channel_op(EVTCHNOP_expand_array, &op), -EINVAL, "a page table");
    expect_errno(event_channel_op(EVTCHNOP_expand_array, UNMAPPED), -EFAULT, "unmapped structure");
    op.array_gfn = mfn_of(array_page);
    expect_success(event_channel_op(EVTCHNOP_expand_array, &op), "words of ports 0 to 1023");
    expect_true(words[port] & EVTCHN_FIFO_PENDING, "an event that waited for its word is delivered");
    expect_true(words[port] & EVTCHN_FIFO_LINKED, "and linked");
    expect_equal(control->ready, 1u << EVTCHN_FIFO_PRIORITY_DEFAULT, "ready queues");

    evtchn_port_t second = ipi();
    consume();
    send_to(port);
    send_to(second);
    expect_equal(control->head[EVTCHN_FIFO_PRIORITY_DEFAULT], port, "head of the default queue");
    expect_equal(words[port] & EVTCHN_FIFO_LINK_MASK, second, "the first links to the second");
    consume();
    words[port] = EVTCHN_FIFO_MASKED;
    send_to(port);
    expect_equal(words[port] & (EVTCHN_FIFO_PENDING | EVTCHN_FIFO_LINKED), EVTCHN_FIFO_PENDING,
                 "a masked port is pending but not linked");
    struct evtchn_unmask unmask = {port};
    expect_success(event_channel_op(EVTCHNOP_unmask, &unmask), "a pending port");
    expect_true(words[port] & EVTCHN_FIFO_LINKED, "unmasking links it");
    expect_true(!(words[port] & EVTCHN_FIFO_MASKED), "and clears the mask");
}

static void set_priority(void)
{
    struct evtchn_set_priority op = {.port = ipi(), .priority = EVTCHN_FIFO_PRIORITY_MAX};

    expect_success(event_channel_op(EVTCHNOP_set_priority, &op), "the highest");
    consume();
    send_to(op.port);
    expect_true(control->ready & 1, "its queue is ready");
    expect_equal(control->head[0], op.port, "its head");
    op.priority = EVTCHN_FIFO_PRIORITY_MIN + 1;
    expect_errno(event_channel_op(EVTCHNOP_set_priority, &op), -EINVAL, "one below the lowest");
    op.priority = 0;
    op.port = 1000;
    expect_errno(event_channel_op(EVTCHNOP_set_priority, &op), -EINVAL, "a port that never existed");
    op.port = 0;
    expect_errno(event_channel_op(EVTCHNOP_set_priority, &op), -EACCES, "port 0 exists but is not usable");
    expect_errno(event_channel_op(EVTCHNOP_set_priority, UNMAPPED), -EFAULT, "unmapped structure");
}

/* Closes every port of the domain, the console's too: what is printed from here on is seen by the ring alone. */
static void reset(void)
{
    struct evtchn_reset op = {.dom = DOMID_SELF};
    struct evtchn_alloc_unbound port = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct evtchn_send send = {start_info->console_evtchn};
    struct evtchn_expand_array expand = {.array_gfn = mfn_of(other_page)};

    expect_success(event_channel_op(EVTCHNOP_reset, &op), "the domain itself");
    expect_errno(event_channel_op(EVTCHNOP_send, &send), -EINVAL, "the console's port is closed as well");
    expect_errno(event_channel_op(EVTCHNOP_expand_array, &expand), -EOPNOTSUPP, "the two-level ABI is back");
    expect_success(event_channel_op(EVTCHNOP_alloc_unbound, &port), "ports can be had again");
    expect_equal(port.port, 1, "from the lowest");
}

TEST("event-channel-op/fifo",
     {"EVTCHNOP_expand_array", before},
     {"EVTCHNOP_init_control", init_control},
     {"EVTCHNOP_expand_array", expand_array},
     {"EVTCHNOP_set_priority", set_priority},
     {"EVTCHNOP_reset", reset});
