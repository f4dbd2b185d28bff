/* Boots, runs the test that the command line names, prints its verdict, and powers off. */
#include "test.h"

extern char shared_info_page[];

struct start_info *start_info;
struct shared_info *shared_info;
char read_only_page[4096] PAGE_ALIGNED;

void power_off(void)
{
    struct sched_shutdown shutdown = {SHUTDOWN_poweroff};

    for (;;)
        sched_op(SCHEDOP_shutdown, &shutdown);
}

domid_t own_domid(void)
{
    return (domid_t)numeric_argument("domid", 1);
}

domid_t peer_domid(void)
{
    return (domid_t)numeric_argument("peer", 2);
}

int is_second(void)
{
    return own_domid() > peer_domid();
}

void kernel_main(void)
{
    if (update_va_mapping(shared_info_page, (u64)start_info->shared_info | PTE_FLAGS_RW, UVMF_INVLPG))
        power_off();
    shared_info = (struct shared_info *)shared_info_page;
    console_init();
    traps_init();
    protect_page(read_only_page);
    run_test(argument("test"));
    power_off();
}
