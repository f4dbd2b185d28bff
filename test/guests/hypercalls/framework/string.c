/* Text and memory. */
#include <kernel.h>

void *memset(void *to, int value, ulong count)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(value) : "memory");
    return to;
}

void *memcpy(void *to, const void *from, ulong count)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(count) : : "memory");
    return to;
}

int same_text(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

int same_bytes(const void *a, const void *b, u32 count)
{
    const char *x = a, *y = b;

    for (u32 i = 0; i < count; i++)
        if (x[i] != y[i])
            return 0;
    return 1;
}

struct output {
    char *to;
    u32 size, length;
};

static void put(struct output *out, char c)
{
    if (out->length + 1 < out->size)
        out->to[out->length++] = c;
}

static void put_hex(struct output *out, u64 value)
{
    int shift = 60;

    while (shift > 0 && !(value >> shift))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        put(out, "0123456789abcdef"[value >> shift & 15]);
}

static void put_decimal(struct output *out, ulong value)
{
    char digits[24];
    u32 count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count)
        put(out, digits[--count]);
}

static void format_list(struct output *out, const char *template, __builtin_va_list list)
{
    for (; *template; template++) {
        if (*template != '%') {
            put(out, *template);
            continue;
        }
        int longs = 0;
        while (*++template == 'l')
            longs++;
        if (*template == 's') {
            for (const char *text = __builtin_va_arg(list, const char *); *text; text++)
                put(out, *text);
        } else if (*template == 'd') {
            long value = longs ? __builtin_va_arg(list, long) : __builtin_va_arg(list, int);
            if (value < 0)
                put(out, '-');
            put_decimal(out, value < 0 ? -(ulong)value : (ulong)value);
        } else if (*template == 'u') {
            put_decimal(out, longs ? __builtin_va_arg(list, ulong) : __builtin_va_arg(list, u32));
        } else if (*template == 'x') {
            put_hex(out, longs == 2   ? __builtin_va_arg(list, u64)
                         : longs == 1 ? __builtin_va_arg(list, ulong)
                                      : __builtin_va_arg(list, u32));
        } else {
            put(out, *template);
        }
    }
    out->to[out->length] = 0;
}

void format(char *to, u32 size, const char *template, ...)
{
    struct output out = {to, size, 0};
    __builtin_va_list list;

    __builtin_va_start(list, template);
    format_list(&out, template, list);
    __builtin_va_end(list);
}

void printf(const char *template, ...)
{
    char line[400];
    struct output out = {line, sizeof line, 0};
    __builtin_va_list list;

    __builtin_va_start(list, template);
    format_list(&out, template, list);
    __builtin_va_end(list);
    print(line);
}
