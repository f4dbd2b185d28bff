/*
 * Nine small programs as paravirtualised guests, with paging: each keeps one part of an engine busy. PROGRAM chooses one
 * at build time, ROUNDS how long it runs. Linked with the start.S of test/guests/minimal; prints a checksum, which must be the
 * same on every engine.
 */
#include "../guests/minimal/sample.h"

struct start_info *start_info;
struct shared_info *shared_info;
extern char shared_info_page[];
long read_word(const u64 *address);
void timer_tick(void) {}

#define WORDS 32768
static u64 words[WORDS], copy[WORDS];
static double doubles[4096];
static struct node { struct node *next; u64 value; } nodes[WORDS];

/* Xorshift: shifts, exclusive ors, a table. */
static u64 integer(u64 seed)
{
    for (int i = 0; i < 100000; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        words[seed % 256] += seed >> 8;
    }
    return seed + words[7];
}

static u64 pointers(u64 seed)
{
    struct node *node = &nodes[seed % WORDS];

    for (int i = 0; i < 200000; i++, node = node->next)
        seed += node->value;
    return seed;
}

/* Word by word, not with REP MOVS. */
static u64 memory(u64 seed)
{
    for (int round = 0; round < 8; round++)
        for (volatile u64 *from = words, *to = copy; from < words + WORDS; from++, to++)
            *to = *from + seed;
    return copy[seed % WORDS];
}

static u64 __attribute__((noinline)) fibonacci(u64 n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static u64 recursion(u64 seed)
{
    return seed + fibonacci(22);
}

/* An interpreter of a small byte code: an indirect jump each step. */
static u64 machine(u64 seed)
{
    u64 a = seed, b = 1;

    for (int i = 0; i < 100000; i++) {
        switch ((seed >> (i & 31)) & 7) {
        case 0: a = a * 3 + 1; break;
        case 1: a ^= b; break;
        case 2: b -= i; break;
        case 3: a = a << 1 | a >> 63; break;
        case 4: b += a; break;
        case 5: a -= b >> 3; break;
        case 6: b ^= a << 5; break;
        default: a = ~a; break;
        }
        seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    }
    return a + b;
}

/* ChaCha's quarter rounds (RFC 8439, 2.1). */
static u64 crypto(u64 seed)
{
    u32 x[16];

    for (int i = 0; i < 16; i++)
        x[i] = (u32)(seed >> i);
#define ROTATE(v, n) ((v) << (n) | (v) >> (32 - (n)))
#define QUARTER(a, b, c, d) \
    x[a] += x[b], x[d] = ROTATE(x[d] ^ x[a], 16), x[c] += x[d], x[b] = ROTATE(x[b] ^ x[c], 12), \
    x[a] += x[b], x[d] = ROTATE(x[d] ^ x[a], 8), x[c] += x[d], x[b] = ROTATE(x[b] ^ x[c], 7)
    for (int i = 0; i < 5000; i++) {
        QUARTER(0, 4, 8, 12); QUARTER(1, 5, 9, 13); QUARTER(2, 6, 10, 14); QUARTER(3, 7, 11, 15);
        QUARTER(0, 5, 10, 15); QUARTER(1, 6, 11, 12); QUARTER(2, 7, 8, 13); QUARTER(3, 4, 9, 14);
    }
    return x[0] + (u64)x[15];
}

static u64 sse2(u64 seed)
{
    double sum = (double)(seed & 1023);

    for (int round = 0; round < 8; round++)
        for (int i = 0; i < 4096; i++)
            sum = sum * 0.75 + doubles[i] / (sum + 3.0);
    return (u64)(sum * 1e6);
}

static u64 x87(u64 seed)
{
    long double sum = (long double)(seed & 1023);

    for (int i = 0; i < 4096; i++)
        sum = sum * 0.75L + doubles[i] / (sum + 3.0L);
    return (u64)(sum * 1e6L);
}

typedef u32 lanes __attribute__((vector_size(16)));

static u64 simd(u64 seed)
{
    lanes sum = {(u32)seed, 1, 2, 3};

    for (int round = 0; round < 4; round++)
        for (int i = 0; i < WORDS; i += 2) {
            lanes next = *(const lanes *)&words[i];
            sum = (sum ^ next) + (sum << 3) - (next >> 5);
        }
    return sum[0] + (u64)sum[1] + sum[2] + sum[3];
}

void main(void)
{
    u64 seed = 88172645463325252UL, sum = 0;
    u32 reason = SHUTDOWN_poweroff;

    hypercall(HYPERCALL_update_va_mapping, (u64)shared_info_page, start_info->shared_info | 7, UVMF_INVLPG, 0);
    shared_info = (struct shared_info *)shared_info_page;
    console_init();
    for (u64 i = 0; i < WORDS; i++) {
        nodes[i].value = words[i] = i * 0x9e3779b97f4a7c15UL;
        nodes[i].next = &nodes[(i * 40503 + 12345) % WORDS];
    }
    for (int i = 0; i < 4096; i++)
        doubles[i] = i * 0.5 + 1.0;
    for (int round = 0; round < ROUNDS; round++) {
        seed = seed * 6364136223846793005UL + 1442695040888963407UL;
        sum += PROGRAM(seed);
    }
    print("sum ");
    print_number(sum, 16);
    print("\nPROGRAM-DONE\n");
    hypercall(HYPERCALL_sched_op, SCHEDOP_shutdown, (u64)&reason, 0, 0);
}
