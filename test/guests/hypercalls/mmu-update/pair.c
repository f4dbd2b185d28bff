/*
 * mmu_update for another domain that exists: its frames and its tables are out of reach.
 *
 * machine: domains=2
 */
#include "pair.h"

static char page[4096] PAGE_ALIGNED;

static void foreign(void)
{
    struct mmu_update request;

    pair_connect();
    told->words[0] = (u32)mfn_of(page);
    meet();
    request = (struct mmu_update){machine_address_of_entry(page, 1), make_pte_mfn(heard->words[0], PTE_FLAGS_RW)};
    expect_errno(mmu_update(&request, 1, NULL, peer_domid()), -EPERM, "mapping its frame");
    expect_errno(mmu_update(&request, 1, NULL, DOMID_SELF), -EBUSY, "mapping its frame as if it were the own");
    request = (struct mmu_update){(u64)heard->words[0] << 12 | MMU_MACHPHYS_UPDATE, 1};
    expect_errno(mmu_update(&request, 1, NULL, peer_domid()), -EPERM, "its frame in the machine-to-physical table");
    expect_errno(mmu_update(&request, 1, NULL, DOMID_SELF), -EINVAL, "as if it were the own");
    request = (struct mmu_update){(u64)heard->words[0] << 12, 0};
    expect_errno(mmu_update(&request, 1, NULL, (peer_domid() + 1u) << 16 | DOMID_SELF), -EPERM, "its tables");
    expect_errno(mmu_update(&request, 1, NULL, DOMID_SELF), -EINVAL, "writing its frame");
    expect_equal(try_write(page), NO_TRAP, "the own page is as it was");
    meet();
    expect_equal(machine_to_phys(mfn_of(page)), pfn_of(page), "nor did the other change ours");
    pair_disconnect();
}

TEST("mmu-update/pair", {"mmu_update", foreign});
