/*
 * vcpu_op: virtual CPUs, their timers and shared areas (common/domain.c, arch/x86/domain.c).
 *
 * machine: vcpus=3
 */
#include "test.h"

#define MS 1000000ull
#define NO_VCPU 3

static struct vcpu_guest_context context;
static char second_stack[4096] PAGE_ALIGNED, info_page[4096] PAGE_ALIGNED;
static volatile u32 second_ran;

/* What vCPU 1 does: one thing, then it takes itself down, again and again. */
static void second_main(void)
{
    for (;;) {
        second_ran++;
        vcpu_op(VCPUOP_down, 1, NULL);
    }
}

static void initialise(void)
{
    expect_errno(vcpu_op(VCPUOP_up, 1, NULL), -EINVAL, "up, without a context");
    expect_errno(vcpu_op(VCPUOP_initialise, 1, UNMAPPED), -EFAULT, "unmapped context");
    expect_errno(vcpu_op(VCPUOP_initialise, NO_VCPU, &context), -ENOENT, "a vCPU that does not exist");
    context.flags = VGCF_in_kernel;
#ifdef __x86_64__
    context.user_regs.rip = (ulong)second_main;
    context.user_regs.rsp = (ulong)second_stack + sizeof second_stack - 8;
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.rflags = 0x200;
    context.ctrlreg[3] = (u64)mfn_of((void *)start_info->pt_base) << 12;
#else
    context.user_regs.eip = (ulong)second_main;
    context.user_regs.esp = (ulong)second_stack + sizeof second_stack - 4;
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.ds = context.user_regs.es = FLAT_KERNEL_SS;
    context.user_regs.eflags = 0x200;
    ulong mfn = mfn_of((void *)start_info->pt_base);
    context.ctrlreg[3] = mfn << 12 | mfn >> 20;
#endif
    context.user_regs.ss = FLAT_KERNEL_SS;
    context.kernel_ss = FLAT_KERNEL_SS;
    context.kernel_sp = (ulong)second_stack + sizeof second_stack;
    expect_success(vcpu_op(VCPUOP_initialise, 1, &context), "a first context");
    expect_errno(vcpu_op(VCPUOP_initialise, 1, &context), -EEXIST, "a second one");
    expect_errno(vcpu_op(VCPUOP_initialise, 0, &context), -EEXIST, "of the vCPU that runs");
    context.ctrlreg[3] = 0;
    expect_errno(vcpu_op(VCPUOP_initialise, 2, &context), -EINVAL, "a root that is not the domain's");
    expect_errno(vcpu_op(VCPUOP_up, 2, NULL), -EINVAL, "which leaves it without a context");
}

static void up(void)
{
    expect_equal(second_ran, 0, "vCPU 1 did not run yet");
    expect_success(vcpu_op(VCPUOP_up, 1, NULL), "vCPU 1");
    wait_until(now() + MS);
    expect_equal(second_ran, 1, "it ran, until it took itself down");
    expect_success(vcpu_op(VCPUOP_up, 1, NULL), "again");
    wait_until(now() + MS);
    expect_equal(second_ran, 2, "it goes on where it was");
    expect_success(vcpu_op(VCPUOP_up, 0, NULL), "the vCPU that runs");
    expect_errno(vcpu_op(VCPUOP_up, NO_VCPU, NULL), -ENOENT, "a vCPU that does not exist");
    expect_errno(vcpu_op(VCPUOP_up, 0xffffffff, NULL), -ENOENT, "vCPU -1");
}

static void down(void)
{
    expect_success(vcpu_op(VCPUOP_down, 1, NULL), "a vCPU that is down");
    expect_success(vcpu_op(VCPUOP_down, 2, NULL), "one that was never up");
    expect_errno(vcpu_op(VCPUOP_down, NO_VCPU, NULL), -ENOENT, "a vCPU that does not exist");
}

static void is_up(void)
{
    expect_result(vcpu_op(VCPUOP_is_up, 0, NULL), 1, "the vCPU that runs");
    expect_result(vcpu_op(VCPUOP_is_up, 1, NULL), 0, "one that is down");
    expect_errno(vcpu_op(VCPUOP_is_up, NO_VCPU, NULL), -ENOENT, "a vCPU that does not exist");
}

