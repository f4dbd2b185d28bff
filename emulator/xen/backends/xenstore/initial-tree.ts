/** What xl and libxl have written to the store by the time a domain starts; order and permissions included. */
import type { Permission } from './permissions.ts';
import type { XenStore } from './store.ts';

export interface DomainEntry {
  readonly domid: number;
  readonly name: string;
  readonly uuid: string;
  readonly memoryKilobytes: number;
  readonly vcpus: number;
  /** Paths as the configuration has them. */
  readonly kernel: string;
  readonly ramdisk: string | undefined;
  readonly commandLine: string;
  readonly xenstore: { readonly port: number; readonly mfn: number };
  readonly console: { readonly port: number; readonly mfn: number };
  /** Seconds since 1970, two decimals. */
  readonly startTime: string;
}

type Row = readonly [path: string, value: string, permissions?: readonly Permission[]];

const TOOLS_ONLY: readonly Permission[] = [{ access: 'n', domid: 0 }];
const readableBy = (domid: number): readonly Permission[] => [
  { access: 'n', domid: 0 },
  { access: 'r', domid },
];
const ownedBy = (domid: number): readonly Permission[] => [{ access: 'n', domid }];

const HOST_ROWS: readonly Row[] = [
  ['/tool', ''],
  ['/tool/xenstored', ''],
  ['/local', ''],
  ['/local/domain', ''],
  ['/local/domain/0', ''],
  ['/local/domain/0/control', ''],
  ['/local/domain/0/control/feature-poweroff', '1'],
  ['/local/domain/0/control/feature-reboot', '1'],
  ['/local/domain/0/control/feature-suspend', '1'],
  ['/local/domain/0/domid', '0'],
  ['/local/domain/0/name', 'Domain-0'],
];

/** Writes the host's own entries; once, before any domain's. */
export function writeHostEntries(store: XenStore): void {
  writeRows(store, HOST_ROWS);
}

/** Writes everything about one domain. */
export function writeDomainEntries(store: XenStore, entry: DomainEntry): void {
  writeRows(store, consoleBackendRows(entry));
  writeRows(store, domainRows(entry));
  writeRows(store, [
    ['/local/pool', ''],
    ['/local/pool/0', ''],
    ['/local/pool/0/name', 'Pool-0'],
  ]);
  writeRows(store, virtualMachineRows(entry));
  writeRows(store, libxlRows(entry));
}

/** Removes it all again; devices have been unplugged before. */
export function removeDomainEntries(store: XenStore, domid: number): void {
  const virtualMachine = store.read(`/local/domain/${domid}/vm`);
  const paths = [`/local/domain/${domid}`, `/local/domain/0/backend/console/${domid}`, `/libxl/${domid}`];
  for (const path of virtualMachine === undefined ? paths : [...paths, virtualMachine]) {
    if (store.read(path) !== undefined) store.hostRemove(path);
  }
}

function consoleBackendRows({ domid }: DomainEntry): Row[] {
  const backend = `/local/domain/0/backend/console/${domid}/0`;
  return [[backend, '', readableBy(domid)], ...consoleDevice(backend, domid).slice(1)];
}

function consoleDevice(path: string, domid: number): Row[] {
  return [
    [path, ''],
    [`${path}/frontend`, `/local/domain/${domid}/console`],
    [`${path}/frontend-id`, String(domid)],
    [`${path}/online`, '1'],
    [`${path}/state`, '1'],
    [`${path}/protocol`, 'vt100'],
  ];
}

