/* set_segment_base: bases of FS and GS, for 64-bit domains (arch/x86/pv/misc-hypercalls.c). */
#include "test.h"

#ifdef __x86_64__
static ulong in_fs[2] = {0, 0xf5}, in_gs[2] = {0, 0x65};

static ulong read_fs(void)
{
    ulong value;
    __asm__ volatile("mov %%fs:8, %0" : "=r"(value));
    return value;
}

static ulong read_gs(void)
{
    ulong value;
    __asm__ volatile("mov %%gs:8, %0" : "=r"(value));
    return value;
}

static void set(void)
{
    expect_success(set_segment_base(SEGBASE_FS, (ulong)in_fs), "FS");
    expect_equal(read_fs(), 0xf5, "through FS");
    expect_success(set_segment_base(SEGBASE_GS_KERNEL, (ulong)in_gs), "GS of the kernel");
    expect_equal(read_gs(), 0x65, "through GS");
    expect_success(set_segment_base(SEGBASE_GS_USER, (ulong)in_fs), "GS of user mode");
    expect_equal(read_gs(), 0x65, "the kernel's is as it was");
    for (u32 which = SEGBASE_FS; which <= SEGBASE_GS_KERNEL; which++)
        expect_errno(set_segment_base(which, NON_CANONICAL), -EINVAL, "an address that is not canonical");
    expect_equal(read_fs(), 0xf5, "a refusal changes nothing");
    expect_errno(set_segment_base(4, 0), -EINVAL, "no such base");
    expect_success(set_segment_base(SEGBASE_GS_USER_SEL, 0), "a null selector");
    expect_success(set_segment_base(SEGBASE_GS_USER_SEL, FLAT_KERNEL_SS), "a selector of the flat segment");
    expect_success(set_segment_base(SEGBASE_GS_USER_SEL, 0x1238), "a selector that is not there: loaded as 0");
    expect_success(set_segment_base(SEGBASE_FS, 0), "back to 0");
    expect_success(set_segment_base(SEGBASE_GS_KERNEL, 0), "back to 0");
}
#else
static void set(void)
{
    expect_errno(set_segment_base(SEGBASE_FS, 0), -ENOSYS, "for 64-bit domains only");
    expect_errno(set_segment_base(9, 0), -ENOSYS, "whatever is asked for");
}
#endif

TEST("set-segment-base", {"set_segment_base", set});