static void get_runstate_info(void)
{
    struct vcpu_runstate_info info;

    expect_success(vcpu_op(VCPUOP_get_runstate_info, 0, &info), "the vCPU that runs");
    expect_equal(info.state, RUNSTATE_running, "it runs");
    expect_true(info.time[RUNSTATE_running] > 0 && info.time[RUNSTATE_blocked] >= MS, "it ran, and it slept before");
    expect_true(info.state_entry_time <= now(), "since some time");
    expect_success(vcpu_op(VCPUOP_get_runstate_info, 1, &info), "one that is down");
    expect_equal(info.state, RUNSTATE_offline, "it is offline");
    expect_errno(vcpu_op(VCPUOP_get_runstate_info, 0, UNMAPPED), -EFAULT, "unmapped structure");
    expect_errno(vcpu_op(VCPUOP_get_runstate_info, NO_VCPU, &info), -ENOENT, "a vCPU that does not exist");
}

static struct vcpu_runstate_info runstate;
static struct vcpu_time_info time_area;

static void register_runstate_memory_area(void)
{
    struct vcpu_register_runstate_memory_area op = {.addr.v = &runstate};

    runstate.state = 99;
    expect_success(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &op), "of the vCPU that runs");
    expect_equal(runstate.state, RUNSTATE_running, "it is filled at once");
    u64 slept = runstate.time[RUNSTATE_blocked];
    wait_until(now() + 5 * MS);
    expect_true(runstate.time[RUNSTATE_blocked] >= slept + 4 * MS, "and kept up to date");
    runstate.state = 99;
    expect_success(vcpu_op(VCPUOP_register_runstate_memory_area, 1, &op), "of one that is down");
    expect_equal(runstate.state, RUNSTATE_offline, "it is filled once");
    op.addr.p = 0;
    op.addr.v = UNMAPPED;
    expect_success(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &op), "an area that is not mapped is passed over");
#ifdef __x86_64__
    op.addr.v = XEN_AREA;
    expect_errno(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &op), -EFAULT, "an area in Xen's");
#endif
    expect_errno(vcpu_op(VCPUOP_register_runstate_memory_area, 0, UNMAPPED), -EFAULT, "unmapped structure");
    expect_errno(vcpu_op(VCPUOP_register_runstate_memory_area, NO_VCPU, &op), -ENOENT, "a vCPU that does not exist");
}

static void register_vcpu_time_memory_area(void)
{
    struct vcpu_register_time_memory_area op = {.addr.v = &time_area};

    expect_success(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &op), "of the vCPU that runs");
    expect_equal(time_area.tsc_to_system_mul, shared_info->vcpu_info[0].time.tsc_to_system_mul, "the scale");
    expect_equal(time_area.version & 1, 0, "no update is under way");
#ifdef __x86_64__
    op.addr.v = XEN_AREA;
    expect_errno(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &op), -EFAULT, "an area in Xen's");
#endif
    expect_errno(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, UNMAPPED), -EFAULT, "unmapped structure");
    expect_errno(vcpu_op(VCPUOP_register_vcpu_time_memory_area, NO_VCPU, &op), -ENOENT, "a vCPU that does not exist");
}

static evtchn_port_t timer_port;

/* How many timer events come within a time, one at a time. */
static u32 events_within(u64 span)
{
    u64 end = now() + span;
    u32 count = 0;

    clear_port(timer_port);
    while (now() < end) {
        struct sched_poll poll = {&timer_port, 1, end};
        sched_op(SCHEDOP_poll, &poll);
        count += (u32)port_pending(timer_port);
        clear_port(timer_port);
    }
    return count;
}

