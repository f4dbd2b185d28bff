/* The few library functions that gcc takes for granted, and two for text. */
#include "types.h"

void *memcpy(void *to, const void *from, u32 count)
{
    void *at = to;

    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(count) : : "memory");
    return to;
}

void *memset(void *to, int value, u32 count)
{
    void *at = to;

    __asm__ volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(value) : "memory");
    return to;
}

int memcmp(const void *left, const void *right, u32 count)
{
    const u8 *a = left, *b = right;

    for (u32 i = 0; i < count; i++)
        if (a[i] != b[i])
            return a[i] - b[i];
    return 0;
}

u32 strlen(const char *text)
{
    u32 length = 0;

    while (text[length])
        length++;
    return length;
}

int starts_with(const char *text, const char *prefix)
{
    return memcmp(text, prefix, strlen(prefix)) == 0;
}

u32 read_number(const char **text)
{
    u32 value = 0;

    for (; **text >= '0' && **text <= '9'; (*text)++)
        value = value * 10 + (u32)(**text - '0');
    return value;
}
