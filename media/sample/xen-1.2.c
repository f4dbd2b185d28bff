/* Xen 1.2: traps, page tables of two levels, eight events, a console that can only be written to. */
#include "xen-1.2.h"
#include "abi.h"
#include "commands.h"
#include "events.h"
#include "memory.h"
#include "time.h"

#define TABLE_SHIFT 22
#define DIRECTORY_ENTRIES 1008 /* Xen has the others */
#define MACHINE_TO_PHYS 0xfc000000u

void trap_page_fault_2(void), upcall_entry_1_2(void);
extern u8 image_end[]; /* link.ld */

volatile struct shared_info *const shared_info_1_2 = (void *)shared_info_page;
static const struct start_info *start_info;
static u32 enabled;
static volatile int asked;

static long map_page(const void *page, u32 mfn, u32 flags)
{
    return hypercall(HYPERCALL_update_va_mapping, (u32)page / PAGE_SIZE, mfn << 12 | flags, UVMF_INVLPG);
}

u32 *entry_of_page(const void *page)
{
    const u32 *directory = (const u32 *)memory.page_table_base;
    u32 *table = page_of_mfn(directory[(u32)page >> TABLE_SHIFT] >> 12);

    return &table[(u32)page >> 12 & 1023];
}

/*
 * Nobody tells which frames the domain has. But all of them are mapped, one behind the other: the table is made from the
 * page tables, in the memory behind the kernel and its module.
 */
static void find_memory(void)
{
    u32 free = start_info->mod_len ? start_info->mod_start + start_info->mod_len : (u32)image_end;
    const u32 *directory = (const u32 *)start_info->pt_base;

    memory = (struct memory){
        .pages = start_info->nr_pages,
        .page_tables = 1,
        .page_table_base = start_info->pt_base,
        .phys_to_machine = (u32 *)((free + PAGE_SIZE - 1) & -PAGE_SIZE),
        .machine_to_phys = (const u32 *)MACHINE_TO_PHYS,
        .command_line = start_info->cmd_line,
    };
    for (u32 i = 0; i < DIRECTORY_ENTRIES; i++)
        memory.page_tables += directory[i] & PTE_PRESENT;
    for (u32 pfn = 0; pfn < memory.pages; pfn++)
        memory.phys_to_machine[pfn] = *entry_of_page((void *)(VIRT_BASE + pfn * PAGE_SIZE)) >> 12;
}

static void init(const void *from)
{
    start_info = from;
    find_memory();
    map_page(shared_info_page, start_info->shared_info >> 12, PTE_READ_WRITE);
}

static long set_callbacks(void (*event)(void), void (*failsafe)(void))
{
    u32 code;

    __asm__("mov %%cs, %0" : "=r"(code));
    return hypercall(HYPERCALL_set_callbacks, code, event, code, failsafe);
}

/* There are no reasons: a domain that exits is gone. */
static void shutdown(enum reason reason)
{
    (void)reason;
    hypercall(HYPERCALL_sched_op, SCHEDOP_exit);
}

static void *upper_table(u32 address)
{
    (void)address;
    return (void *)memory.page_table_base;
}

static long set_entry(void *table, u32 index, u32 mfn, u32 flags)
{
    struct mmu_update update = {
        .ptr = (u32)table + index * sizeof(u32) + MMU_NORMAL_PT_UPDATE,
        .val = mfn << 12 | flags,
    };

    return hypercall(HYPERCALL_mmu_update, &update, 1);
}

void frame_1_2_changed(const void *page)
{
    u32 pfn = ((u32)page - VIRT_BASE) / PAGE_SIZE;
    u32 mfn = *entry_of_page(page) >> 12;
    struct mmu_update update = {.ptr = mfn << 12 | MMU_MACHPHYS_UPDATE, .val = pfn};

    memory.phys_to_machine[pfn] = mfn;
    hypercall(HYPERCALL_mmu_update, &update, 1);
}

