/** Boots damaged kernels: whatever they do, the machine must stay ours. */
import { UserError } from '../../../../emulator/base/user-error.ts';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import { domainConfigFromKeys } from '../../../../emulator/xen/toolstack/domain-config.ts';
import { readKernelImage } from '../../../../emulator/xen/toolstack/image/kernel-image.ts';
import { bootDomains } from '../../../../emulator/xen/toolstack/machine-boot.ts';

export interface Ends {
  readonly counts: Readonly<Record<string, number>>;
  /** Crashes must say why. */
  readonly reasons: ReadonlySet<string>;
}

const INSTRUCTIONS = 3_000_000;

/**
 * Flips bits anywhere in the file, mostly in code, boots what is still an image, and runs it for a while. Throws what
 * is neither a UserError nor the guest's own end.
 */
export async function bootMutants(image: Uint8Array, count: number, seed: number): Promise<Ends> {
  let state = seed;
  const random = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * limit);
  };
  const counts: Record<string, number> = {};
  const reasons = new Set<string>();
  for (let number = 0; number < count; number++) {
    const mutant = image.slice();
    for (let flips = 1 + random(40); flips > 0; flips--) {
      // GRUB's core, which runs first, lies in the first 128 KiB.
      const at = random(4) === 0 ? random(mutant.length) : random(Math.min(mutant.length, 131072));
      mutant[at] = (mutant[at] ?? 0) ^ (1 << random(8));
    }
    const end = await bootMutant(mutant, reasons).catch((error: unknown) => {
      throw new Error(`mutant ${number} of seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`);
    });
    counts[end] = (counts[end] ?? 0) + 1;
  }
  return { counts, reasons };
}

async function bootMutant(kernel: Uint8Array, reasons: Set<string>): Promise<string> {
  const { config } = domainConfigFromKeys({ kernel: 'mutant', memory: 16 });
  let machine: Awaited<ReturnType<typeof bootDomains>>;
  try {
    const image = readKernelImage(kernel);
    machine = await bootDomains({ domains: [{ config, image, ramdisk: undefined, warnings: [] }], createMachine });
  } catch (error) {
    if (error instanceof UserError) return 'refused';
    throw error;
  }
  const { hypervisor } = machine;
  const { domain } = machine.domains[0]!;
  for (let left = INSTRUCTIONS; left > 0 && domain.alive; left -= 100_000) {
    if (machine.run(100_000).kind === 'idle' && !hypervisor.skipToNextDeadline()) break;
  }
  machine.dispose();
  if (domain.shutdown === undefined) return 'runs';
  if (domain.shutdown.reason === '') throw new Error('an end without a reason');
  if (domain.shutdown.kind === 'crash') reasons.add(domain.shutdown.reason);
  return domain.shutdown.kind;
}