static void set_periodic_timer(void)
{
    struct evtchn_bind_virq bind = {.virq = VIRQ_TIMER, .vcpu = 0};
    struct vcpu_set_periodic_timer op = {.period_ns = 10 * MS};

    expect_success(event_channel_op(EVTCHNOP_bind_virq, &bind), "the timer's port");
    timer_port = bind.port;
    mask_port(timer_port);
    u32 count = events_within(100 * MS);
    expect_true(count >= 9 && count <= 11, "a vCPU starts with a timer of 100 Hz");
    op.period_ns = 2 * MS;
    expect_success(vcpu_op(VCPUOP_set_periodic_timer, 0, &op), "500 Hz");
    count = events_within(100 * MS);
    expect_true(count >= 48 && count <= 52, "as many come");
    op.period_ns = MS;
    expect_success(vcpu_op(VCPUOP_set_periodic_timer, 1, &op), "the shortest, of another vCPU");
    op.period_ns = MS - 1;
    expect_errno(vcpu_op(VCPUOP_set_periodic_timer, 0, &op), -EINVAL, "shorter");
    op.period_ns = ~0ull;
    expect_errno(vcpu_op(VCPUOP_set_periodic_timer, 0, &op), -EINVAL, "too long for a signed time");
    expect_errno(vcpu_op(VCPUOP_set_periodic_timer, 0, UNMAPPED), -EFAULT, "unmapped structure");
    expect_errno(vcpu_op(VCPUOP_set_periodic_timer, NO_VCPU, &op), -ENOENT, "a vCPU that does not exist");
}

static void stop_periodic_timer(void)
{
    expect_success(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), "the own");
    expect_success(vcpu_op(VCPUOP_stop_periodic_timer, 1, NULL), "another vCPU's");
    expect_equal(events_within(50 * MS), 0, "events that come");
    expect_success(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), "one that is stopped");
    expect_errno(vcpu_op(VCPUOP_stop_periodic_timer, NO_VCPU, NULL), -ENOENT, "a vCPU that does not exist");
}

static void set_singleshot_timer(void)
{
    u64 start = now();
    struct vcpu_set_singleshot_timer op = {.timeout_abs_ns = start + 5 * MS};

    expect_success(vcpu_op(VCPUOP_set_singleshot_timer, 0, &op), "in 5 ms");
    expect_equal(events_within(4 * MS), 0, "events before");
    expect_equal(events_within(2 * MS), 1, "events around then");
    expect_equal(events_within(20 * MS), 0, "events after");
    op.timeout_abs_ns = 1;
    expect_success(vcpu_op(VCPUOP_set_singleshot_timer, 0, &op), "a time that is over");
    expect_true(port_pending(timer_port), "its event is there at once");
    clear_port(timer_port);
    op.flags = VCPU_SSHOTTMR_future;
    expect_success(vcpu_op(VCPUOP_set_singleshot_timer, 0, &op), "the flag that wanted an error is ignored today");
    expect_true(port_pending(timer_port), "the event comes all the same");
    op.timeout_abs_ns = now() + 5 * MS;
    expect_errno(vcpu_op(VCPUOP_set_singleshot_timer, 1, &op), -EINVAL, "of another vCPU");
    expect_errno(vcpu_op(VCPUOP_set_singleshot_timer, 0, UNMAPPED), -EFAULT, "unmapped structure");
    expect_errno(vcpu_op(VCPUOP_set_singleshot_timer, NO_VCPU, &op), -ENOENT, "a vCPU that does not exist");
}

static void stop_singleshot_timer(void)
{
    struct vcpu_set_singleshot_timer op = {.timeout_abs_ns = now() + 5 * MS};

    expect_success(vcpu_op(VCPUOP_set_singleshot_timer, 0, &op), "in 5 ms");
    expect_success(vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL), "no");
    expect_equal(events_within(20 * MS), 0, "events that come");
    expect_errno(vcpu_op(VCPUOP_stop_singleshot_timer, 1, NULL), -EINVAL, "of another vCPU");
    expect_errno(vcpu_op(VCPUOP_stop_singleshot_timer, NO_VCPU, NULL), -ENOENT, "a vCPU that does not exist");
}

static void send_nmi(void)
{
    last_trap.vector = NO_TRAP;
    expect_success(vcpu_op(VCPUOP_send_nmi, 0, NULL), "to itself");
    barrier();
    expect_trap(CALLBACK_NMI, "it comes");
    expect_success(vcpu_op(VCPUOP_send_nmi, 2, NULL), "to one that is down");
    expect_errno(vcpu_op(VCPUOP_send_nmi, 0, &context), -EINVAL, "an argument, which it does not take");
    expect_errno(vcpu_op(VCPUOP_send_nmi, NO_VCPU, NULL), -ENOENT, "to a vCPU that does not exist");
}

