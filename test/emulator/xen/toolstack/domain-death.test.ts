import { describe, expect, test } from 'vitest';
import {
  type Domain,
  SHUTDOWN_POWEROFF,
  SHUTDOWN_REBOOT,
  SHUTDOWN_SUSPEND,
  SHUTDOWN_WATCHDOG,
} from '../../../../emulator/xen/common/domain.ts';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import { type LifecycleAction, readDomainConfig } from '../../../../emulator/xen/toolstack/domain-config.ts';
import { actionOnDeath, handleDomainDeath } from '../../../../emulator/xen/toolstack/domain-death.ts';
import type { LoadedDomain } from '../../../../emulator/xen/toolstack/load-domain.ts';
import { bootDomains, type Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import {
  machineFromSnapshot,
  readSnapshot,
  takeSnapshot,
} from '../../../../emulator/xen/toolstack/machine-snapshot.ts';
import { findViolations } from '../common/invariants.ts';
import { loadedGuest, runTo, sampleGuest } from './booted.ts';

function loaded(name: string, settings = ''): LoadedDomain {
  const { config } = readDomainConfig(`kernel="k"\nmemory=8\nname="${name}"\nvif=['']\n${settings}`, 'x.cfg');
  return { ...loadedGuest(sampleGuest()), config };
}

/** Two sample domains with an interface each, both at their prompts. */
async function pair(settings = ''): Promise<Machine> {
  const machine = await bootDomains({ domains: [loaded('a'), loaded('b', settings)], createMachine });
  runTo(machine, 20_000);
  return machine;
}

const domainOf = (machine: Machine, name: string): Domain =>
  machine.domains.find(({ domain }) => domain.name === name)?.domain as Domain;

/** The domain ends, and the machine reports it. */
function end(machine: Machine, name: string, code: number): Domain {
  const domain = domainOf(machine, name);
  machine.hypervisor.shutDown(domain, code, undefined, undefined);
  expect(machine.run(1)).toEqual({ kind: 'ended', domain });
  return domain;
}

function output(machine: Machine): { text: string } {
  const seen = { text: '' };
  machine.onConsole(({ domain, bytes }) => {
    seen.text += `${domain.name}<${Buffer.from(bytes).toString('latin1')}>`;
  });
  return seen;
}

const ports = (machine: Machine): string[] =>
  Array.from(machine.networks.network.switch('xenbr0').ports.values(), ({ description }) => description.name);

describe('which action', () => {
  const actions = 'on_poweroff="restart"\non_reboot="preserve"\non_crash="coredump-destroy"';
  test.each<[string, LifecycleAction, LifecycleAction]>([
    ['poweroff', 'restart', 'destroy'],
    ['reboot', 'preserve', 'restart'],
    ['crash', 'coredump-destroy', 'destroy'],
    ['suspend', 'preserve', 'preserve'],
    ['watchdog', 'destroy', 'destroy'],
    ['other', 'destroy', 'destroy'],
  ])('%s', (kind, written, otherwise) => {
    const shutdown = { code: 0, kind: kind as 'poweroff', reason: '', vcpu: undefined };
    expect(actionOnDeath(loaded('x', actions).config, shutdown)).toBe(written);
    expect(actionOnDeath(loaded('x').config, shutdown)).toBe(otherwise);
  });
});

describe('destroy', () => {
  test('takes the domain off the machine while the other runs on', async () => {
    const machine = await pair();
    const { xen, store } = { xen: machine.hypervisor, store: machine.store };
    const seen = output(machine);
    expect(ports(machine)).toEqual(['vif1.0', 'vif2.0']);
    const free = xen.frames.freeFrames;
    const b = end(machine, 'b', SHUTDOWN_POWEROFF);
    const vm = store.read('/local/domain/2/vm') as string;
    expect(await handleDomainDeath(machine, b)).toEqual({ kind: 'destroyed' });
    expect(xen.domains.has(b.domid)).toBe(false);
    // 8 MB, shared info, one grant table frame.
    expect(xen.frames.freeFrames).toBe(free + 2048 + 2);
    expect(ports(machine)).toEqual(['vif1.0']);
    for (const path of ['/local/domain/2', '/local/domain/0/backend/vif/2/0', '/libxl/2', vm]) {
      expect(store.read(path)).toBeUndefined();
    }
    expect(store.read('/local/domain/1/name')).toBe('a');
    expect(b.shutdown?.kind).toBe('poweroff');
    expect(findViolations(xen)).toEqual([]);
    machine.sendConsole(1, Buffer.from('info\n'));
    runTo(machine, 40_000);
    expect(seen.text).toContain('a<pages >');
    machine.dispose();
  });

  test('a snapshot taken afterwards goes on as the machine does', async () => {
    const machine = await pair();
    await handleDomainDeath(machine, end(machine, 'b', SHUTDOWN_POWEROFF));
    const file = new Uint8Array(Buffer.concat(takeSnapshot(machine)));
    const restored = await machineFromSnapshot(createMachine, readSnapshot(file));
    expect(restored.domains.map(({ domain }) => `${domain.name} ${domain.state}`)).toEqual([
      'a running',
      'b destroyed',
    ]);
    for (const each of [machine, restored]) {
      each.sendConsole(1, Buffer.from('info\n'));
      runTo(each, 40_000);
    }
    expect(restored.memoryHash()).toBe(machine.memoryHash());
    machine.dispose();
    restored.dispose();
  });

  test('the last domain stays to be looked at', async () => {
    const machine = await pair();
    await handleDomainDeath(machine, end(machine, 'b', SHUTDOWN_POWEROFF));
    const a = end(machine, 'a', SHUTDOWN_WATCHDOG);
    expect(await handleDomainDeath(machine, a)).toEqual({ kind: 'kept' });
    expect(machine.hypervisor.domains.get(a.domid)).toBe(a);
    machine.dispose();
  });

  test('a suspended one stays, too, and so does one with "preserve"', async () => {
    const machine = await pair('on_poweroff="preserve"');
    const b = end(machine, 'b', SHUTDOWN_POWEROFF);
    expect(await handleDomainDeath(machine, b)).toEqual({ kind: 'kept' });
    expect(await handleDomainDeath(machine, end(machine, 'a', SHUTDOWN_SUSPEND))).toEqual({ kind: 'kept' });
    machine.dispose();
  });
});

describe('restart', () => {
  const REBOOTS = 'on_reboot="restart"';

  test('builds the domain anew: another number, the same uuid and address, nothing lost', async () => {
    const machine = await pair(REBOOTS);
    const { hypervisor, store } = machine;
    const vm = store.read('/local/domain/2/vm');
    const mac = store.read('/local/domain/2/device/vif/0/mac');
    const free = hypervisor.frames.freeFrames;
    const seen = output(machine);
    let domid = 2;
    for (let round = 0; round < 3; round++, domid++) {
      const outcome = await handleDomainDeath(machine, end(machine, 'b', SHUTDOWN_REBOOT));
      expect(outcome).toMatchObject({ kind: 'restarted', booted: { domain: { name: 'b', domid: domid + 1 } } });
      expect(store.read(`/local/domain/${domid}`)).toBeUndefined();
      expect(store.read(`/local/domain/${domid + 1}/vm`)).toBe(vm);
      expect(store.read(`/local/domain/${domid + 1}/device/vif/0/mac`)).toBe(mac);
      expect(ports(machine)).toEqual(['vif1.0', `vif${domid + 1}.0`]);
      expect(machine.domains.map(({ domain }) => domain.name)).toEqual(['a', 'b']);
      runTo(machine, machine.clock.instructions + 20_000);
      expect(seen.text).toContain('b<sample> >');
      seen.text = '';
      expect(hypervisor.frames.freeFrames).toBe(free);
      expect(findViolations(hypervisor)).toEqual([]);
    }
    machine.sendConsole(domid, Buffer.from('info\n'));
    runTo(machine, machine.clock.instructions + 20_000);
    expect(seen.text).toContain('b<pages >');
    machine.dispose();
  });

  test('one that does nothing else is left as it is after five times', async () => {
    const machine = await pair();
    for (let round = 0; round < 5; round++) {
      expect(await handleDomainDeath(machine, end(machine, 'b', SHUTDOWN_REBOOT))).toMatchObject({ kind: 'restarted' });
    }
    const last = end(machine, 'b', SHUTDOWN_REBOOT);
    expect(await handleDomainDeath(machine, last)).toMatchObject({
      kind: 'kept',
      reason: expect.stringContaining('nothing but restart 5 times'),
    });
    expect(last).toMatchObject({ domid: 7, state: 'shutdown' });
    machine.dispose();
  });

  test('the first in the list stays the first', async () => {
    const machine = await bootDomains({ domains: [loaded('a', REBOOTS), loaded('b')], createMachine });
    runTo(machine, 20_000);
    await handleDomainDeath(machine, end(machine, 'a', SHUTDOWN_REBOOT));
    expect(machine.domains.map(({ domain }) => `${domain.name}${domain.domid}`)).toEqual(['a3', 'b2']);
    machine.dispose();
  });

  test('happens the same way twice', async () => {
    const results = [];
    for (const slice of [Number.POSITIVE_INFINITY, 777]) {
      const machine = await pair(REBOOTS);
      await handleDomainDeath(machine, end(machine, 'b', SHUTDOWN_REBOOT));
      runTo(machine, 60_000, slice);
      results.push({ ...machine.statistics(), hash: machine.memoryHash() });
      machine.dispose();
    }
    expect(results[1]).toEqual(results[0]);
  });

  test('a machine from a snapshot has no images to build from, and says so', async () => {
    const machine = await pair(REBOOTS);
    const restored = await machineFromSnapshot(
      createMachine,
      readSnapshot(new Uint8Array(Buffer.concat(takeSnapshot(machine)))),
    );
    const outcome = await handleDomainDeath(restored, end(restored, 'b', SHUTDOWN_REBOOT));
    expect(outcome).toMatchObject({
      kind: 'kept',
      reason: expect.stringMatching(/a snapshot does not hold the images/),
    });
    machine.dispose();
    restored.dispose();
  });
});

test('the network is in a snapshot: ports, addresses, what was learnt', async () => {
  const machine = await pair();
  const { network } = machine.networks;
  const port = network.switch('xenbr0').ports.get(1);
  const broadcast = Uint8Array.from({ length: 64 }, (_, index) => (index < 6 ? 0xff : 2));
  port?.send({ bytes: broadcast, checksum: 'complete', segmentation: undefined });
  const file = new Uint8Array(Buffer.concat(takeSnapshot(machine)));
  const restored = await machineFromSnapshot(createMachine, readSnapshot(file));
  expect(restored.networks.save()).toEqual(machine.networks.save());
  expect(restored.networks.save().vifs.map(({ domid, options }) => [domid, options.handle])).toEqual([
    [1, 0],
    [2, 0],
  ]);
  for (const each of [machine, restored]) runTo(each, 60_000);
  expect(restored.networks.save()).toEqual(machine.networks.save());
  expect(restored.networks.network.switch('xenbr0').ports.get(2)?.statistics.droppedOut).toBe(1);
  expect(restored.memoryHash()).toBe(machine.memoryHash());
  machine.dispose();
  restored.dispose();
});

describe('interfaces', () => {
  test('made-up addresses are of Xen, differ, and follow from the seed', async () => {
    const addresses = async (seed: number) => {
      const machine = await bootDomains({ domains: [loaded('a'), loaded('b')], createMachine, seed });
      const macs = [1, 2].map((domid) => machine.store.read(`/local/domain/${domid}/device/vif/0/mac`));
      machine.dispose();
      return macs;
    };
    const [one, again, other] = [await addresses(1), await addresses(1), await addresses(2)];
    for (const mac of [...one, ...other]) expect(mac).toMatch(/^00:16:3e:[0-7][0-9a-f](:[0-9a-f]{2}){2}$/);
    expect(one[0]).not.toBe(one[1]);
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });

  test('are plugged and unplugged while the domain runs; numbers and names are used once', async () => {
    const machine = await pair();
    const a = domainOf(machine, 'a');
    const { networks, xenbus } = machine;
    expect(networks.plug(a, 'bridge=other,vifname=uplink')).toMatchObject({ address: { handle: 1 } });
    expect(networks.plug(a, 'devid=1')).toMatchObject({ reason: 'domain 1 has a vif 1 already' });
    expect(networks.plug(a, 'vifname=vif2.0')).toMatchObject({ reason: 'xenbr0 has a port vif2.0 already' });
    expect(networks.plug(a, 'mac=1')).toMatchObject({ reason: expect.stringMatching(/^vif has mac=1, which/) });
    expect([...networks.network.switches.keys()]).toEqual(['xenbr0', 'other']);
    expect(networks.network.switch('other').ports.size).toBe(1);
    expect(machine.unplugVif(1, 1)).toBeUndefined();
    expect(machine.unplugVif(1, 1)).toMatchObject({ reason: 'domain 1 has no vif 1' });
    expect(networks.network.switch('other').ports.size).toBe(0);
    expect(machine.plugVif(1, 'bridge=other')).toBeUndefined();
    expect(xenbus.devicesOf(1, 'vif').map(({ address }) => address.handle)).toEqual([0, 1]);
    expect(machine.plugVif(9, '')).toMatchObject({ reason: 'there is no domain 9' });
    machine.dispose();
  });
});