static u64 now(void)
{
    u32 version;
    u64 frequency, result;

    do {
        version = shared_info_1_2->time_version2;
        barrier();
        u32 shift = shared_info_1_2->rdtsc_bitshift;
        u32 units = (u32)(read_time_stamp() >> shift) - shared_info_1_2->tsc_timestamp;
        u64 ticks = ((u64)units << shift) * 1000000;
        frequency = shared_info_1_2->cpu_freq;
        divide(&frequency, 1000);
        divide(&ticks, (u32)frequency);
        result = shared_info_1_2->system_time + ticks;
        barrier();
    } while (version != shared_info_1_2->time_version1);
    return result;
}

/* The timer's event comes every 20 ms, like it or not. */
static void set_timer(u64 time)
{
    (void)time;
}

static void timer_init(void)
{
    event_1_2_enable(EVENT_TIMER, "timer", timer_event);
}

void event_1_2_enable(u32 event, const char *name, void (*handler)(void))
{
    event_bind(event, name, handler);
    enabled |= 1u << event;
    __atomic_fetch_or(&shared_info_1_2->events_mask, 1u << event, __ATOMIC_SEQ_CST);
}

static void events_off(void)
{
    __atomic_fetch_and(&shared_info_1_2->events_mask, ~(1u << EVENTS_ON), __ATOMIC_SEQ_CST);
}

/* A multicall of no calls: Xen looks for events on the way back. */
static void events_on(void)
{
    __atomic_fetch_or(&shared_info_1_2->events_mask, 1u << EVENTS_ON, __ATOMIC_SEQ_CST);
    if (shared_info_1_2->events & enabled)
        hypercall(HYPERCALL_multicall, NULL, 0);
}

/* An event just before the call would be taken and the sleep begin all the same: until the next timer event. */
static void block(void)
{
    int waits = !(shared_info_1_2->events & enabled);

    events_on();
    if (waits)
        hypercall(HYPERCALL_sched_op, SCHEDOP_yield);
}

/* Xen took the permission for each event that it delivered: it is given again. */
static void take_events(void)
{
    u32 events;

    while ((events = __atomic_exchange_n(&shared_info_1_2->events, 0, __ATOMIC_SEQ_CST)) != 0) {
        for (; events; events &= events - 1)
            event((u32)__builtin_ctz(events));
        __atomic_fetch_or(&shared_info_1_2->events_mask, enabled, __ATOMIC_SEQ_CST);
    }
}

static void describe_port(u32 port, char *text, u32 size)
{
    format(text, size, "event %u of Xen", port);
}

static void console_init(void)
{
}

static void console_write(const char *text, u32 length)
{
    hypercall(HYPERCALL_console_write, text, length);
}

static int console_read(void)
{
    return -1;
}

static void die_event(void)
{
    asked = 1;
    request_work();
}

static void devices_init(void)
{
    event_1_2_enable(EVENT_DIE, "shutdown", die_event);
    block_1_2_init();
    network_1_2_init();
}

static void work(void)
{
    if (!asked)
        return;
    print("the toolstack asks for a poweroff\n");
    abi->shutdown(REASON_poweroff);
}

const struct abi xen_1_2 = {
    .name = "Xen 1.2",
    .init = init,
    .page_fault_entry = trap_page_fault_2,
    .upcall_entry = upcall_entry_1_2,
    .set_callbacks = set_callbacks,
    .shutdown = shutdown,
    .entry_bytes = sizeof(u32),
    .table_shift = TABLE_SHIFT,
    .upper_table = upper_table,
    .set_entry = set_entry,
    .map_page = map_page,
    .now = now,
    .timer_init = timer_init,
    .set_timer = set_timer,
    .events_on = events_on,
    .events_off = events_off,
    .block = block,
    .take_events = take_events,
    .describe_port = describe_port,
    .console_init = console_init,
    .console_write = console_write,
    .console_read = console_read,
    .devices_init = devices_init,
    .work = work,
    .disk_transfer = block_1_2_transfer,
    .net_send = network_1_2_send,
};
