/* Words of the form name=value on the command line. */
#include <kernel.h>

const char *argument(const char *name)
{
    static char value[64];
    const char *at = start_info->cmd_line;

    while (*at) {
        const char *word = at, *wanted = name;
        u32 length = 0;

        while (*wanted && *word == *wanted)
            word++, wanted++;
        if (!*wanted && *word == '=') {
            for (word++; *word && *word != ' ' && length + 1 < sizeof value; word++)
                value[length++] = *word;
            value[length] = 0;
            return value;
        }
        while (*at && *at != ' ')
            at++;
        while (*at == ' ')
            at++;
    }
    return NULL;
}

u32 numeric_argument(const char *name, u32 fallback)
{
    const char *text = argument(name);
    u32 value = 0;

    if (!text)
        return fallback;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (u32)(*text - '0');
    return value;
}
