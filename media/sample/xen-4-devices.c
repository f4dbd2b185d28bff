/*
 * Split devices: a front end here, a back end in domain 0, and two directories of xenstore in which they say how far
 * they are. Devices may come and go while the domain runs.
 */
#include "abi.h"
#include "events.h"
#include "print.h"
#include "xen-4.h"

static void close_block(void), close_network(void);

/* At most one of each kind. */
static struct frontend {
    const char *kind;
    void (*publish)(const struct device *device);
    void (*connected)(const struct device *device);
    void (*close)(void);
    void (*backend_changed)(void);
    struct device device;
    int open;
} frontends[] = {
    {.kind = "vbd", .publish = blkfront_publish, .connected = blkfront_connected, .close = blkfront_close, .backend_changed = close_block},
    {.kind = "vif", .publish = netfront_publish, .connected = netfront_connected, .close = netfront_close, .backend_changed = close_network},
};

static void watched_path(const struct device *device, char *path, u32 size)
{
    format(path, size, "%s/state", device->backend);
}

static void open(struct frontend *frontend, const char *name)
{
    struct device *device = &frontend->device;
    char path[80];

    format(device->path, sizeof device->path, "device/%s/%s", frontend->kind, name);
    if (xenstore_read_number(device->path, "state") != XenbusStateInitialising)
        return;
    device->backend_id = (u16)xenstore_read_number(device->path, "backend-id");
    format(device->backend, sizeof device->backend, "%s", xenstore_read(device->path, "backend") ?: "");
    frontend->open = 1;
    frontend->publish(device);
    watched_path(device, path, sizeof path);
    xenstore_watch(path, frontend->backend_changed);
    xenstore_write_number(device->path, "state", XenbusStateInitialised);
    while (xenstore_read_number(device->backend, "state") < XenbusStateConnected)
        xenstore_wait();
    frontend->connected(device);
    xenstore_write_number(device->path, "state", XenbusStateConnected);
}

/* The back end says that it wants to go, or has gone. */
static void close(struct frontend *frontend)
{
    struct device *device = &frontend->device;
    u32 state = xenstore_read_number(device->backend, "state");
    char path[80];

    if (!frontend->open || state == XenbusStateConnected || (state && state < XenbusStateClosing))
        return;
    watched_path(device, path, sizeof path);
    xenstore_unwatch(path, frontend->backend_changed);
    xenstore_write_number(device->path, "state", XenbusStateClosing);
    xenstore_write_number(device->path, "state", XenbusStateClosed);
    while (xenstore_read_number(device->backend, "state") == XenbusStateClosing)
        xenstore_wait();
    frontend->close();
    frontend->open = 0;
}

static void close_block(void)
{
    close(&frontends[0]);
}

static void close_network(void)
{
    close(&frontends[1]);
}

static void devices_changed(void)
{
    for (u32 i = 0; i < LENGTH(frontends); i++) {
        char path[16];
        const char *name;

        format(path, sizeof path, "device/%s", frontends[i].kind);
        name = frontends[i].open ? NULL : xenstore_first(path);
        if (name)
            open(&frontends[i], name);
    }
}

/* What `xl shutdown` and `xl reboot` write; the empty answer says that the domain heard. */
static void shutdown_asked(void)
{
    const char *value = xenstore_read("control", "shutdown");
    int poweroff = value && (starts_with(value, "poweroff") || starts_with(value, "halt"));
    int reboot = value && starts_with(value, "reboot");

    if (!poweroff && !reboot)
        return;
    xenstore_write("control", "shutdown", "");
    print("the toolstack asks for a %s\n", poweroff ? "poweroff" : "reboot");
    abi->shutdown(poweroff ? REASON_poweroff : REASON_reboot);
}

void devices_4_init(void)
{
    grants_init();
    xenstore_init();
    xenstore_watch("control/shutdown", shutdown_asked);
    xenstore_watch("device", devices_changed);
    devices_changed();
}
