import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import { domainConfigFromKeys } from '../../../../emulator/xen/toolstack/domain-config.ts';
import { readKernelImage } from '../../../../emulator/xen/toolstack/image/kernel-image.ts';
import { bootDomains, type Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import { debianCloudKernel, grub } from '../../../support/guests.ts';
import { orSkip } from '../../../support/skip.ts';

/** How the host cuts its slices must not be visible to the guest: not in registers, not in memory, not in time. */

async function boot(kernel: Uint8Array, memory: number): Promise<Machine> {
  const { config } = domainConfigFromKeys({ kernel: 'k', name: 'demo', memory, cmdline: 'console=hvc0' });
  const image = readKernelImage(kernel);
  return bootDomains({ domains: [{ config, image, ramdisk: undefined, warnings: [] }], createMachine });
}

function runTo(machine: Machine, instructions: number, slice: number): void {
  const { clock } = machine.hypervisor;
  while (clock.instructions < instructions) {
    const result = machine.run(Math.min(slice, instructions - clock.instructions));
    if (result.kind === 'idle' && !machine.hypervisor.skipToNextDeadline()) return;
  }
}

describe.each([
  ['GRUB', () => grub(), 64, 20_000_000, 9973],
  ["Debian's kernel", debianCloudKernel, 128, 60_000_000, 33_333],
] as const)('%s', (_name, provide, memory, instructions, slice) => {
  test('one slice or many', async (context) => {
    const kernel = new Uint8Array(readFileSync(orSkip(context, provide)));
    const whole = await boot(kernel, memory);
    runTo(whole, instructions, instructions);
    const cut = await boot(kernel, memory);
    runTo(cut, instructions, slice);
    expect(cut.statistics()).toEqual(whole.statistics());
    expect(cut.memoryHash()).toBe(whole.memoryHash());
    expect(whole.statistics().instructions).toBeGreaterThanOrEqual(instructions);
  });
});
