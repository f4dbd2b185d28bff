/**
 * Where events come back to what they interrupted, another one may come at every instruction: Xen 2.0 and 1.2 have no
 * hypercall that returns and lets events in at once, and start.S has to do without.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Port } from '../../../emulator/base/numbers.ts';
import { readElf } from '../../../emulator/elf/elf-file.ts';
import { readSymbols } from '../../../emulator/elf/elf-symbols.ts';
import { createMachine } from '../../../emulator/xen/toolstack/create-machine.ts';
import { domainConfigFromKeys } from '../../../emulator/xen/toolstack/domain-config.ts';
import { readKernelImage } from '../../../emulator/xen/toolstack/image/kernel-image.ts';
import { bootDomains, type Machine } from '../../../emulator/xen/toolstack/machine-boot.ts';

const image = new Uint8Array(readFileSync('media/sample/guest.elf'));
const symbols = new Map(readSymbols(readElf(image)).map(({ name, value }) => [name, value >>> 0]));
const at = (name: string): number => symbols.get(name) as number;

const RSP = 4;
const EVENT_NET = 4;

interface Case {
  readonly abi: '2.0' | '1.2';
  readonly wayOut: readonly [leave: number, iret: number];
  /** An event that its handler finds nothing behind. */
  readonly send: (machine: Machine) => void;
}

const CASES: readonly Case[] = [
  {
    abi: '2.0',
    wayOut: [at('leave_2_0'), at('iret_2_0')],
    send: ({ hypervisor, domains }) => {
      // The console's port is the first that the toolstack allocates.
      if (domains[0] !== undefined) hypervisor.notifyGuest(domains[0].domain, 1 as Port);
    },
  },
  {
    abi: '1.2',
    wayOut: [at('leave_1_2'), at('iret_1_2')],
    send: ({ hypervisor, domains }) => {
      if (domains[0] !== undefined) hypervisor.raiseDeviceEvent(domains[0].domain, EVENT_NET);
    },
  },
];

async function boot(abi: Case['abi']): Promise<Machine> {
  const keys = { kernel: 'k', name: 'sample', memory: 4, abi, vifs: ['mac=00:16:3e:00:00:01'], cmdline: '' };
  const { config } = domainConfigFromKeys(keys);
  const loaded = { config, image: readKernelImage(image, abi), ramdisk: undefined, warnings: [] };
  return bootDomains({ domains: [loaded], createMachine });
}

function untilIdle(machine: Machine): void {
  for (let turns = 0; turns < 1000; turns++) {
    if (machine.run(100_000).kind === 'idle' && machine.hypervisor.clock.now() > 200_000_000) return;
    machine.hypervisor.skipToNextDeadline();
  }
}

const eip = ({ hypervisor }: Machine): number => hypervisor.processor.rip >>> 0;
const registers = ({ hypervisor: { processor } }: Machine): readonly number[] =>
  Array.from({ length: 8 }, (_, index) => processor.low(index) >>> 0);

describe.each(CASES)('on Xen $abi', ({ abi, wayOut: [leave, iret], send }) => {
  test('a second event at any instruction of the way out leaves registers and stack as they were', async () => {
    const machine = await boot(abi);
    untilIdle(machine);
    const back = eip(machine);
    /** One event; another at the given step of the way out. The registers when the interrupted code goes on. */
    const once = (second: number): { readonly steps: number; readonly after: readonly number[] } => {
      send(machine);
      let steps = 0;
      for (let instructions = 0; instructions < 5000; instructions++) {
        machine.run(1);
        if (eip(machine) === back && steps > 0) return { steps, after: registers(machine) };
        if (eip(machine) < leave || eip(machine) > iret) continue;
        if (steps++ === second) send(machine);
      }
      throw new Error('the kernel never came back');
    };
    const plain = once(-1);
    expect(plain.steps).toBeGreaterThan(8);
    untilIdle(machine);
    for (let second = 0; second < plain.steps; second++) {
      const { steps, after } = once(second);
      // It was taken before the way out ended.
      expect(steps).toBeGreaterThan(plain.steps);
      expect(after[RSP]).toBe(plain.after[RSP]);
      expect(after).toEqual(plain.after);
      untilIdle(machine);
    }
    machine.dispose();
  });
});
