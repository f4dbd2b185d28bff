/*
 * update_va_mapping_otherdomain with the frames of another domain that exists.
 *
 * machine: domains=2
 */
#include "pair.h"

static char page[4096] PAGE_ALIGNED;

static void foreign(void)
{
    pair_connect();
    told->words[0] = (u32)mfn_of(page);
    meet();
    u64 entry = make_pte_mfn(heard->words[0], PTE_FLAGS_RO);
    expect_errno(update_va_mapping_otherdomain(page, entry, UVMF_INVLPG, peer_domid()), -EPERM, "its frame");
    expect_errno(update_va_mapping(page, entry, UVMF_INVLPG), -EBUSY, "its frame, as if it were the own");
    expect_equal(try_write(page), NO_TRAP, "the own mapping is as it was");
    pair_disconnect();
}

TEST("update-va-mapping-otherdomain/pair", {"update_va_mapping_otherdomain", foreign});
