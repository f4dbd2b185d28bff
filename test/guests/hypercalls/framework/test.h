/*
 * The vocabulary of tests. A test is a list of cases, each named after the hypercall or sub-operation it is about, in
 * Xen's spelling; test/guests/hypercalls.test.ts demands a case for every row of the hypervisor's tables. Every check
 * says what it is about; the first that fails is the test's verdict, and the others are printed above it.
 */
#ifndef HYPERCALLS_TEST_H
#define HYPERCALLS_TEST_H
#include <kernel.h>

struct test_case {
    const char *name;
    void (*run)(void);
};

struct test {
    const char *name;
    const struct test_case *cases;
    u32 case_count;
};

/* TEST("folder", case, case…) with case = {"EVTCHNOP_send", send}. */
#define TEST(test_name, ...)                                                                                           \
    static const struct test_case cases[] = {__VA_ARGS__};                                                             \
    static const struct test this_test = {test_name, cases, ARRAY_LENGTH(cases)};                                      \
    static const struct test *const registered_test __attribute__((section(".tests"), used)) = &this_test

/* A call's result is a value or an errno (negative); grant operations have a status each (GNTST_…). */
void check_result(const char *file, int line, const char *call, long got, long wanted, const char *why);
void check_status(const char *file, int line, const char *op, s16 got, s16 wanted, const char *why);
void check_equal(const char *file, int line, const char *what, u64 got, u64 wanted);
void check_true(const char *file, int line, const char *what, int holds);
void check_trap(const char *file, int line, const char *what, u32 vector);

#define expect_errno(call, wanted, why) check_result(__FILE__, __LINE__, #call, call, wanted, why)
#define expect_success(call, why) check_result(__FILE__, __LINE__, #call, call, 0, why)
#define expect_result(call, wanted, why) check_result(__FILE__, __LINE__, #call, call, wanted, why)
#define expect_status(op, wanted, why) check_status(__FILE__, __LINE__, #op, (op).status, wanted, why)
#define expect_equal(got, wanted, what) check_equal(__FILE__, __LINE__, what, (u64)(got), (u64)(wanted))
#define expect_true(condition, what) check_true(__FILE__, __LINE__, what, !!(condition))
/* The last TRY trapped with this vector (NO_TRAP: not at all). */
#define expect_trap(wanted, what) check_trap(__FILE__, __LINE__, what, wanted)

/* Gives up: the rest of the case would make no sense. Does not return. */
void give_up(const char *what) __attribute__((noreturn));

/* Runs the test of that name, and prints its verdict. */
void run_test(const char *name);

/* The verdict so far, for tests whose last act ends the domain. */
void print_verdict(void);

/* Two domains of one test: which one this is, its own domid and the other's. */
int is_second(void);
domid_t own_domid(void);
domid_t peer_domid(void);

#endif
