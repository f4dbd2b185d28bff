/*
 * mmuext_op for another domain that exists, and on its frames.
 *
 * machine: domains=2
 */
#include "pair.h"

static char page[4096] PAGE_ALIGNED, own[4096] PAGE_ALIGNED;

static void foreign(void)
{
    struct mmuext_op op = {.cmd = MMUEXT_CLEAR_PAGE};

    pair_connect();
    memset(page, 'p', sizeof page);
    told->words[0] = (u32)mfn_of(page);
    told->words[1] = (u32)mfn_of((void *)start_info->pt_base);
    meet();
    op.arg1 = heard->words[0];
    expect_errno(mmuext_op(&op, 1, NULL, peer_domid()), -EPERM, "clearing its page");
    expect_errno(mmuext_op(&op, 1, NULL, DOMID_SELF), -EINVAL, "as if it were the own");
    op = (struct mmuext_op){.cmd = MMUEXT_COPY_PAGE, .arg1 = mfn_of(own), .arg2 = heard->words[0]};
    expect_errno(mmuext_op(&op, 1, NULL, DOMID_SELF), -EINVAL, "copying from its page");
    op = (struct mmuext_op){.cmd = MMUEXT_UNPIN_TABLE, .arg1 = heard->words[1]};
    expect_errno(mmuext_op(&op, 1, NULL, peer_domid()), -EPERM, "unpinning its root");
    expect_errno(mmuext_op(&op, 1, NULL, DOMID_SELF), -EINVAL, "as if it were the own");
    op = (struct mmuext_op){.cmd = MMUEXT_NEW_BASEPTR, .arg1 = heard->words[1]};
    expect_errno(mmuext_op(&op, 1, NULL, DOMID_SELF), -EINVAL, "its root as the own");
    op = (struct mmuext_op){.cmd = MMUEXT_TLB_FLUSH_LOCAL};
    expect_errno(mmuext_op(&op, 1, NULL, peer_domid()), -EPERM, "a flush for it");
    meet();
    expect_equal(((volatile char *)page)[0], 'p', "nor did the other change ours");
    pair_disconnect();
}

TEST("mmuext-op/pair",
     {"MMUEXT_CLEAR_PAGE", foreign});
