/* The one page that the domain serves: what it has to say about itself. */
#include "events.h"
#include "network.h"
#include "report.h"

static char *at;
static u32 room;

static void put(const char *text, ...)
{
    va_list arguments;
    u32 length;

    va_start(arguments, text);
    length = format_with(at, room, text, arguments);
    va_end(arguments);
    at += length;
    room -= length;
}

static int is_complete(const char *request)
{
    for (; *request; request++)
        if (starts_with(request, "\r\n\r\n"))
            return 1;
    return 0;
}

u32 http_reply(const char *request, char *reply)
{
    at = reply;
    room = REPLY_BYTES;
    if (!is_complete(request))
        return 0;
    if (!starts_with(request, "GET / ")) {
        put("HTTP/1.0 404 Not Found\r\nContent-Type: text/plain\r\n\r\nThere is one page: /\n");
        return (u32)(at - reply);
    }
    put("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n");
    put("<!DOCTYPE html>\n<title>Xenoscope sample</title>\n<h1>A domain speaks</h1>\n<pre>\n");
    report(put);
    report_events(put);
    put("</pre>\n");
    return (u32)(at - reply);
}
