/* Checks, their count, and the verdict. */
#include "test.h"

extern const struct test *const tests_start[], *const tests_end[];

static const struct test *current;
static char first_failure[300];
static u32 checks;

static const char *errno_name(long value)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {
        {EPERM, "EPERM"},   {ENOENT, "ENOENT"}, {ESRCH, "ESRCH"},   {EIO, "EIO"},         {E2BIG, "E2BIG"},
        {EAGAIN, "EAGAIN"}, {ENOMEM, "ENOMEM"}, {EACCES, "EACCES"}, {EFAULT, "EFAULT"},   {EBUSY, "EBUSY"},
        {EEXIST, "EEXIST"}, {ENODEV, "ENODEV"}, {EINVAL, "EINVAL"}, {ENOSPC, "ENOSPC"},   {ERANGE, "ERANGE"},
        {ENOSYS, "ENOSYS"}, {ETIME, "ETIME"},   {ENODATA, "ENODATA"}, {EOPNOTSUPP, "EOPNOTSUPP"},
    };

    for (u32 i = 0; i < ARRAY_LENGTH(names); i++)
        if (names[i].number == -value)
            return names[i].name;
    return "";
}

static void fail(const char *text)
{
    if (!first_failure[0])
        format(first_failure, sizeof first_failure, "%s", text);
    printf("  failed: %s\n", text);
}

void check_result(const char *file, int line, const char *call, long got, long wanted, const char *why)
{
    char text[300];

    checks++;
    if (got == wanted)
        return;
    format(text, sizeof text, "%s:%d: %s (%s): got %ld %s, wanted %ld %s", file, line, call, why, got, errno_name(got),
           wanted, errno_name(wanted));
    fail(text);
}

void check_status(const char *file, int line, const char *op, s16 got, s16 wanted, const char *why)
{
    char text[300];

    checks++;
    if (got == wanted)
        return;
    format(text, sizeof text, "%s:%d: status of %s (%s): got %d, wanted %d", file, line, op, why, got, wanted);
    fail(text);
}

void check_equal(const char *file, int line, const char *what, u64 got, u64 wanted)
{
    char text[300];

    checks++;
    if (got == wanted)
        return;
    format(text, sizeof text, "%s:%d: %s: got 0x%llx, wanted 0x%llx", file, line, what, got, wanted);
    fail(text);
}

void check_true(const char *file, int line, const char *what, int holds)
{
    char text[300];

    checks++;
    if (holds)
        return;
    format(text, sizeof text, "%s:%d: it does not hold that %s", file, line, what);
    fail(text);
}

void check_trap(const char *file, int line, const char *what, u32 vector)
{
    check_equal(file, line, what, last_trap.vector, vector);
}

void give_up(const char *what)
{
    char text[300];

    format(text, sizeof text, "gave up: %s", what);
    fail(text);
    print_verdict();
    power_off();
}

void print_verdict(void)
{
    if (first_failure[0])
        printf("hypercalls/%s: FAILURE: %s\n", current ? current->name : "none", first_failure);
    else
        printf("hypercalls/%s: SUCCESS\n", current->name);
}

void run_test(const char *name)
{
    for (const struct test *const *test = tests_start; test < tests_end; test++)
        if (name && same_text((*test)->name, name))
            current = *test;
    if (!current)
        give_up("the command line names no test of this image");
    for (u32 i = 0; i < current->case_count; i++) {
        u32 before = checks;
        current->cases[i].run();
        printf("  %s: %u checks\n", current->cases[i].name, checks - before);
    }
    print_verdict();
}
