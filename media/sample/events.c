/* Who takes which event, and how often it came. */
#include "events.h"

static struct binding {
    const char *name; /* NULL: free */
    u32 port;
    u32 count;
    void (*handler)(void);
} bindings[16];

static struct binding *find(u32 port)
{
    for (u32 i = 0; i < LENGTH(bindings); i++)
        if (bindings[i].name && bindings[i].port == port)
            return &bindings[i];
    return NULL;
}

void event_bind(u32 port, const char *name, void (*handler)(void))
{
    for (u32 i = 0; i < LENGTH(bindings); i++) {
        if (bindings[i].name)
            continue;
        bindings[i] = (struct binding){.name = name, .port = port, .handler = handler};
        return;
    }
    print("no room for the event of %s\n", name);
}

void event_unbind(u32 port)
{
    struct binding *binding = find(port);

    if (binding)
        binding->name = NULL;
}

void event(u32 port)
{
    struct binding *binding = find(port);

    if (!binding)
        return;
    binding->count++;
    binding->handler();
}

/* Where start.S brings Xen's upcall to. Events are off until it leaves. */
void upcall(void)
{
    abi->take_events();
}

void report_events(printer *print)
{
    for (u32 i = 0; i < LENGTH(bindings); i++) {
        const struct binding *binding = &bindings[i];
        char text[48];

        if (!binding->name)
            continue;
        abi->describe_port(binding->port, text, sizeof text);
        print("%s: port %u, %s, %u events\n", binding->name, binding->port, text, binding->count);
    }
}
