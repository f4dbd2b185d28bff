import path from 'node:path';
import { expect, test } from 'vitest';
import { openDisk } from '../../emulator/host/node/file-disk.ts';
import type { DomainShutdown } from '../../emulator/xen/common/domain.ts';
import { createMachine } from '../../emulator/xen/toolstack/create-machine.ts';
import { machineFromSnapshot, readSnapshot, takeSnapshot } from '../../emulator/xen/toolstack/machine-snapshot.ts';
import { findViolations } from '../emulator/xen/common/invariants.ts';
import { BOOT_MARKER, debianCloudModule } from '../support/guests.ts';
import { orSkipAsync } from '../support/skip.ts';
import { checkExt4, ext4Image, fileInImage, scratchFolder } from './disks/images.ts';
import { bootInProcess, debianWithBlkfront, GuestConsole } from './disks/machine.ts';

/** What xl asks of a running Debian, as its own kernel carries it out: drivers/xen/manage.c, xen-balloon.c. */

const MEGABYTE_PAGES = 256;
const script = (command: string) => Buffer.from(`#!/bin/busybox sh\nexec /bin/busybox ${command} -f\n`);

async function debian(folder: string): Promise<GuestConsole> {
  const keys = debianWithBlkfront(
    // So that the kernel's own words about a suspend are heard.
    ['insmod /xen-netfront.ko', 'echo 7 > /proc/sys/kernel/printk'],
    [
      { name: 'xen-netfront.ko', mode: 0o100644, contents: debianCloudModule('xen-netfront.ko') },
      { name: 'sbin', mode: 0o40755 },
      { name: 'sbin/poweroff', mode: 0o100755, contents: script('poweroff') },
      { name: 'sbin/reboot', mode: 0o100755, contents: script('reboot') },
    ],
  );
  const devices = { vcpus: 2, vifs: ['mac=00:16:3e:00:00:01', 'mac=00:16:3e:00:00:02'] };
  return bootInProcess({ ...keys, ...devices }, ['a.img,,xvda'], folder);
}

/** Runs for so long in virtual time, or until a domain ends. */
function runFor({ machine }: GuestConsole, milliseconds: number): DomainShutdown | undefined {
  const until = machine.clock.now() + milliseconds * 1e6;
  while (machine.clock.now() < until) {
    const result = machine.run(5_000_000);
    if (result.kind === 'ended') return result.domain.shutdown;
    if (result.kind === 'idle' && !machine.skipToNextDeadline()) break;
  }
  return undefined;
}

