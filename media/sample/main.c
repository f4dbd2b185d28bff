/*
 * A kernel to look at: one image that boots on Xen 1.2, Xen 2.0 and Xen 4. It prints on its console, takes traps and
 * timer events, reads and writes a disk, answers pings and serves a page by HTTP, and obeys commands that each show
 * something in the debugger. Set a breakpoint on hypercall:update_va_mapping and type `refuse`.
 */
#include "abi.h"
#include "commands.h"
#include "events.h"
#include "hypercall.h"
#include "memory.h"
#include "network.h"
#include "print.h"
#include "time.h"
#include "traps.h"

const struct abi *abi;
struct memory memory;

/*
 * Hypercall 17 without arguments is xen_version on Xen 2.0 and 4: major number above minor number. On Xen 1.2, which
 * cannot be asked, it is a multicall of no calls: 0.
 */
static u32 find_version(void)
{
    u32 version = (u32)hypercall(17);

    if (version >> 16 >= 3)
        abi = &xen_4;
    else if (version >> 16 == 2)
        abi = &xen_2_0;
    else {
        abi = &xen_1_2;
        version = 0x10002;
    }
    return version;
}

/* A line of text from the console, with the usual keys. */
static void take_key(int key)
{
    static char line[80];
    static u32 length;

    if (key == '\r' || key == '\n') {
        print("\n");
        line[length] = 0;
        if (length)
            obey(line);
        length = 0;
        print("sample> ");
    } else if ((key == 127 || key == '\b') && length) {
        length--;
        print("\b \b");
    } else if (key >= ' ' && key < 127 && length < sizeof line - 1) {
        line[length++] = (char)key;
        print("%c", key);
    }
}

void main(const void *start_info)
{
    u32 version = find_version();
    int key;

    abi->init(start_info);
    abi->console_init();
    print("Xenoscope sample: hello from a paravirtualised domain on Xen %u.%u\n", version >> 16, version & 0xffff);
    traps_init();
    time_init();
    abi->events_on();
    network_init();
    abi->devices_init();
    run_commands(memory.command_line);
    print("sample> ");
    for (;;) {
        WAIT_UNTIL((key = abi->console_read()) >= 0 || work_waits());
        abi->work();
        if (key >= 0)
            take_key(key);
    }
}
