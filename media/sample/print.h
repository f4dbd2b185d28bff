#ifndef SAMPLE_PRINT_H
#define SAMPLE_PRINT_H
#include "types.h"
#include <stdarg.h>

/* Knows %s %c %u %x %llu %llx, and a width with leading zeros (%02x). */
typedef void printer(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* To the console. */
printer print;
/* Into memory, at most `size` bytes with the final 0. Answers the length. */
u32 format(char *to, u32 size, const char *format, ...) __attribute__((format(printf, 3, 4)));
u32 format_with(char *to, u32 size, const char *format, va_list arguments);

#endif
