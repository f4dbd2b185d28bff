/* Xen 2.0: traps, page tables of two levels, time and event channels. */
#include "xen-2.0.h"
#include "abi.h"
#include "events.h"
#include "memory.h"
#include "time.h"

#define TABLE_SHIFT 22
#define MACHINE_TO_PHYS 0xfc000000u

void trap_page_fault_2(void), upcall_entry_2_0(void);

static const struct start_info *start_info;
static volatile struct shared_info *const shared_info = (void *)shared_info_page;
static const struct event_words words = {
    .selector = (u32 *)(shared_info_page + __builtin_offsetof(struct shared_info, evtchn_pending_sel)),
    .pending = (u32 *)(shared_info_page + __builtin_offsetof(struct shared_info, evtchn_pending)),
    .mask = (u32 *)(shared_info_page + __builtin_offsetof(struct shared_info, evtchn_mask)),
};

/* The first argument is a page's number, which Xen 3 made its address. */
static long map_page(const void *page, u32 mfn, u32 flags)
{
    return hypercall(HYPERCALL_update_va_mapping, (u32)page / PAGE_SIZE, mfn << 12 | flags, UVMF_INVLPG);
}

static void init(const void *from)
{
    start_info = from;
    memory = (struct memory){
        .pages = start_info->nr_pages,
        .page_tables = start_info->nr_pt_frames,
        .page_table_base = start_info->pt_base,
        .phys_to_machine = (u32 *)start_info->mfn_list,
        .machine_to_phys = (const u32 *)MACHINE_TO_PHYS,
        .command_line = start_info->cmd_line,
    };
    map_page(shared_info_page, start_info->shared_info >> 12, PTE_READ_WRITE);
}

static long set_callbacks(void (*event)(void), void (*failsafe)(void))
{
    u32 code;

    __asm__("mov %%cs, %0" : "=r"(code));
    return hypercall(HYPERCALL_set_callbacks, code, event, code, failsafe);
}

static void shutdown(enum reason reason)
{
    hypercall(HYPERCALL_sched_op, SCHEDOP_shutdown | reason << 8);
}

/* There is one upper table: the page directory. */
static void *upper_table(u32 address)
{
    (void)address;
    return (void *)memory.page_table_base;
}

static long set_entry(void *table, u32 index, u32 mfn, u32 flags)
{
    struct mmu_update update = {
        .ptr = (mfn_of(table) << 12) + index * sizeof(u32) + MMU_NORMAL_PT_UPDATE,
        .val = mfn << 12 | flags,
    };

    return hypercall(HYPERCALL_mmu_update, &update, 1, NULL);
}

/* A frame leaves the domain: first its mapping, then the frame itself. */
void frame_2_0_give(void *page)
{
    u32 mfn = mfn_of(page);

    map_page(page, 0, 0);
    hypercall(HYPERCALL_dom_mem_op, MEMOP_decrease_reservation, &mfn, 1, 0, DOMID_SELF);
}

/* A frame that somebody gave to the domain gets a place in both tables, its own and Xen's, and is mapped. */
void frame_2_0_take(void *page, u32 mfn)
{
    u32 pfn = ((u32)page - VIRT_BASE) / PAGE_SIZE;
    struct mmu_update update = {.ptr = mfn << 12 | MMU_MACHPHYS_UPDATE, .val = pfn};

    memory.phys_to_machine[pfn] = mfn;
    hypercall(HYPERCALL_mmu_update, &update, 1, NULL);
    map_page(page, mfn, PTE_READ_WRITE);
}

/* What the counter says beyond the stamp is little: Xen renews both each time the domain gets to run. */
static u64 now(void)
{
    u32 version;
    u64 frequency, result;

    do {
        version = shared_info->time_version2;
        barrier();
        u64 ticks = (read_time_stamp() - shared_info->tsc_timestamp) * 1000000;
        frequency = shared_info->cpu_freq;
        divide(&frequency, 1000);
        divide(&ticks, (u32)frequency);
        result = shared_info->system_time + ticks;
        barrier();
    } while (version != shared_info->time_version1);
    return result;
}

/* High word first, which Xen 3 turned around. */
static void set_timer(u64 time)
{
    hypercall(HYPERCALL_set_timer_op, (u32)(time >> 32), (u32)time);
}

static void timer_init(void)
{
    struct evtchn_op op = {.cmd = EVTCHNOP_bind_virq, .bind_virq.virq = VIRQ_TIMER};

    hypercall(HYPERCALL_event_channel_op, &op);
    channel_2_0_bind(op.bind_virq.port, "timer", timer_event);
}

void channel_2_0_bind(u32 port, const char *name, void (*handler)(void))
{
    event_bind(port, name, handler);
    channel_unmask(&words, port);
}

void channel_2_0_notify(u32 port)
{
    struct evtchn_op op = {.cmd = EVTCHNOP_send, .send.local_port = port};

    hypercall(HYPERCALL_event_channel_op, &op);
}

u32 controller_port(void)
{
    return start_info->domain_controller_evtchn;
}

static void force_callback(void)
{
    hypercall(HYPERCALL_xen_version);
}

static void events_on(void)
{
    channels_on(force_callback);
}

static void block(void)
{
    hypercall(HYPERCALL_sched_op, SCHEDOP_block);
}

static void take_events(void)
{
    channels_take(&words);
}

static void describe_port(u32 port, char *text, u32 size)
{
    struct evtchn_op op = {.cmd = EVTCHNOP_status, .status = {.dom = DOMID_SELF, .port = port}};

    hypercall(HYPERCALL_event_channel_op, &op);
    if (op.status.status == EVTCHNSTAT_interdomain)
        format(text, size, "domain %u port %u", op.status.interdomain.dom, op.status.interdomain.port);
    else if (op.status.status == EVTCHNSTAT_virq)
        format(text, size, "virtual interrupt %u", op.status.virq);
    else
        format(text, size, "status %u", op.status.status);
}

const struct abi xen_2_0 = {
    .name = "Xen 2.0",
    .init = init,
    .page_fault_entry = trap_page_fault_2,
    .upcall_entry = upcall_entry_2_0,
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
    .events_off = channels_off,
    .block = block,
    .take_events = take_events,
    .describe_port = describe_port,
    .console_init = control_init,
    .console_write = control_write,
    .console_read = control_read,
    .devices_init = control_devices_init,
    .work = control_work,
    .disk_transfer = blkif_transfer,
    .net_send = netif_send,
};
