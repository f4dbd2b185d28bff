import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createMachine } from '../../../emulator/xen/toolstack/create-machine.ts';
import { loadDomainKeys } from '../../../emulator/xen/toolstack/load-domain.ts';
import { bootDomains, type Machine } from '../../../emulator/xen/toolstack/machine-boot.ts';
import { busyboxInitramfs, debianCloudKernel, debianCloudModule } from '../../support/guests.ts';
import { orSkip } from '../../support/skip.ts';

/** Debian's netfront sees an interface come and go while it runs. */

const BUDGET = 5_000_000;
const WALL = 200_000;

/** Says which interfaces there are whenever that changes. */
const WATCH = [
  'insmod /xen-netfront.ko',
  'old=none',
  'while true; do now=$(echo $(ls /sys/class/net)); [ "$now" = "$old" ] || echo "interfaces: $now."; old=$now; sleep 0.05; done',
];

async function debian(): Promise<{ machine: Machine; text: () => string }> {
  const module = { name: 'xen-netfront.ko', mode: 0o100644, contents: debianCloudModule('xen-netfront.ko') };
  const keys = {
    name: 'debian',
    kernel: debianCloudKernel(),
    ramdisk: busyboxInitramfs({ commands: WATCH, files: [module] }),
    memory: 192,
    cmdline: 'console=hvc0 quiet',
  };
  const read = async (file: string): Promise<Uint8Array> => new Uint8Array(readFileSync(file));
  const machine = await bootDomains({ domains: [await loadDomainKeys(read, keys, undefined)], createMachine });
  let text = '';
  machine.onConsole(({ bytes }) => {
    text += Buffer.from(bytes).toString('latin1');
  });
  return { machine, text: () => text };
}

test('an interface is plugged in and out', async (context) => {
  orSkip(context, debianCloudKernel);
  const { machine, text } = await debian();
  const end = Date.now() + WALL;
  const until = (wanted: string): void => {
    while (!text().includes(wanted)) {
      if (Date.now() > end) throw new Error(`no "${wanted}" in ${text()}`);
      if (machine.run(BUDGET).kind === 'idle') machine.skipToNextDeadline();
    }
  };
  const mac = '00:16:3e:77:00:01';
  until('interfaces: lo.');
  expect(machine.plugVif(1, `mac=${mac},bridge=late`)).toBeUndefined();
  until('interfaces: eth0 lo.');
  expect(machine.store.read('/local/domain/0/backend/vif/1/0/state')).toBe('4');
  expect(machine.store.read('/local/domain/1/device/vif/0/mac')).toBe(mac);
  expect(machine.plugVif(1, '')).toBeUndefined();
  until('interfaces: eth0 eth1 lo.');
  expect(machine.unplugVif(1, 0)).toBeUndefined();
  until('interfaces: eth1 lo.');
  expect(machine.store.read('/local/domain/0/backend/vif/1/0')).toBeUndefined();
  expect(machine.networks.network.switch('late').ports.size).toBe(0);
  // Pulled out without asking, as by xl network-detach of a guest that hangs.
  expect(machine.unplugVif(1, 1, true)).toBeUndefined();
  until('interfaces: lo.');
  expect(machine.domains[0]?.domain.alive).toBe(true);
  machine.dispose();
}, 240_000);
