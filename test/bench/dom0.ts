/**
 * The incumbent: Debian's Xen 4.17 in QEMU TCG with Debian's kernel as dom0, whose initramfs starts xenstored, xenconsoled
 * and then domains by `xl create`. The disk is a RAM disk of dom0 behind xen-blkback, so that no device of QEMU's is in
 * the way.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { CpioEntry } from '../support/cpio.ts';
import { debianPackage } from '../support/debian.ts';
import { busyboxInitramfs, debianKernel, debianModule } from '../support/guests.ts';
import { folder } from './contenders.ts';

const TOOLS = 'usr/lib/xen-4.17/bin';
const LIBRARIES = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu', 'lib64'];
/** What xl and the daemons are linked with, by ldd; libgcc is for pthread_cancel. */
const LIBRARY_PACKAGES = [
  ...['libxencall1', 'libxendevicemodel1', 'libxenevtchn1', 'libxenforeignmemory1', 'libxengnttab1', 'libxenhypfs1'],
  ...['libxenmisc4.17', 'libxenstore4', 'libxentoolcore1', 'libxentoollog1', 'libyajl2'],
  ...['libc6', 'libgcc-s1', 'libuuid1', 'zlib1g', 'liblzma5', 'libzstd1'],
];
/** In the order in which they depend on each other. */
const MODULES = [...['xen-privcmd', 'xenfs', 'xen-evtchn', 'xen-gntdev', 'xen-gntalloc', 'xen-blkback', 'brd']];
const DISK_KIB = 128 << 10;
/** In MiB. */
const DOM0_MEMORY = 640;
const MACHINE_MEMORY = 1536;

/** Hotplug script: the work that Debian's own does, which needs more of a system. */
const BLOCK_SCRIPT = `#!/bin/sh
[ "$1" = add ] || exit 0
device=$(xenstore-read $XENBUS_PATH/params)
xenstore-write $XENBUS_PATH/physical-device $(stat -c %t:%T $device) $XENBUS_PATH/hotplug-status connected
`;

export interface DomU {
  readonly name: string;
  readonly kernel: string;
  readonly ramdisk: string;
  /** In MiB. */
  readonly memory: number;
  /** Has the RAM disk as xvda. */
  readonly disk?: boolean;
}

/** Command line of QEMU; the domains' consoles come on its standard output. It does not end by itself. */
export function xenInQemu(domains: readonly DomU[]): readonly [program: string, ...args: string[]] {
  const xen = path.join(folder, 'xen');
  const packed = path.join(debianPackage('xen-hypervisor-4.17-amd64'), 'boot/xen-4.17-amd64.gz');
  writeFileSync(xen, gunzipSync(readFileSync(packed)));
  return [
    'qemu-system-x86_64',
    ...['-accel', 'tcg', '-m', `${MACHINE_MEMORY}`, '-display', 'none', '-no-reboot', '-monitor', 'none'],
    ...['-serial', 'stdio', '-kernel', xen],
    ...['-append', `com1=115200,8n1 console=com1 dom0_mem=${DOM0_MEMORY}M noreboot`],
    ...['-initrd', `${debianKernel()} console=hvc0 quiet,${dom0Initramfs(domains)}`],
  ];
}

function dom0Initramfs(domains: readonly DomU[]): string {
  const commands = [
    `export PATH=$PATH:/${TOOLS}:/usr/bin`,
    ...MODULES.map((name) => `insmod /modules/${name}.ko${name === 'brd' ? ` rd_nr=1 rd_size=${DISK_KIB}` : ''}`),
    'mkdir -p /dev/pts /proc/xen && mount -t devpts devpts /dev/pts && mount -t xenfs xenfs /proc/xen',
    'mkdir -p /run/xen /run/xenstored /run/lock /var/lib/xen /var/lib/xenstored /var/log/xen',
    'ln -s /run /var/run; ln -s /run/lock /var/lock',
    'xenstored; xen-init-dom0; xenconsoled',
    ...domains.flatMap(({ name }) => [
      `xl create -p -e /guests/${name}.cfg < /dev/null`,
      `cat $(xenstore-read /local/domain/$(xl domid ${name})/console/tty) &`,
    ]),
    ...domains.map(({ name }) => `xl unpause ${name}`),
  ];
  const files = [
    ...['usr', 'usr/bin', 'usr/lib', ...LIBRARIES, 'usr/lib/xen-4.17', TOOLS, 'etc', 'etc/xen', 'etc/xen/scripts'],
    ...['lib', 'var', 'run', 'modules', 'guests'],
  ]
    .sort()
    .map((name): CpioEntry => ({ name, mode: 0o40755 }));
  for (const name of MODULES) files.push(plain(`modules/${name}.ko`, debianModule(`${name}.ko`)));
  for (const name of ['xl', 'xenstored', 'xenconsoled', 'xen-init-dom0'])
    files.push(program(`${TOOLS}/${name}`, readFileSync(path.join(debianPackage('xen-utils-4.17'), TOOLS, name))));
  for (const name of ['xenstore-read', 'xenstore-write'])
    files.push(program(`usr/bin/${name}`, readFileSync(path.join(debianPackage('xenstore-utils'), 'usr/bin', name))));
  files.push(...LIBRARY_PACKAGES.flatMap((name) => librariesOf(debianPackage(name))));
  files.push(plain('etc/xen/xl.conf', Buffer.from('autoballoon = "off"\n')));
  files.push(program('etc/xen/scripts/block', Buffer.from(BLOCK_SCRIPT)));
  for (const domain of domains) {
    files.push(plain(`guests/${domain.name}.cfg`, Buffer.from(configOf(domain))));
    files.push(plain(`guests/${domain.name}.kernel`, readFileSync(domain.kernel)));
    files.push(plain(`guests/${domain.name}.ramdisk`, readFileSync(domain.ramdisk)));
  }
  return busyboxInitramfs({ commands, files });
}

function configOf({ name, memory, disk }: DomU): string {
  return [
    `name = "${name}"`,
    'type = "pv"',
    `kernel = "/guests/${name}.kernel"`,
    `ramdisk = "/guests/${name}.ramdisk"`,
    'extra = "console=hvc0 quiet"',
    `memory = ${memory}`,
    ...(disk ? ['disk = ["phy:/dev/ram0,xvda,w"]'] : []),
    '',
  ].join('\n');
}

/** Shared libraries of an unpacked package, with the links by which they are found. */
function librariesOf(root: string): CpioEntry[] {
  return LIBRARIES.filter((where) => existsSync(path.join(root, where))).flatMap((where) =>
    readdirSync(path.join(root, where))
      .filter((name) => /\.so(\.\d+)+$/.test(name))
      .map((name): CpioEntry => {
        const file = path.join(root, where, name);
        if (!lstatSync(file).isSymbolicLink()) return program(`${where}/${name}`, readFileSync(file));
        return { name: `${where}/${name}`, mode: 0o120777, contents: Buffer.from(readlinkSync(file)) };
      }),
  );
}

function plain(name: string, contents: Uint8Array): CpioEntry {
  return { name, mode: 0o100644, contents };
}

function program(name: string, contents: Uint8Array): CpioEntry {
  return { name, mode: 0o100755, contents };
}
