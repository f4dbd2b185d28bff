/* Words that every file uses. */
#ifndef SAMPLE_TYPES_H
#define SAMPLE_TYPES_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;

#define NULL ((void *)0)
#define PAGE_SIZE 4096u
#define PAGE_ALIGNED __attribute__((aligned(4096)))
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* The compiler may move no memory access across it; the processor keeps stores in order by itself. */
#define barrier() __asm__ volatile("" ::: "memory")

/* string.c */
void *memcpy(void *to, const void *from, u32 count);
void *memset(void *to, int value, u32 count);
int memcmp(const void *left, const void *right, u32 count);
u32 strlen(const char *text);
int starts_with(const char *text, const char *prefix);
/* Reads a decimal number and moves on to what follows it. */
u32 read_number(const char **text);

/* Divides in place and answers the remainder. (For u64 by u64, gcc would call a library that is not here.) */
static inline u32 divide(u64 *value, u32 divisor)
{
    u32 high = (u32)(*value >> 32), low = (u32)*value, remainder;

    __asm__("divl %4" : "=a"(high), "=d"(remainder) : "0"(high), "1"(0), "rm"(divisor));
    __asm__("divl %4" : "=a"(low), "=d"(remainder) : "0"(low), "1"(remainder), "rm"(divisor));
    *value = (u64)high << 32 | low;
    return remainder;
}

#endif
