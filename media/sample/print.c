/* Formatted text, on the console and in memory. */
#include "print.h"
#include "abi.h"

/* Takes text piece by piece. */
struct sink {
    void (*put)(struct sink *sink, const char *text, u32 length);
    char *at;
    u32 room;
};

static u32 digits_of(char *end, u64 value, u32 base, u32 width)
{
    u32 count = 0;

    do {
        *--end = "0123456789abcdef"[divide(&value, base)];
        count++;
    } while (value || count < width);
    return count;
}

static void format_to(struct sink *sink, const char *format, va_list arguments)
{
    char digits[24];

    for (;;) {
        u32 plain = 0, width = 0, wide = 0;

        while (format[plain] && format[plain] != '%')
            plain++;
        if (plain)
            sink->put(sink, format, plain);
        format += plain;
        if (!*format++)
            return;
        width = read_number(&format);
        for (; *format == 'l'; format++)
            wide++;
        switch (*format++) {
        case 's': {
            const char *text = va_arg(arguments, const char *);
            sink->put(sink, text, strlen(text));
            break;
        }
        case 'c': {
            char c = (char)va_arg(arguments, int);
            sink->put(sink, &c, 1);
            break;
        }
        case 'u':
        case 'x': {
            u64 value = wide == 2 ? va_arg(arguments, u64) : va_arg(arguments, u32);
            u32 count = digits_of(digits + sizeof digits, value, format[-1] == 'x' ? 16 : 10, width);
            sink->put(sink, digits + sizeof digits - count, count);
            break;
        }
        default:
            sink->put(sink, "%", 1);
        }
    }
}

/* What goes to the console is collected first: each call of console_write() may be a message or a hypercall. */
static struct {
    char text[128];
    u32 length;
} console;

static void flush(void)
{
    u32 length = console.length;

    console.length = 0;
    abi->console_write(console.text, length);
}

/* A terminal wants a carriage return before each new line. */
static void put_on_console(struct sink *sink, const char *text, u32 length)
{
    (void)sink;
    for (u32 i = 0; i < length; i++) {
        if (console.length > sizeof console.text - 2)
            flush();
        if (text[i] == '\n')
            console.text[console.length++] = '\r';
        console.text[console.length++] = text[i];
    }
}

void print(const char *format, ...)
{
    struct sink sink = {.put = put_on_console};
    va_list arguments;

    va_start(arguments, format);
    format_to(&sink, format, arguments);
    va_end(arguments);
    flush();
}

static void put_in_memory(struct sink *sink, const char *text, u32 length)
{
    if (length > sink->room)
        length = sink->room;
    memcpy(sink->at, text, length);
    sink->at += length;
    sink->room -= length;
}

u32 format_with(char *to, u32 size, const char *format, va_list arguments)
{
    struct sink sink = {.put = put_in_memory, .at = to, .room = size - 1};

    format_to(&sink, format, arguments);
    *sink.at = 0;
    return (u32)(sink.at - to);
}

u32 format(char *to, u32 size, const char *format, ...)
{
    va_list arguments;
    u32 length;

    va_start(arguments, format);
    length = format_with(to, size, format, arguments);
    va_end(arguments);
    return length;
}
