/*
 * The way into Xen, on all versions: interrupt 0x82, number in EAX, up to five arguments in EBX, ECX, EDX, ESI, EDI.
 * Xen may overwrite the arguments (2.0 does when it continues a long call), hence "+".
 */
#ifndef SAMPLE_HYPERCALL_H
#define SAMPLE_HYPERCALL_H
#include "types.h"

static inline long hypercall5(u32 number, u32 a, u32 b, u32 c, u32 d, u32 e)
{
    long result;

    __asm__ volatile("int $0x82"
                     : "=a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d), "+D"(e)
                     : "0"(number)
                     : "memory");
    return result;
}

/* hypercall(number, arguments…); pointers are welcome. */
#define hypercall(...) HYPERCALL_WITH(__VA_ARGS__, 0, 0, 0, 0, 0)
#define HYPERCALL_WITH(number, a, b, c, d, e, ...) \
    hypercall5(number, (u32)(a), (u32)(b), (u32)(c), (u32)(d), (u32)(e))

#endif
