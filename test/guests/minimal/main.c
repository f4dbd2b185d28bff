/*
 * A kernel to look at: it boots on Xen 4, prints on its console, takes timer events, and obeys one-word commands that
 * each show something in the debugger. Set a breakpoint on hypercall:update_va_mapping and type `refuse`.
 */
#include "sample.h"

struct start_info *start_info;
struct shared_info *shared_info;
extern char shared_info_page[], spare_page[];
long read_word(const u64 *address);

static void shutdown(u32 reason)
{
    hypercall(HYPERCALL_sched_op, SCHEDOP_shutdown, (u64)&reason, 0, 0);
}

static void info(void)
{
    print("pages ");
    print_number(start_info->nr_pages, 10);
    print(", page tables ");
    print_number(start_info->nr_pt_frames, 10);
    print(" frames from ");
    print_number(start_info->pt_base, 16);
    print("\nconsole mfn ");
    print_number(start_info->console_mfn, 16);
    print(" port ");
    print_number(start_info->console_evtchn, 10);
    print(", xenstore mfn ");
    print_number(start_info->store_mfn, 16);
    print(" port ");
    print_number(start_info->store_evtchn, 10);
    print("\nup ");
    print_number(now() / 1000000, 10);
    print(" ms, ");
    print_number(ticks(), 10);
    print(" ticks, ");
    print_number(traps_taken(), 10);
    print(" traps\n");
}

/* A page fault that the trap handler survives. */
static void fault(void)
{
    long result = read_word((const u64 *)0x10);
    print("the load gave ");
    print_number(-result, 10);
    print(" (EFAULT), and the kernel lives\n");
}

/* Asks Xen for what it must not give: a writable mapping of a page table. The debugger shows the reason. */
static void refuse(void)
{
    u64 mfn = mfn_of_page((const void *)start_info->pt_base);
    long result = hypercall(HYPERCALL_update_va_mapping, (u64)spare_page, mfn << 12 | 7, UVMF_INVLPG, 0);
    print("Xen answered ");
    print_number(-result, 10);
    print("; the trace and the hypercall scope say why\n");
}

static const struct {
    const char *name;
    void (*run)(void);
    const char *what;
} commands[] = {
    {"info", info, "memory, rings, time"},
    {"fault", fault, "take a page fault and go on"},
    {"refuse", refuse, "make a hypercall that Xen refuses"},
};

static int same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static void obey(const char *line)
{
    for (u32 i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (same(line, commands[i].name)) {
            commands[i].run();
            return;
        }
    }
    if (same(line, "poweroff"))
        shutdown(SHUTDOWN_poweroff);
    if (same(line, "crash"))
        *(volatile int *)0xdead000 = 1;
    print("commands:");
    for (u32 i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        print("\n  ");
        print(commands[i].name);
        print(" - ");
        print(commands[i].what);
    }
    print("\n  crash, poweroff\n");
}

static void prompt(void)
{
    print("sample> ");
}

void main(void)
{
    static char line[80];
    u32 length = 0;

    hypercall(HYPERCALL_update_va_mapping, (u64)shared_info_page, start_info->shared_info | 7, UVMF_INVLPG, 0);
    shared_info = (struct shared_info *)shared_info_page;
    console_init();
    print("Xenoscope sample: hello from a paravirtualised domain on ");
    print(start_info->magic);
    print("\n");
    traps_init();
    time_init();
    u32 port = start_info->console_evtchn;
    __atomic_fetch_and(&shared_info->evtchn_mask[port / 64], ~(1UL << port % 64), __ATOMIC_SEQ_CST);
    shared_info->vcpu_info[0].evtchn_upcall_mask = 0;
    prompt();
    for (;;) {
        int c = console_read();
        if (c < 0) {
            hypercall(HYPERCALL_sched_op, SCHEDOP_block, 0, 0, 0);
            continue;
        }
        if (c == '\r' || c == '\n') {
            print("\n");
            line[length] = 0;
            if (length)
                obey(line);
            length = 0;
            prompt();
        } else if (c == 127 && length) {
            length--;
            print("\b \b");
        } else if (c >= ' ' && length < sizeof line - 1) {
            char echo[2] = {(char)c, 0};
            line[length++] = (char)c;
            print(echo);
        }
    }
}