function domainRows(entry: DomainEntry): Row[] {
  const { domid } = entry;
  const path = `/local/domain/${domid}`;
  const readable = readableBy(domid);
  const own = ownedBy(domid);
  const processors = Array.from({ length: entry.vcpus }, (_, index): Row[] => [
    [`${path}/cpu/${index}`, ''],
    [`${path}/cpu/${index}/availability`, 'online'],
  ]).flat();
  return [
    [path, '', readable],
    [`${path}/vm`, `/vm/${entry.uuid}`],
    [`${path}/name`, entry.name],
    [`${path}/cpu`, '', readable],
    ...processors,
    [`${path}/memory`, '', readable],
    [`${path}/memory/static-max`, String(entry.memoryKilobytes)],
    [`${path}/memory/target`, String(entry.memoryKilobytes)],
    [`${path}/memory/videoram`, '0'],
    [`${path}/device`, '', readable],
    [`${path}/device/suspend`, ''],
    [`${path}/device/suspend/event-channel`, '', own],
    [`${path}/control`, '', readable],
    [`${path}/control/shutdown`, '', own],
    [`${path}/control/feature-poweroff`, '', own],
    [`${path}/control/feature-reboot`, '', own],
    [`${path}/control/feature-suspend`, '', own],
    [`${path}/control/sysrq`, '', own],
    [`${path}/control/platform-feature-multiprocessor-suspend`, '1'],
    [`${path}/control/platform-feature-xs_reset_watches`, '1'],
    [`${path}/data`, '', own],
    [`${path}/drivers`, '', own],
    [`${path}/feature`, '', own],
    [`${path}/attr`, '', own],
    [`${path}/error`, '', own],
    [`${path}/domid`, String(domid)],
    [`${path}/store`, ''],
    [`${path}/store/port`, String(entry.xenstore.port)],
    [`${path}/store/ring-ref`, String(entry.xenstore.mfn)],
    [`${path}/console`, '', readable],
    [`${path}/console/backend`, `/local/domain/0/backend/console/${domid}/0`],
    [`${path}/console/backend-id`, '0'],
    [`${path}/console/limit`, '1048576'],
    [`${path}/console/type`, 'xenconsoled'],
    [`${path}/console/output`, 'pty'],
    [`${path}/console/tty`, `/dev/pts/${domid - 1}`],
    [`${path}/console/port`, String(entry.console.port)],
    [`${path}/console/ring-ref`, String(entry.console.mfn)],
  ];
}

function virtualMachineRows(entry: DomainEntry): Row[] {
  const path = `/vm/${entry.uuid}`;
  const ramdisk: Row[] = entry.ramdisk === undefined ? [] : [[`${path}/image/ramdisk`, entry.ramdisk]];
  const commandLine: Row[] = entry.commandLine === '' ? [] : [[`${path}/image/cmdline`, entry.commandLine]];
  return [
    ['/vm', ''],
    [path, '', readableBy(entry.domid)],
    [`${path}/name`, entry.name],
    [`${path}/uuid`, entry.uuid],
    [`${path}/image`, ''],
    [`${path}/image/ostype`, 'linux'],
    [`${path}/image/kernel`, entry.kernel],
    ...ramdisk,
    ...commandLine,
    [`${path}/start_time`, entry.startTime],
  ];
}

function libxlRows({ domid }: DomainEntry): Row[] {
  const path = `/libxl/${domid}`;
  return [
    ['/libxl', '', TOOLS_ONLY],
    [path, '', TOOLS_ONLY],
    [`${path}/device`, ''],
    [`${path}/device/console`, ''],
    ...consoleDevice(`${path}/device/console/0`, domid).flatMap((row): Row[] =>
      row[0].endsWith('/frontend')
        ? [row, [`${path}/device/console/0/backend`, `/local/domain/0/backend/console/${domid}/0`]]
        : [row],
    ),
    [`${path}/type`, 'pv'],
    [`${path}/dm-version`, 'qemu_xen'],
  ];
}

function writeRows(store: XenStore, rows: readonly Row[]): void {
  for (const [path, value, permissions] of rows) {
    // Shared ancestors ("/vm", "/libxl") are there already for the second domain.
    if (value !== '' || permissions !== undefined || store.read(path) === undefined) {
      store.hostWrite(path, value, permissions);
    }
  }
}
