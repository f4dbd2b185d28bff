/* Boots, runs the test that the command line names, prints its verdict, and ends. */
#include "test.h"

extern char shared_info_page[];

struct start_info *start_info;
struct shared_info *shared_info;
char read_only_page[4096] PAGE_ALIGNED;

/* console_write takes 256 bytes, and ends each call's last line. */
void print(const char *text)
{
    u32 length = 0;

    while (text[length])
        length++;
    console_write(text, length);
}

void power_off(void)
{
    for (;;)
        sched_op(SCHEDOP_exit);
}

domid_t own_domid(void)
{
    return (domid_t)start_info->dom_id;
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
    if (update_va_mapping(page_number(shared_info_page), start_info->shared_info | PTE_FLAGS_RW, UVMF_INVLPG))
        power_off();
    shared_info = (struct shared_info *)shared_info_page;
    traps_restore();
    protect_page(read_only_page);
    run_test(argument("test"));
    power_off();
}
