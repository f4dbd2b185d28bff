/**
 * Files of the sample workspace (media/sample). Listed, because an extension that was installed from a web server cannot
 * list its own folders.
 */
export const SAMPLE_FILES: readonly string[] = [
  ...['.vscode/launch.json', 'guest.cfg', 'guest-1.2.cfg', 'guest-2.0.cfg', 'guest.elf', 'disk.img'],
  ...['abi.h', 'commands.c', 'commands.h', 'disk.c', 'disk.h', 'event-channels.c', 'events.c', 'events.h'],
  ...['http.c', 'hypercall.h', 'icmp.c', 'link.ld', 'main.c', 'memory.h', 'network.c', 'network.h', 'paging.c'],
  ...['print.c', 'print.h', 'report.c', 'report.h', 'start.S', 'string.c', 'tcp.c', 'time.c', 'time.h', 'traps.c'],
  ...['traps.h', 'types.h'],
  ...['xen-1.2-block.c', 'xen-1.2-network.c', 'xen-1.2.c', 'xen-1.2.h'],
  ...['xen-2.0-block.c', 'xen-2.0-control.c', 'xen-2.0-network.c', 'xen-2.0.c', 'xen-2.0.h'],
  ...['xen-4-block.c', 'xen-4-console.c', 'xen-4-devices.c', 'xen-4-grants.c', 'xen-4-network.c'],
  ...['xen-4-xenstore.c', 'xen-4.c', 'xen-4.h'],
];
