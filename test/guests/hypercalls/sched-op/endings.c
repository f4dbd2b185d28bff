/*
 * sched_op: every way to end the domain; the machine says afterwards how it ended.
 *
 * machine: endings=poweroff,reboot,suspend,crash,watchdog,soft_reset,code:crash,expire:watchdog
 */
#include "test.h"

static const struct {
    const char *name;
    u32 reason;
} endings[] = {
    {"poweroff", SHUTDOWN_poweroff}, {"reboot", SHUTDOWN_reboot},     {"suspend", SHUTDOWN_suspend},
    {"crash", SHUTDOWN_crash},       {"watchdog", SHUTDOWN_watchdog}, {"soft_reset", SHUTDOWN_soft_reset},
};

static int asked_for(const char *ending)
{
    return same_text(argument("ending"), ending);
}

static void shutdown(void)
{
    for (u32 i = 0; i < ARRAY_LENGTH(endings); i++) {
        if (asked_for(endings[i].name)) {
            struct sched_shutdown op = {endings[i].reason};
            expect_true(1, "it comes to the call");
            print_verdict();
            sched_op(SCHEDOP_shutdown, &op);
            give_up("the domain goes on");
        }
    }
}

/* The code that is announced first is the one that counts, whatever the shutdown itself says: a crash here. */
static void shutdown_code(void)
{
    struct sched_shutdown code = {SHUTDOWN_crash}, later = {SHUTDOWN_reboot};

    if (!asked_for("code"))
        return;
    expect_success(sched_op(SCHEDOP_shutdown_code, &code), "crash");
    expect_success(sched_op(SCHEDOP_shutdown_code, &later), "too late");
    print_verdict();
    sched_op(SCHEDOP_shutdown, &later);
    give_up("the domain goes on");
}

/* A watchdog that nobody rearms. */
static void watchdog(void)
{
    struct sched_watchdog op = {.id = 0, .timeout = 2};
    u64 start = now();

    if (!asked_for("expire"))
        return;
    expect_result(sched_op(SCHEDOP_watchdog, &op), 1, "two seconds");
    wait_until(start + 1500000000ull);
    expect_true(now() >= start + 1500000000ull, "one and a half have gone by");
    op.id = 1;
    expect_success(sched_op(SCHEDOP_watchdog, &op), "two more");
    wait_until(start + 3000000000ull);
    expect_true(now() >= start + 3000000000ull, "three have gone by");
    print_verdict();
    wait_until(start + 5000000000ull);
    give_up("the watchdog did not bark");
}

TEST("sched-op/endings",
     {"SCHEDOP_shutdown", shutdown},
     {"SCHEDOP_shutdown_code", shutdown_code},
     {"SCHEDOP_watchdog", watchdog});
