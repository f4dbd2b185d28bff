/*
 * event_channel_op: channels that both ends open towards each other (common/event_channel.c); a number is given by no
 * call, but found: the first that was closed.
 */
#include "test.h"

static u32 first_closed(void)
{
    u32 id = 0;

    while (event_channel_op(EVTCHNOP_status, id) != EVTCHNSTAT_closed)
        id++;
    return id;
}

static void open(void)
{
    u32 id = first_closed();

    expect_success(event_channel_op(EVTCHNOP_open, 77), "towards a domain that need not exist");
    expect_result(event_channel_op(EVTCHNOP_status, id), EVTCHNSTAT_disconnected, "its state");
    expect_errno(event_channel_op(EVTCHNOP_open, 77), -EEXIST, "twice");
    expect_success(event_channel_op(EVTCHNOP_close, id), "closed");
    expect_success(event_channel_op(EVTCHNOP_open, 77), "again");
    expect_success(event_channel_op(EVTCHNOP_close, id), "closed");
}

static void close(void)
{
    expect_errno(event_channel_op(EVTCHNOP_close, first_closed()), -EINVAL, "a closed one");
    expect_errno(event_channel_op(EVTCHNOP_close, 5000), -EINVAL, "beyond the table");
}

static void send(void)
{
    u32 id = first_closed();

    expect_errno(event_channel_op(EVTCHNOP_send, id), -EINVAL, "a closed one");
    expect_success(event_channel_op(EVTCHNOP_open, 77), "opened");
    expect_errno(event_channel_op(EVTCHNOP_send, id), -EINVAL, "one that nobody has answered");
    expect_errno(event_channel_op(EVTCHNOP_send, 5000), -EINVAL, "beyond the table");
    expect_success(event_channel_op(EVTCHNOP_close, id), "closed");
}

static void status(void)
{
    expect_result(event_channel_op(EVTCHNOP_status, first_closed()), EVTCHNSTAT_closed, "a closed one");
    expect_result(event_channel_op(EVTCHNOP_status, 5000), EVTCHNSTAT_closed, "beyond the table");
}

static void unknown(void)
{
    expect_errno(event_channel_op(4, 0), -ENOSYS, "a command that does not exist");
}

TEST("event-channel-op", {"EVTCHNOP_open", open}, {"EVTCHNOP_close", close}, {"EVTCHNOP_send", send},
     {"EVTCHNOP_status", status}, {"event_channel_op", unknown});