test('suspend, resume, migrate, balloon, shutdown', async (context) => {
  const folder = scratchFolder();
  const image = ext4Image(path.join(folder, 'a.img'), 16);
  const guest = await orSkipAsync(context, () => debian(folder));
  const { machine } = guest;
  const { hypervisor } = machine;
  const only = () => machine.domains[0]?.domain as NonNullable<(typeof machine.domains)[0]>['domain'];
  const control = (line: string) => machine.control(only().domid, line);
  guest.wait(BOOT_MARKER);
  guest.wait('# ');
  guest.run('mkdir -p /mnt && mount /dev/xvda /mnt');
  // Two interfaces on one switch: the second hears what the first asks everybody.
  guest.run('ifconfig eth0 10.0.0.1 up; ifconfig eth1 up');
  // Writes all the time, so that a suspend finds requests on their way.
  guest.run('while :; do date >> /mnt/log; sync; sleep 0.1; done & :');
  const frames = () => Number(guest.run('cat /sys/class/net/eth1/statistics/rx_packets').trim());
  let asked = 1;
  /** Frames that eth0 sends are heard by eth1. */
  const exchange = (): boolean => {
    const before = frames();
    // Another address each time: Linux asks for one in vain, and then waits before it asks again.
    guest.run(`ping -c 1 -W 1 10.0.0.${++asked} >/dev/null & sleep 0.1; kill $!`);
    return frames() > before;
  };
  const works = (marker: string): void => {
    expect(guest.run(`echo ${marker} > /mnt/${marker}; sync; cat /mnt/${marker}`)).toBe(`${marker}\r\n`);
    expect(exchange()).toBe(true);
    expect(findViolations(hypervisor)).toEqual([]);
  };
  works('before');

  // A cancelled suspend: the same domain, and nothing is connected anew.
  const ports = guest.run('grep -c xen-dyn /proc/interrupts');
  expect(control('checkpoint')).toBeUndefined();
  guest.wait('Restarting tasks');
  expect(only()).toMatchObject({ domid: 1, state: 'running' });
  expect(guest.run('grep -c xen-dyn /proc/interrupts')).toBe(ports);
  works('checkpoint');

  // Suspended, and resumed later: time has gone on.
  expect(control('suspend')).toBeUndefined();
  expect(runFor(guest, 1000)).toMatchObject({ kind: 'suspend', vcpu: 0 });
  const instructions = machine.clock.instructions;
  expect(machine.run(1000).kind).toBe('idle');
  expect(machine.clock.instructions).toBe(instructions);
  expect(control('resume')).toBeUndefined();
  guest.wait('Restarting tasks');
  works('resume');

  // Another domain in other frames, as if it had been saved and restored.
  const uptime = Number(guest.run('cut -d. -f1 /proc/uptime'));
  const { sharedInfoMfn } = only();
  expect(control('migrate')).toBeUndefined();
  guest.wait('Restarting tasks');
  expect(only()).toMatchObject({ domid: 2, state: 'running', totalPages: 128 * MEGABYTE_PAGES });
  expect(only().sharedInfoMfn).not.toBe(sharedInfoMfn);
  expect(hypervisor.domains.size).toBe(1);
  expect(machine.store.read('/local/domain/1/name')).toBeUndefined();
  expect(Number(guest.run('cut -d. -f1 /proc/uptime'))).toBeGreaterThanOrEqual(uptime);
  expect(guest.run('nproc')).toBe('2\r\n');
  works('migrate');
  expect(machine.store.read('/local/domain/2/device/vbd/51712/state')).toBe('4');

  // Linux's balloon gives frames back, and gets others.
  expect(control('mem-set 129')).toMatchObject({ reason: expect.stringContaining('128 MB') });
  const free = hypervisor.frames.freeFrames;
  expect(control('mem-set 112')).toBeUndefined();
  runFor(guest, 1000);
  expect(only().totalPages).toBe(112 * MEGABYTE_PAGES);
  expect(hypervisor.frames.freeFrames).toBe(free + 16 * MEGABYTE_PAGES);
  works('small');
  // What it has given back does not come along, and comes back afterwards.
  expect(control('migrate')).toBeUndefined();
  guest.wait('Restarting tasks');
  expect(only()).toMatchObject({ domid: 3, totalPages: 112 * MEGABYTE_PAGES });
  works('small-migrated');
  expect(control('mem-set 128')).toBeUndefined();
  runFor(guest, 1000);
  expect(only().totalPages).toBe(128 * MEGABYTE_PAGES);
  works('large');

  const snapshot = new Uint8Array(Buffer.concat(takeSnapshot(machine)));
  guest.run('kill %1; sync');
  machine.dispose();
  const ends = { shutdown: 'poweroff', halt: 'poweroff', reboot: 'reboot' } as const;
  for (const [command, kind] of Object.entries(ends)) {
    const again = await machineFromSnapshot(createMachine, readSnapshot(snapshot), openDisk);
    expect(again.control(3, command)).toBeUndefined();
    expect(runFor(new GuestConsole(again), 5000)).toMatchObject({ kind });
    again.dispose();
  }
  expect(fileInImage(image, 'migrate').toString()).toBe('migrate\n');
  expect(checkExt4(image).output).not.toContain('ERROR');
}, 300_000);
