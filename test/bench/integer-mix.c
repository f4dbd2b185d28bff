/*
 * Integer mix as a paravirtualised guest, with paging: hashing, table lookups, a list walk, recursion and branches, in
 * about equal parts. Linked with the minimal guest's start.S; the runner reads instructions and time from --json.
 */
#include "../guests/minimal/sample.h"

struct start_info *start_info;
struct shared_info *shared_info;
extern char shared_info_page[];
long read_word(const u64 *address);
void timer_tick(void) {}

#define NODES 65536
static struct node { struct node *next; u64 value; } nodes[NODES];
static u8 table[256];

static u64 hash(u64 seed)
{
    for (int i = 0; i < 4096; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        table[seed & 255] += (u8)(seed >> 8);
    }
    return seed;
}

static u64 walk(struct node *node)
{
    u64 sum = 0;
    for (int i = 0; i < 8192; i++, node = node->next)
        sum += node->value;
    return sum;
}

static u64 __attribute__((noinline)) fibonacci(u64 n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static u64 branches(u64 seed)
{
    u64 state = 0;
    for (int i = 0; i < 8192; i++) {
        switch ((seed >> (i & 31)) & 3) {
        case 0: state = state * 3 + 1; break;
        case 1: state ^= seed; break;
        case 2: state -= i; break;
        default: state = state << 1 | state >> 63; break;
        }
        seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    }
    return state;
}

void main(void)
{
    u64 seed = 88172645463325252UL, sum = 0;

    hypercall(HYPERCALL_update_va_mapping, (u64)shared_info_page, start_info->shared_info | 7, UVMF_INVLPG, 0);
    shared_info = (struct shared_info *)shared_info_page;
    console_init();
    for (u64 i = 0; i < NODES; i++) {
        nodes[i].value = i;
        nodes[i].next = &nodes[(i * 40503 + 12345) % NODES];
    }
    for (int round = 0; round < ROUNDS; round++) {
        seed = hash(seed);
        sum += walk(&nodes[seed % NODES]) + fibonacci(18) + branches(seed);
    }
    print("sum ");
    print_number(sum, 16);
    print("\nMIX-DONE\n");
    u32 reason = SHUTDOWN_poweroff;
    hypercall(HYPERCALL_sched_op, SCHEDOP_shutdown, (u64)&reason, 0, 0);
}
