/* Commands: a word each, on the console or on the kernel's command line. */
#include "commands.h"
#include "abi.h"
#include "disk.h"
#include "events.h"
#include "memory.h"
#include "network.h"
#include "print.h"
#include "report.h"
#include "time.h"
#include "traps.h"

static u8 spare_page[PAGE_SIZE] PAGE_ALIGNED;

static void info(const char *argument)
{
    (void)argument;
    report(print);
}

static void events(const char *argument)
{
    (void)argument;
    report_events(print);
}

static void paging(const char *argument)
{
    (void)argument;
    paging_demo();
}

/* A page fault that the trap handler survives. */
static void fault(const char *argument)
{
    u32 value;

    (void)argument;
    if (try_read((const u32 *)0x10, &value) != 0)
        print("the load gave no value, and the kernel lives\n");
}

/* Asks Xen for what it must not give: a writable mapping of a page table. The debugger shows the reason. */
static void refuse(const char *argument)
{
    u32 mfn = mfn_of((const void *)memory.page_table_base);
    long result = abi->map_page(spare_page, mfn, PTE_READ_WRITE);

    (void)argument;
    print("Xen answered %u; the trace and the hypercall scope say why\n", (u32)-result);
}

static void crash(const char *argument)
{
    (void)argument;
    *(volatile u32 *)0xdead000 = 1;
}

static void poweroff(const char *argument)
{
    (void)argument;
    abi->shutdown(REASON_poweroff);
}

static void reboot(const char *argument)
{
    (void)argument;
    abi->shutdown(REASON_reboot);
}

static const struct {
    const char *name;
    void (*run)(const char *argument);
    const char *what;
} commands[] = {
    {"info", info, "memory, time, disk, network"},
    {"events", events, "who takes which event, and how many came"},
    {"fault", fault, "take a page fault and go on"},
    {"refuse", refuse, "make a hypercall that Xen refuses"},
    {"paging", paging, "make a page table and map a page through it"},
    {"disk", disk_check, "write to the disk, read it again, put back what was there"},
    {"read", disk_read, "N: show sector N"},
    {"write", disk_write, "N TEXT: put text into sector N"},
    {"ping", ping, "ADDRESS: send three echo requests"},
    {"crash", crash, "write where nothing is"},
    {"reboot", reboot, "start again"},
    {"poweroff", poweroff, "end the domain"},
};

/* The length of the word that a line starts with. */
static u32 word_length(const char *line)
{
    u32 length = 0;

    while (line[length] && line[length] != ' ')
        length++;
    return length;
}

void obey(const char *line)
{
    u32 length = word_length(line);

    for (u32 i = 0; i < LENGTH(commands); i++) {
        if (strlen(commands[i].name) != length || !starts_with(line, commands[i].name))
            continue;
        commands[i].run(line[length] ? line + length + 1 : "");
        return;
    }
    print("commands:\n");
    for (u32 i = 0; i < LENGTH(commands); i++)
        print("  %s - %s\n", commands[i].name, commands[i].what);
}

const char *argument(const char *command_line, const char *name)
{
    u32 length = strlen(name);

    for (const char *at = command_line; *at; at += word_length(at)) {
        while (*at == ' ')
            at++;
        if (starts_with(at, name) && at[length] == '=')
            return at + length + 1;
    }
    return NULL;
}

/* A comma ends a command; "+" stands for a space. */
void run_commands(const char *command_line)
{
    const char *list = argument(command_line, "run");
    char line[80];
    u32 length = 0;

    for (; list; list++) {
        int last = !*list || *list == ' ';
        if (!last && *list != ',') {
            if (length < sizeof line - 1)
                line[length++] = *list == '+' ? ' ' : *list;
            continue;
        }
        line[length] = 0;
        length = 0;
        if (line[0]) {
            print("sample> %s\n", line);
            obey(line);
        }
        if (last)
            return;
    }
}

static volatile int work;

void request_work(void)
{
    work = 1;
}

int work_waits(void)
{
    int waits = work;

    work = 0;
    return waits;
}
