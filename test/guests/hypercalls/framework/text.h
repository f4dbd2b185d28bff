/* Text, memory and the command line: the same for every interface of Xen. Needs the types of public/xen.h before it. */
#ifndef HYPERCALLS_TEXT_H
#define HYPERCALLS_TEXT_H

/* string.c */
void print(const char *text);
/* %s %c %d %u %x %lx %lld %llx; writes at most `size` bytes with the final 0. */
void format(char *to, u32 size, const char *template, ...);
void printf(const char *template, ...);
int same_text(const char *a, const char *b);
int same_bytes(const void *a, const void *b, u32 count);
void *memset(void *to, int value, ulong count);
void *memcpy(void *to, const void *from, ulong count);

/* command-line.c: the word behind "name=", NULL without one. The answer is overwritten by the next call. */
const char *argument(const char *name);
u32 numeric_argument(const char *name, u32 fallback);

#endif
