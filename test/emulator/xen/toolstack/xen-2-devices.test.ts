/** Devices of a Xen 2.0 domain from its configuration to a snapshot of its machine; the test plays the front ends. */
import { describe, expect, test } from 'vitest';
import type { MachineAddress, Port } from '../../../../emulator/base/numbers.ts';
import { MemoryDisk } from '../../../../emulator/host/browser/memory-disk.ts';
import { sendEvent } from '../../../../emulator/xen/common/event-channel.ts';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import { domainConfigFromKeys } from '../../../../emulator/xen/toolstack/domain-config.ts';
import { readKernelImage } from '../../../../emulator/xen/toolstack/image/kernel-image.ts';
import { bootDomains, type Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import {
  machineFromSnapshot,
  readSnapshot,
  restoreMachine,
  takeSnapshot,
} from '../../../../emulator/xen/toolstack/machine-snapshot.ts';
import { buildElf, text } from '../../elf/build-elf.ts';

const BASE = 0xc0100000;
/** A jump to itself: its events stay masked. */
const CODE = 'ebfe';
const openDisk = (name: string, _folder: unknown, { readOnly }: { readonly readOnly: boolean }) =>
  Promise.resolve(new MemoryDisk(new Uint8Array(64 * 512).fill(name.charCodeAt(0)), readOnly, name));

function boot(keys: { disks?: string[]; vifs?: string[]; vcpus?: number }): Promise<Machine> {
  const { config } = domainConfigFromKeys({ name: 'old', kernel: 'loop', memory: 16, ...keys });
  const image = readKernelImage(
    buildElf({
      elfClass: 32,
      entry: BASE,
      segments: [{ paddr: BASE, vaddr: BASE, bytes: Buffer.from(CODE, 'hex') }],
      sections: [
        { name: '__xen_guest', type: 1, bytes: text('GUEST_OS=loop,XEN_VER=2.0,VIRT_BASE=0xC0000000,LOADER=generic') },
      ],
    }),
  );
  return bootDomains({ domains: [{ config, image, ramdisk: undefined, warnings: [] }], createMachine, openDisk });
}

/** A message of the guest's, as ctrl_if.c sends it. */
function send(machine: Machine, type: number, subtype: number, ...words: readonly number[]): void {
  const { domain, connections } = machine.domains[0] ?? {};
  if (domain === undefined || connections?.kind !== 'controller') throw new Error('a domain of Xen 2.0');
  const { ram } = machine.hypervisor;
  const start = domain.sharedInfoMfn * 4096 + 2048;
  const produced = ram.read32((start + 1024) as MachineAddress);
  const slot = start + (produced & 7) * 64;
  const payload = new Uint32Array(words);
  ram.write32(slot as MachineAddress, type | (subtype << 8) | (0xff << 16) | (payload.byteLength << 24));
  ram.writeBytes((slot + 4) as MachineAddress, new Uint8Array(payload.buffer));
  ram.write32((start + 1024) as MachineAddress, produced + 1);
  sendEvent(machine.hypervisor, domain, connections.controllerPort);
}

const frame = (machine: Machine, pfn: number): number => machine.domains[0]?.domain.mfnOf(pfn) as number;
const word = (machine: Machine, pfn: number, offset: number): number =>
  machine.hypervisor.ram.read32((frame(machine, pfn) * 4096 + offset) as MachineAddress);

/** One read of the first sector of a disk into page 2002, put in and told of. */
function read(machine: Machine, device: number, port: number): void {
  const { ram } = machine.hypervisor;
  const ring = frame(machine, 2000) * 4096;
  const produced = word(machine, 2000, 0);
  const at = ring + 8 + produced * 60;
  ram.write32(at as MachineAddress, 0x100 | (device << 16));
  ram.write32((at + 4) as MachineAddress, produced);
  ram.write32((at + 16) as MachineAddress, frame(machine, 2002) * 4096 + 7);
  ram.write32(ring as MachineAddress, produced + 1);
  const domain = machine.domains[0]?.domain;
  if (domain !== undefined) sendEvent(machine.hypervisor, domain, port as Port);
}

describe('devices of a Xen 2.0 domain', () => {
  test('are those of its configuration, numbered as Linux of its time does', async () => {
    const disks = ['a.img,,hda1,w', 'b.img,,sdb,r', 'c.img,,xvda,w'];
    const machine = await boot({ disks, vifs: ['mac=aa:00:00:00:00:01', 'bridge=lan'] });
    expect(machine.domains[0]?.controller?.disks.map(({ options }) => options.virtualDevice)).toEqual([
      0x301, 0x810, 0xca00,
    ]);
    expect(machine.devices(1).map(({ kind, name, state }) => `${kind} ${name}: ${state}`)).toEqual([
      'vbd hda1: vbd 769 of domain 1: no front end',
      'vbd sdb: vbd 2064 of domain 1: no front end',
      'vbd xvda: vbd 51712 of domain 1: no front end',
      'vif 0: vif 0 of domain 1: no front end',
      'vif 1: vif 1 of domain 1: no front end',
    ]);
    expect(machine.rings(1).map(({ name }) => name)).toEqual(['control interface']);
    expect(machine.unplugDisk(1, 'sdb')).toBeUndefined();
    expect(machine.unplugDisk(1, 'sdb')).toMatchObject({ reason: 'domain 1 has no disk sdb' });
    expect(await machine.plugDisk(1, 'd.img,,sdc,w', undefined)).toBeUndefined();
    expect(await machine.plugDisk(1, 'd.img,,sdd,w', undefined)).toMatchObject({
      reason: expect.stringContaining('d.img is sdc of domain 1 already'),
    });
    expect(machine.unplugVif(1, 1)).toBeUndefined();
    expect(machine.plugVif(1, 'devid=0')).toMatchObject({ reason: 'domain 1 has a vif 0 already' });
    expect(machine.devices(1).map(({ name }) => name)).toEqual(['hda1', 'sdc', 'xvda', '0']);
    machine.dispose();
  });

  test('that its interface cannot number are refused in words', async () => {
    await expect(boot({ disks: ['a.img,,xvdq,w'] })).rejects.toMatchObject({
      id: 'domain.device',
      message: expect.stringContaining('Xen 2.0 numbers disks by 16 bits'),
    });
    await expect(boot({ vcpus: 2 })).rejects.toMatchObject({ id: 'domain.vcpus' });
  });

  test('outlive a snapshot: connections, requests on their way, and what the control interface said', async () => {
    const machine = await boot({ disks: ['a.img,,hda,r'], vifs: ['mac=aa:00:00:00:00:01'] });
    send(machine, 2, 32, 1, 0);
    send(machine, 2, 33, 0, 0, frame(machine, 2000), 0);
    send(machine, 4, 32, 1, 0);
    send(machine, 4, 33, 0, 0, frame(machine, 2003), 0, frame(machine, 2004), 0);
    const port = 2;
    read(machine, 0x300, port);
    const file = new Uint8Array(Buffer.concat(takeSnapshot(machine)));
    const rings = machine.rings(1);
    expect(rings.map(({ name }) => name)).toEqual([
      'control interface',
      'block interface 0 blkif 2.0',
      'vif 0 netif 2.0 tx',
      'vif 0 netif 2.0 rx',
    ]);
    const restored = await machineFromSnapshot(createMachine, readSnapshot(file), openDisk as never);
    expect(restored.rings(1)).toEqual(rings);
    for (const each of [machine, restored]) each.run(100_000);
    for (const each of [machine, restored]) {
      expect([word(each, 2000, 4), word(each, 2002, 0)]).toEqual([1, 0x61616161]);
    }
    expect(restored.memoryHash()).toBe(machine.memoryHash());
    expect(restored.save()).toEqual(machine.save());
    // Put back in the same process, it does it once more.
    restoreMachine(machine, readSnapshot(file));
    expect(word(machine, 2000, 4)).toBe(0);
    machine.run(100_000);
    expect(restored.memoryHash()).toBe(machine.memoryHash());
    expect(machine.disks.statistics()).toEqual(restored.disks.statistics());
    for (const each of [machine, restored]) each.dispose();
  });
});
