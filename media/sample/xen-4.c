/* Xen 4: traps, page tables of three levels, time and event channels. */
#include "xen-4.h"
#include "abi.h"
#include "events.h"
#include "memory.h"
#include "time.h"

#define TABLE_SHIFT 21
#define DIRECTORY_SHIFT 30 /* of an entry in the top page: a GiB each */

void trap_page_fault_4(void), upcall_entry_4(void);

const struct start_info *start_info;
static volatile struct shared_info *const shared_info = (void *)shared_info_page;
static const struct event_words words = {
    .selector = (u32 *)(shared_info_page + __builtin_offsetof(struct shared_info, vcpu_info[0].evtchn_pending_sel)),
    .pending = (u32 *)(shared_info_page + __builtin_offsetof(struct shared_info, evtchn_pending)),
    .mask = (u32 *)(shared_info_page + __builtin_offsetof(struct shared_info, evtchn_mask)),
};

/* An entry has 64 bits, which a hypercall takes in two registers. */
static long map_page(const void *page, u32 mfn, u32 flags)
{
    return hypercall(HYPERCALL_update_va_mapping, page, mfn << 12 | flags, mfn >> 20, UVMF_INVLPG);
}

static void init(const void *from)
{
    struct machphys_mapping mapping;

    start_info = from;
    hypercall(HYPERCALL_memory_op, XENMEM_machphys_mapping, &mapping);
    memory = (struct memory){
        .pages = start_info->nr_pages,
        .page_tables = start_info->nr_pt_frames,
        .page_table_base = start_info->pt_base,
        .phys_to_machine = (u32 *)start_info->mfn_list,
        .machine_to_phys = (const u32 *)mapping.v_start,
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
    u32 argument = reason;

    hypercall(HYPERCALL_sched_op, SCHEDOP_shutdown, &argument);
}

static void *upper_table(u32 address)
{
    const u64 *top = (const u64 *)memory.page_table_base;

    return page_of_mfn((u32)(top[address >> DIRECTORY_SHIFT] >> 12));
}

static long set_entry(void *table, u32 index, u32 mfn, u32 flags)
{
    struct mmu_update update = {
        .ptr = ((u64)mfn_of(table) << 12) + index * sizeof(u64),
        .val = (u64)mfn << 12 | flags,
    };

    return hypercall(HYPERCALL_mmu_update, &update, 1, NULL, DOMID_SELF);
}

/* The scale: nanoseconds are (ticks << shift) * mul / 2^32, counted from the stamp. */
static u64 now(void)
{
    const volatile struct vcpu_time_info *time = &shared_info->vcpu_info[0].time;
    u32 version, scale;
    u64 ticks, result;

    do {
        version = time->version;
        barrier();
        ticks = read_time_stamp() - time->tsc_timestamp;
        ticks = time->tsc_shift >= 0 ? ticks << time->tsc_shift : ticks >> -time->tsc_shift;
        scale = time->tsc_to_system_mul;
        result = time->system_time + ((ticks & 0xffffffff) * scale >> 32) + (ticks >> 32) * scale;
        barrier();
    } while ((version & 1) || version != time->version);
    return result;
}

static void set_timer(u64 time)
{
    hypercall(HYPERCALL_set_timer_op, (u32)time, (u32)(time >> 32));
}

static void timer_init(void)
{
    struct evtchn_bind_virq bind = {.virq = VIRQ_TIMER, .vcpu = 0};

    hypercall(HYPERCALL_event_channel_op, EVTCHNOP_bind_virq, &bind);
    channel_bind(bind.port, "timer", timer_event);
}

void channel_bind(u32 port, const char *name, void (*handler)(void))
{
    event_bind(port, name, handler);
    channel_unmask(&words, port);
}

u32 channel_open(u16 domain, const char *name, void (*handler)(void))
{
    struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = domain};

    hypercall(HYPERCALL_event_channel_op, EVTCHNOP_alloc_unbound, &alloc);
    channel_bind(alloc.port, name, handler);
    return alloc.port;
}

void channel_close(u32 port)
{
    hypercall(HYPERCALL_event_channel_op, EVTCHNOP_close, &port);
    event_unbind(port);
}

void channel_notify(u32 port)
{
    hypercall(HYPERCALL_event_channel_op, EVTCHNOP_send, &port);
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
    struct evtchn_status status = {.dom = DOMID_SELF, .port = port};

    hypercall(HYPERCALL_event_channel_op, EVTCHNOP_status, &status);
    if (status.status == EVTCHNSTAT_interdomain)
        format(text, size, "domain %u port %u", status.interdomain.dom, status.interdomain.port);
    else if (status.status == EVTCHNSTAT_virq)
        format(text, size, "virtual interrupt %u", status.virq);
    else
        format(text, size, "status %u", status.status);
}

const struct abi xen_4 = {
    .name = "Xen 4",
    .init = init,
    .page_fault_entry = trap_page_fault_4,
    .upcall_entry = upcall_entry_4,
    .set_callbacks = set_callbacks,
    .shutdown = shutdown,
    .entry_bytes = sizeof(u64),
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
    .console_init = console_4_init,
    .console_write = console_4_write,
    .console_read = console_4_read,
    .devices_init = devices_4_init,
    .work = xenstore_work,
    .disk_transfer = blkfront_transfer,
    .net_send = netfront_send,
};
