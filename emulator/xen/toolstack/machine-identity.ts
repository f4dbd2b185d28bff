/** What a recording or a snapshot was made of, so that one of another machine is refused in words. */
import { DEFAULT_EPOCH_SECONDS } from '../../machine/clock.ts';
import { fingerprintOf } from '../../machine/fingerprint.ts';
import { copyPlain, type PlainObject } from '../../machine/plain-data.ts';
import type { LoadedDomain } from './load-domain.ts';
import { DEFAULT_SEED } from './machine-boot.ts';

export interface DomainIdentity {
  readonly name: string;
  /** Fingerprints of the images as they lie in memory. */
  readonly kernel: string;
  readonly ramdisk: string | undefined;
  readonly 'command line': string;
  /** MB. */
  readonly memory: number;
  readonly vcpus: number;
  readonly uuid: string | undefined;
  readonly disks: readonly string[];
  readonly vifs: readonly string[];
}

export interface MachineIdentity {
  readonly seed: number;
  /** Wall clock at boot, in seconds since 1970. */
  readonly epoch: number;
  readonly domains: readonly DomainIdentity[];
}

export function identityOf(
  domains: readonly LoadedDomain[],
  seed: number = DEFAULT_SEED,
  epoch: number = DEFAULT_EPOCH_SECONDS,
): MachineIdentity {
  return { seed, epoch, domains: domains.map(domainIdentity) };
}

function domainIdentity({ config, image, ramdisk }: LoadedDomain): DomainIdentity {
  return {
    name: config.name,
    kernel: fingerprintOf(image.elf.reader.bytes),
    ramdisk: ramdisk === undefined ? undefined : fingerprintOf(ramdisk),
    'command line': config.commandLine,
    memory: config.memory,
    vcpus: config.vcpus,
    uuid: config.uuid,
    disks: config.disks,
    vifs: config.vifs,
  };
}

/** In words: "the kernel of demo is another one, its memory was 64 and is 128"; empty when they are the same. */
export function identityDifferences(old: MachineIdentity, now: MachineIdentity): readonly string[] {
  if (old.domains.length !== now.domains.length) {
    return [`there were ${old.domains.length} domains, now there are ${now.domains.length}`];
  }
  const differences: string[] = [];
  if (old.seed !== now.seed) differences.push(`the seed was ${old.seed} and is ${now.seed}`);
  if (old.epoch !== now.epoch) differences.push(`the epoch was ${old.epoch} and is ${now.epoch}`);
  for (const [index, before] of old.domains.entries()) {
    const was = copyPlain(before) as PlainObject;
    const is = copyPlain(now.domains[index]) as PlainObject;
    for (const key of Object.keys(was)) {
      if (JSON.stringify(was[key]) === JSON.stringify(is[key])) continue;
      const opaque = key === 'kernel' || key === 'ramdisk';
      const how = opaque ? 'is another one' : `was ${JSON.stringify(was[key])} and is ${JSON.stringify(is[key])}`;
      differences.push(`the ${key} of ${before.name} ${how}`);
    }
  }
  return differences;
}
