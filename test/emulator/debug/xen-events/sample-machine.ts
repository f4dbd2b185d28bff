/** The bundled sample on a machine in this thread, and what a debugged run of it may not change. */
import { readFileSync } from 'node:fs';
import { xen4Catalogue } from '../../../../emulator/debug/hypercall-catalogue.ts';
import { LocalTarget } from '../../../../emulator/debug/local-target.ts';
import type { StopEvent } from '../../../../emulator/debug/target.ts';
import { nodeScheduler } from '../../../../emulator/host/node/scheduler.ts';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import { domainConfigFromKeys } from '../../../../emulator/xen/toolstack/domain-config.ts';
import { readKernelImage } from '../../../../emulator/xen/toolstack/image/kernel-image.ts';
import { bootDomains, type Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';

export function bootSample(): Promise<Machine> {
  const kernel = readFileSync('test/guests/minimal/guest.elf');
  const { config } = domainConfigFromKeys({ kernel: '/sample', name: 'sample', memory: 64 });
  return bootDomains({
    domains: [{ config, image: readKernelImage(kernel), ramdisk: undefined, warnings: [] }],
    createMachine,
  });
}

export function debugged(machine: Machine): LocalTarget {
  const pace = 'free';
  const trace = new Set<string>();
  const catalogue = xen4Catalogue();
  return new LocalTarget({ machine, scheduler: nodeScheduler, pace, trace, catalogue, notices: [], kernels: [] });
}

/** Starts something and waits for the stop that follows. */
export function stopAfter(target: LocalTarget, start: () => Promise<unknown>): Promise<StopEvent> {
  return new Promise((resolve, reject) => {
    const listener = target.onStopped((event) => {
      listener.dispose();
      resolve(event);
    });
    start().catch(reject);
  });
}

interface Counts {
  /** Exits of the processor by reason, without those for a used-up budget. */
  readonly exits: Record<number, number>;
  /** Decoded blocks: where, in which mode, how many records. */
  blocks(): readonly string[];
}

/** Counts what the machine's processor does from now on. */
export function countWork(machine: Machine): Counts {
  const { processor } = machine.hypervisor;
  const exits: Record<number, number> = {};
  const run = processor.run.bind(processor);
  processor.run = (budget) => {
    const reason = run(budget);
    if (reason !== 0) exits[reason] = (exits[reason] ?? 0) + 1;
    return reason;
  };
  const { cache } = (
    processor as unknown as {
      execution: { parts: { cache: { blocks: Map<number, { key: number; records: number }> } } };
    }
  ).execution.parts;
  return { exits, blocks: () => Array.from(cache.blocks.values(), ({ key, records }) => `${key}/${records}`).sort() };
}

/** Runs without any debugger, until so many instructions have been executed and so much virtual time has passed. */
export function runTo(machine: Machine, instructions: number, nanoseconds: number): void {
  const { clock } = machine;
  while (clock.instructions < instructions || clock.now() < nanoseconds) {
    const result = machine.run(instructions - clock.instructions);
    if (result.kind === 'budget' && clock.instructions >= instructions) {
      clock.skipTo(nanoseconds);
      machine.run(0);
      return;
    }
    if (result.kind === 'idle' && !machine.skipToNextDeadline()) throw new Error('idle for good');
  }
}
