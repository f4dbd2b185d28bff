/* What C has that debugging information must describe; compiled by compile.ts at several levels. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

enum colour { RED = -1, GREEN, BLUE = 7 };

struct point { int x, y; };

struct flags {
    u32 low : 3;
    u32 middle : 10;
    int negative : 5;
    u64 wide : 40;
    u8 plain;
};

union word { u32 whole; u8 bytes[4]; };

struct node {
    struct node *next;
    const char *name;
    struct point corners[2];
    union {
        u64 number;
        void *pointer;
    };
    enum colour colour;
    int (*compare)(const struct node *, const struct node *);
    volatile u8 matrix[2][3];
    double ratio;
    _Bool ready;
    char tail[];
};

static u64 counter;
struct node *list;
extern int elsewhere;
static struct flags flags = {.low = 5, .middle = 1000, .negative = -3, .wide = 0x123456789a, .plain = 9};
static union word word = {.whole = 0x04030201};
static struct node first = {.name = "first", .corners = {{1, 2}, {3, -4}}, .number = 77, .colour = BLUE, .ratio = 1.5,
                            .matrix = {{1, 2, 3}, {4, 5, 6}}, .ready = 1};

static inline __attribute__((always_inline)) u64 square(u64 base)
{
    u64 result = base * base;
    counter++;
    return result;
}

static inline __attribute__((always_inline)) u64 sum_of_squares(u64 a, u64 b)
{
    u64 left = square(a);
    u64 right = square(b);
    return left + right;
}

__attribute__((noinline)) u64 factorial(u64 n)
{
    if (n < 2)
        return 1;
    return n * factorial(n - 1);
}

__attribute__((noinline)) int compare(const struct node *a, const struct node *b)
{
    int difference = a->corners[0].x - b->corners[0].x;
    {
        int inner = difference * 2;
        if (inner > 10)
            difference += inner;
    }
    return difference;
}

__attribute__((noinline)) u64 work(u64 limit, const char *text)
{
    char buffer[64];
    u64 total = 0;

    for (u64 i = 0; i < limit; i++) {
        buffer[i % sizeof buffer] = text[i % 4];
        total += sum_of_squares(i, total & 3);
        if (total > 1000) {
            u64 excess = total - 1000;
            total -= excess / 2;
        }
    }
    __asm__ volatile("" : : "r"(buffer) : "memory");
    return total + factorial(limit & 7);
}

void _start(void)
{
    list = &first;
    first.compare = compare;
    u64 answer = work(12, "abcd") + (u64)first.compare(&first, list);
    __asm__ volatile("" : : "r"(answer), "r"(&flags), "r"(&word) : "memory");
    for (;;)
        ;
}
