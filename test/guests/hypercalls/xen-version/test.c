/* xen_version: what a domain that is not privileged is told (common/kernel.c). */
#include "test.h"

static char text[1024];

static void version(void)
{
    expect_result(xen_version(XENVER_version, NULL), 4 << 16 | 17, "4.17, and the argument does not matter");
    expect_result(xen_version(XENVER_version, UNMAPPED), 4 << 16 | 17, "not even a bad one");
}

/* Fills the text with 0x55 first: what is not written shows. */
static void answers(u32 command, const char *what)
{
    memset(text, 0x55, sizeof text);
    expect_success(xen_version(command, text), what);
    expect_errno(xen_version(command, UNMAPPED), -EFAULT, what);
    expect_errno(xen_version(command, read_only_page), -EFAULT, what);
}

static void extraversion(void)
{
    answers(XENVER_extraversion, "what follows 4.17");
    expect_equal(text[0], '.', "it starts with a point");
    expect_true(text[15] == 0 && text[16] == 0x55, "16 bytes, filled with 0");
}

static void compile_info(void)
{
    struct xen_compile_info *info = (struct xen_compile_info *)text;

    answers(XENVER_compile_info, "compiler, builder, date");
    expect_true(info->compiler[0] != 0, "there is a compiler");
    expect_true(text[sizeof *info - 1] == 0 && text[sizeof *info] == 0x55, "144 bytes");
}

static void capabilities(void)
{
    answers(XENVER_capabilities, "guest ABIs");
    expect_true(same_bytes(text, "xen-3.0-x86_64 xen-3.0-x86_32p ", 31), "64-bit and 32-bit PAE");
    expect_true(text[1023] == 0, "1024 bytes, filled with 0");
}

static void changeset(void)
{
    answers(XENVER_changeset, "source revision");
    expect_true(text[63] == 0 && text[64] == 0x55, "64 bytes");
}

static void platform_parameters(void)
{
    answers(XENVER_platform_parameters, "start of Xen's area");
#ifdef __x86_64__
    expect_equal(*(ulong *)text, 0xffff800000000000ul, "in a 64-bit domain");
#else
    expect_equal(*(ulong *)text, 0xf5800000ul, "in a 32-bit domain");
#endif
}

static void get_features(void)
{
    struct xen_feature_info info = {.submap_idx = 0};

    expect_success(xen_version(XENVER_get_features, &info), "word 0");
    expect_true(info.submap & 1 << 5, "mmu_pt_update_preserve_ad");
    expect_true(info.submap & 1 << 6, "highmem_assist");
    expect_true(info.submap & 1 << 7, "gnttab_map_avail_bits");
    expect_true(info.submap & 1 << 13, "memory_op_vnode_supported");
    expect_true(info.submap & 1 << 17, "direct_mapped");
    expect_true(!(info.submap & 1 << 0), "no writable_page_tables in a PV domain");
    expect_true(!(info.submap & 1 << 2), "no auto_translated_physmap");
    expect_true(!(info.submap & 1 << 11), "not dom0");
    expect_true(!(info.submap & 1 << 4), "no pae_pgdir_above_4gb without its assist");
    expect_success(vm_assist(VMASST_CMD_enable, VMASST_TYPE_pae_extended_cr3), "the assist");
    expect_success(xen_version(XENVER_get_features, &info), "again");
    expect_true(info.submap & 1 << 4, "pae_pgdir_above_4gb with it");
    info.submap_idx = 1;
    expect_errno(xen_version(XENVER_get_features, &info), -EINVAL, "word 1");
    expect_errno(xen_version(XENVER_get_features, UNMAPPED), -EFAULT, "unmapped structure");
}

static void pagesize(void)
{
    expect_result(xen_version(XENVER_pagesize, NULL), 4096, "bytes");
    expect_errno(xen_version(XENVER_pagesize, text), -EINVAL, "an argument, which it does not take");
}

static void guest_handle(void)
{
    answers(XENVER_guest_handle, "the domain's uuid");
    expect_true((text[6] & 0xf0) == 0x40 && (text[8] & 0xc0) == 0x80, "a random one (version 4)");
    expect_equal(text[16], 0x55, "16 bytes");
}

static void commandline(void)
{
    answers(XENVER_commandline, "Xen's command line");
    expect_true(same_text(text, "<denied>"), "it is not for this domain");
}

static void build_id(void)
{
    expect_errno(xen_version(XENVER_build_id, NULL), -EPERM, "its size");
    expect_errno(xen_version(XENVER_build_id, text), -EPERM, "itself");
}

static void no_such_command(void)
{
    expect_errno(xen_version(11, text), -ENOSYS, "one past the last command");
    expect_errno(xen_version(0xffffffff, text), -ENOSYS, "command -1");
}

TEST("xen-version",
     {"XENVER_version", version},
     {"XENVER_extraversion", extraversion},
     {"XENVER_compile_info", compile_info},
     {"XENVER_capabilities", capabilities},
     {"XENVER_changeset", changeset},
     {"XENVER_platform_parameters", platform_parameters},
     {"XENVER_get_features", get_features},
     {"XENVER_pagesize", pagesize},
     {"XENVER_guest_handle", guest_handle},
     {"XENVER_commandline", commandline},
     {"XENVER_build_id", build_id},
     {"xen_version", no_such_command});
