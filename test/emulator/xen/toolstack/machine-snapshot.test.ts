import { describe, expect, test } from 'vitest';
import type { PlainData } from '../../../../emulator/machine/plain-data.ts';
import { encodeSnapshot } from '../../../../emulator/machine/snapshot-file.ts';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import type { Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import {
  machineFromSnapshot,
  readSnapshot,
  restoreMachine,
  takeSnapshot,
} from '../../../../emulator/xen/toolstack/machine-snapshot.ts';
import { bootGuest, loadedGuest, runTo, sampleGuest } from './booted.ts';

function fileOf(machine: Machine): Uint8Array {
  return new Uint8Array(Buffer.concat(takeSnapshot(machine)));
}

const result = (machine: Machine) => ({ ...machine.statistics(), hash: machine.memoryHash() });

const go = (on: Machine, typed: string, instructions: number): void => {
  on.domains[0]!.console.sendInput(Buffer.from(typed));
  runTo(on, instructions);
};

describe('a snapshot of the sample', () => {
  test('goes on in a new machine as the machine itself does', async () => {
    const machine = await bootGuest(sampleGuest());
    for (const instructions of [0, 1, 2_500, 30_000]) {
      runTo(machine, instructions);
      const file = fileOf(machine);
      const restored = await machineFromSnapshot(createMachine, readSnapshot(file));
      expect(result(restored)).toEqual(result(machine));
      expect(Buffer.compare(fileOf(restored), file)).toBe(0);
      for (const each of [restored, machine]) go(each, 'info\n', instructions + 5_000);
      expect(result(restored)).toEqual(result(machine));
      restored.dispose();
    }
    machine.dispose();
  });

  test('of a Xenoscope whose machines had other parts or fields is refused in words', async () => {
    const machine = await bootGuest(sampleGuest());
    const { ram } = machine.hypervisor;
    const file = (change: object): Uint8Array => {
      const state = { disks: [], machine: { ...machine.save(), ...change } } as unknown as PlainData;
      return new Uint8Array(Buffer.concat(encodeSnapshot(state, ram, () => false)));
    };
    expect(() => readSnapshot(file({ xenbus: undefined }))).toThrow('taken by another Xenoscope: it has no xenbus');
    const hypervisor = machine.hypervisor.save();
    const frames = { ...hypervisor.frames, colours: 1 };
    const strange = readSnapshot(file({ hypervisor: { ...hypervisor, frames } }));
    await expect(machineFromSnapshot(createMachine, strange)).rejects.toThrow('the state of FrameTable has colours');
  });

  test('can be restarted where its images are at hand', async () => {
    const machine = await bootGuest(sampleGuest());
    runTo(machine, 5_000);
    const restored = await machineFromSnapshot(createMachine, readSnapshot(fileOf(machine)));
    expect(await restored.restart(restored.domains[0]!)).toMatchObject({ errno: 2 });
    restored.keepSource(restored.domains[0]!, loadedGuest(sampleGuest()));
    for (const each of [machine, restored]) {
      expect(await each.restart(each.domains[0]!)).toMatchObject({ domain: { domid: 2 } });
      runTo(each, 10_000);
    }
    expect(result(restored)).toEqual(result(machine));
    expect(Buffer.compare(fileOf(restored), fileOf(machine))).toBe(0);
  });

  test('taken at many moments puts a machine that ran on back', async () => {
    const machine = await bootGuest(sampleGuest());
    for (let step = 0; step < 30; step++) {
      const typed = step % 3 === 2 ? 'info\nfault\n' : '';
      runTo(machine, machine.statistics().instructions + 1 + ((step * 7919) % 3001));
      const until = machine.statistics().instructions + 4000;
      const before = result(machine);
      const file = fileOf(machine);
      go(machine, typed, until);
      const after = result(machine);
      restoreMachine(machine, readSnapshot(file));
      expect(result(machine)).toEqual(before);
      go(machine, typed, until);
      expect(result(machine)).toEqual(after);
    }
    machine.dispose();
  });
});
