import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import type { Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import {
  machineFromSnapshot,
  readSnapshot,
  restoreMachine,
  takeSnapshot,
} from '../../../../emulator/xen/toolstack/machine-snapshot.ts';
import { bootGuest, runTo, sampleGuest } from './booted.ts';
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
});
