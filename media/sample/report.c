/* A summary of the domain. */
#include "report.h"
#include "abi.h"
#include "disk.h"
#include "memory.h"
#include "network.h"
#include "time.h"
#include "traps.h"

void report(printer *print)
{
    u64 milliseconds = abi->now();

    divide(&milliseconds, MILLISECOND);
    print("%s: pages %u, page tables %u frames from 0x%x\n", abi->name, memory.pages, memory.page_tables, memory.page_table_base);
    if (disk.sectors)
        print("disk: %llu sectors%s\n", disk.sectors, disk.read_only ? ", read-only" : "");
    else
        print("disk: none\n");
    report_network(print);
    print("up %llu ms, %u ticks, %u traps\n", milliseconds, ticks(), traps_taken());
}
