import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { DiskStore, OpenDisk } from '../../../../emulator/base/disk-store.ts';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import { bootDomains, type Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import {
  machineFromSnapshot,
  readSnapshot,
  restoreMachine,
  takeSnapshot,
} from '../../../../emulator/xen/toolstack/machine-snapshot.ts';
import { bootGuest, loadedGuest, runTo, sampleGuest } from './booted.ts';
import { compareGraphs, type Exemption } from './object-graph.ts';

const exemptions: readonly Exemption[] = [
  { path: /\.processor\.(\w+\.)*cache$/, because: 'decoded code is made anew' },
  { path: /\.ram\.codeFrames$/, because: 'decoded code is made anew' },
  { path: /\.mmu\.tlb\.filled\.\d$/, because: 'a list whose order does not matter' },
  { path: /^\.sources\./, because: 'images for a restart are not in a snapshot' },
  { path: /\.processor\.(\w+\.)?(fetchLow|fetchHigh|granted)$/, because: 'set by every run' },
  { path: /\.mmu\.found\.\w+$/, because: 'result of the last walk, set by the next' },
  { path: /\.loop\.args\.(lows|highs)$/, because: 'arguments of the last hypercall, set by the next' },
];

function differences(machine: Machine, restored: Machine) {
  const memory = [machine, restored].map(({ hypervisor }) => hypervisor.ram.memory.buffer);
  const result = compareGraphs(machine, restored, exemptions, memory);
  return {
    ...result,
    differences: result.differences.map(({ path, left, right }) => `${path}: ${show(left)} / ${show(right)}`),
  };
}

const show = (value: unknown): string => inspect(value, { depth: 0 }).replace(/\s+/g, ' ').slice(0, 80);

describe('every field of a machine', () => {
  test('is as it was in a machine made from a snapshot', async () => {
    const machine = await bootGuest(sampleGuest());
    machine.sendConsole(1, Buffer.from('info\n'));
    runTo(machine, 8_000);
    const file = new Uint8Array(Buffer.concat(takeSnapshot(machine)));
    const restored = await machineFromSnapshot(createMachine, readSnapshot(file));
    const found = differences(machine, restored);
    expect(found.differences).toEqual([]);
    expect(found.objects).toBeGreaterThan(500);
    expect(exemptions.filter((each) => !found.used.has(each))).toEqual([]);
    // Put back after it has run on, it differs in nothing either.
    runTo(restored, 12_000);
    expect(differences(machine, restored).differences.length).toBeGreaterThan(10);
    restoreMachine(restored, readSnapshot(file));
    expect(differences(machine, restored).differences).toEqual([]);
  });

  test('with two domains, disks and network interfaces', async () => {
    const openDisk: OpenDisk = (name, _folder, { readOnly }) => Promise.resolve(new MemoryDisk(name, readOnly));
    const guest = sampleGuest();
    const devices = {
      disks: ['a.img,,xvda,w', 'b.img,,xvdb,r'],
      vifs: ['bridge=lan', 'bridge=lan,mac=00:16:3e:00:00:07'],
    };
    const domains = ['one', 'two'].map((name, index) => {
      const loaded = loadedGuest(guest);
      const disks = index === 0 ? devices.disks : [];
      return { ...loaded, config: { ...loaded.config, name, vifs: devices.vifs, disks } };
    });
    const machine = await bootDomains({ domains, createMachine, openDisk });
    for (const domid of [1, 2]) machine.sendConsole(domid, Buffer.from('info\n'));
    runTo(machine, 11_000);
    const file = new Uint8Array(Buffer.concat(takeSnapshot(machine)));
    const restored = await machineFromSnapshot(createMachine, readSnapshot(file), openDisk);
    expect(differences(machine, restored).differences).toEqual([]);
    expect(restored.disks.save()).toEqual(machine.disks.save());
    expect(() => restoreMachine(restored, readSnapshot(file))).toThrow(/its disk xvda may have been written since/);
    for (const each of [machine, restored]) runTo(each, 20_000);
    expect(restored.memoryHash()).toBe(machine.memoryHash());
    expect(differences(machine, restored).differences).toEqual([]);
  });
});

class MemoryDisk implements DiskStore {
  readonly size = 1 << 20;
  constructor(
    readonly identity: string,
    readonly readOnly: boolean,
  ) {}
  measure(): void {}
  read(): undefined {}
  write(): undefined {}
  flush(): undefined {}
  discard(): undefined {}
  close(): void {}
}
