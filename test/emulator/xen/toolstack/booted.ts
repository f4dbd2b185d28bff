/** Machines for tests of determinism: boots without a command line, runs to exact instruction counts. */
import { readFileSync } from 'node:fs';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import { domainConfigFromKeys } from '../../../../emulator/xen/toolstack/domain-config.ts';
import { readKernelImage } from '../../../../emulator/xen/toolstack/image/kernel-image.ts';
import type { LoadedDomain } from '../../../../emulator/xen/toolstack/load-domain.ts';
import { bootDomains, type Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';

export interface Guest {
  readonly kernel: Uint8Array;
  readonly memory: number;
  readonly vcpus?: number;
  readonly ramdisk?: Uint8Array;
  readonly cmdline?: string;
}

/** A small 64-bit domain of our own (test/guests/minimal). */
export function sampleGuest(): Guest {
  return { kernel: new Uint8Array(readFileSync('test/guests/minimal/guest.elf')), memory: 8 };
}

export function loadedGuest({ kernel, memory, vcpus, ramdisk, cmdline = 'console=hvc0' }: Guest): LoadedDomain {
  const { config } = domainConfigFromKeys({ kernel: 'k', name: 'demo', memory, vcpus, cmdline });
  return { config, image: readKernelImage(kernel), ramdisk, warnings: [] };
}

export function bootGuest(guest: Guest): Promise<Machine> {
  return bootDomains({ domains: [loadedGuest(guest)], createMachine });
}

/** Runs to exactly that many instructions, skipping idle time; false when the machine ends or waits for ever before. */
export function runTo(machine: Machine, instructions: number, slice = Number.POSITIVE_INFINITY): boolean {
  const { hypervisor } = machine;
  while (hypervisor.clock.instructions < instructions) {
    const result = machine.run(Math.min(slice, instructions - hypervisor.clock.instructions));
    if (result.kind === 'idle' && !hypervisor.skipToNextDeadline()) return false;
    if (result.kind === 'ended' && !machine.domains.some(({ domain }) => domain.alive)) return false;
  }
  return true;
}
