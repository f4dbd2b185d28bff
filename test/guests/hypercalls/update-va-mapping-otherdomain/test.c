/* update_va_mapping_otherdomain: as update_va_mapping, to a frame of another domain; for dom0 (arch/x86/mm.c). */
#include "test.h"

static char page[4096] PAGE_ALIGNED;

static void other_domain(void)
{
    u64 entry = make_pte(page, PTE_FLAGS_RW);

    expect_success(update_va_mapping_otherdomain(page, entry, UVMF_INVLPG, DOMID_SELF), "the domain itself");
    expect_errno(update_va_mapping_otherdomain(page, entry, UVMF_INVLPG, own_domid()), -ESRCH,
                 "by its own number: that would not be foreign");
    expect_errno(update_va_mapping_otherdomain(page, entry, UVMF_INVLPG, 77), -ESRCH, "a domain that does not exist");
    expect_errno(update_va_mapping_otherdomain(page, entry, UVMF_INVLPG, 0), -EPERM, "dom0");
    expect_errno(update_va_mapping_otherdomain(page, entry, UVMF_INVLPG, DOMID_INVALID), -ESRCH, "no domain at all");
    expect_equal(try_write(page), NO_TRAP, "the mapping is as it was");
}

TEST("update-va-mapping-otherdomain", {"update_va_mapping_otherdomain", other_domain});