static void get_physid(void)
{
    struct vcpu_get_physid op;

    expect_errno(vcpu_op(VCPUOP_get_physid, 0, &op), -EINVAL, "for a dom0 whose vCPUs are pinned");
    expect_errno(vcpu_op(VCPUOP_get_physid, NO_VCPU, &op), -ENOENT, "of a vCPU that does not exist");
}

/* Last but one, of vCPU 1: the own would take the framework's time and masks along. */
static void register_vcpu_info(void)
{
    struct vcpu_register_vcpu_info op = {.mfn = mfn_of(info_page), .offset = 4096 - 63};
    struct vcpu_info *info = (struct vcpu_info *)(info_page + 256);

    expect_errno(vcpu_op(VCPUOP_register_vcpu_info, 1, &op), -6 /* ENXIO */, "beyond the page");
    op.offset = 2;
    expect_errno(vcpu_op(VCPUOP_register_vcpu_info, 1, &op), -6 /* ENXIO */, "not aligned");
    op.offset = 256;
    op.mfn = 0;
    expect_errno(vcpu_op(VCPUOP_register_vcpu_info, 1, &op), -EINVAL, "a frame that is not the domain's");
    op.mfn = mfn_of((void *)start_info->pt_base);
    expect_errno(vcpu_op(VCPUOP_register_vcpu_info, 1, &op), -EINVAL, "a page table");
    op.mfn = mfn_of(info_page);
    expect_success(vcpu_op(VCPUOP_register_vcpu_info, 1, &op), "of a vCPU that is down");
    expect_true(info->evtchn_upcall_pending, "all is marked pending, so that nothing is lost");
    expect_equal(info->evtchn_pending_sel, ~0ul, "in every word");
    expect_errno(vcpu_op(VCPUOP_register_vcpu_info, 1, &op), -EINVAL, "a second time");
    expect_errno(vcpu_op(VCPUOP_register_vcpu_info, 0, UNMAPPED), -EFAULT, "unmapped structure");
    expect_errno(vcpu_op(VCPUOP_register_vcpu_info, NO_VCPU, &op), -ENOENT, "of a vCPU that does not exist");
    struct evtchn_bind_ipi ipi = {.vcpu = 1};
    expect_success(event_channel_op(EVTCHNOP_bind_ipi, &ipi), "a port of vCPU 1");
    info->evtchn_upcall_pending = 0;
    info->evtchn_pending_sel = 0;
    unmask_port(ipi.port);
    struct evtchn_send send = {ipi.port};
    expect_success(event_channel_op(EVTCHNOP_send, &send), "an event");
    expect_true(info->evtchn_upcall_pending, "it is seen in the new place");
    expect_true(!shared_info->vcpu_info[1].evtchn_upcall_pending, "and not in the old one");
}

static void no_such_command(void)
{
    expect_errno(vcpu_op(14, 0, NULL), -ENOSYS, "one past the last command");
    expect_errno(vcpu_op(14, NO_VCPU, NULL), -ENOENT, "the vCPU is looked for first");
}

TEST("vcpu-op",
     {"VCPUOP_initialise", initialise},
     {"VCPUOP_up", up},
     {"VCPUOP_down", down},
     {"VCPUOP_is_up", is_up},
     {"VCPUOP_get_runstate_info", get_runstate_info},
     {"VCPUOP_register_runstate_memory_area", register_runstate_memory_area},
     {"VCPUOP_register_vcpu_time_memory_area", register_vcpu_time_memory_area},
     {"VCPUOP_set_periodic_timer", set_periodic_timer},
     {"VCPUOP_stop_periodic_timer", stop_periodic_timer},
     {"VCPUOP_set_singleshot_timer", set_singleshot_timer},
     {"VCPUOP_stop_singleshot_timer", stop_singleshot_timer},
     {"VCPUOP_send_nmi", send_nmi},
     {"VCPUOP_get_physid", get_physid},
     {"VCPUOP_register_vcpu_info", register_vcpu_info},
     {"vcpu_op", no_such_command});
