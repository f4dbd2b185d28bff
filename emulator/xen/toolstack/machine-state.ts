/** A machine's state as plain data: the hypervisor's, and that of everything the host plays. */
import { ByteReader } from '../../elf/byte-reader.ts';
import { type ElfFile, readElf } from '../../elf/elf-file.ts';
import { copyPlain, type PlainData, type PlainObject } from '../../machine/plain-data.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { type DomainState, type HypervisorState, recreateDomain, saveDomain } from '../common/hypervisor-state.ts';
import type { SavedDisk } from './block-devices.ts';
import type { HostSide } from './host-side.ts';
import type { KernelImage } from './image/kernel-image.ts';
import type { BootedDomain, Machine } from './machine-boot.ts';

export interface BootedDomainState {
  readonly config: BootedDomain['config'];
  readonly layout: BootedDomain['layout'];
  readonly connections: BootedDomain['connections'];
  readonly domid: number;
  /** A domain that has been destroyed, and is still there to be looked at. */
  readonly destroyed: DomainState | undefined;
  readonly image: PlainObject;
  readonly console: PlainObject;
  /** Of a domain that has one. */
  readonly xenstore: PlainObject | undefined;
}

export interface MachineState {
  readonly frames: number;
  readonly seed: number;
  readonly random: number;
  readonly hypervisor: HypervisorState;
  readonly store: PlainObject;
  readonly disks: readonly SavedDisk[];
  readonly networks: PlainData;
  readonly xenbus: PlainData;
  /** What becomes of domains that have been asked to suspend themselves. */
  readonly control: readonly (readonly [domid: number, then: string])[];
  readonly domains: readonly BootedDomainState[];
}

export function saveMachine(machine: Machine, random: number, control: MachineState['control']): MachineState {
  const { hypervisor, store, seed } = machine;
  return {
    frames: hypervisor.ram.frameCount,
    seed,
    random,
    hypervisor: hypervisor.save(),
    store: store.save(),
    disks: machine.disks.save(),
    networks: copyPlain(machine.networks.save(), 'networks'),
    xenbus: copyPlain(machine.xenbus.save(), 'xenbus'),
    control,
    domains: machine.domains.map((booted) => saveBooted(hypervisor, booted)),
  };
}

function saveBooted(hypervisor: Hypervisor, booted: BootedDomain): BootedDomainState {
  const { config, layout, connections, domain } = booted;
  return {
    ...{ config, layout, connections },
    domid: domain.domid,
    destroyed: hypervisor.domains.get(domain.domid) === domain ? undefined : saveDomain(domain),
    image: saveImage(booted.image),
    console: booted.console.save(),
    xenstore: booted.xenstore?.save(),
  };
}

/** A domain but for its back ends. */
export function domainParts(hypervisor: Hypervisor, saved: BootedDomainState): Omit<BootedDomain, keyof HostSide> {
  const { config, layout, connections, destroyed } = saved;
  const live = hypervisor.domains.get(saved.domid as never);
  const domain = destroyed === undefined ? live : recreateDomain(destroyed);
  if (domain === undefined) throw new Error(`the snapshot has no domain ${saved.domid}`);
  return { config, layout, connections, domain, image: restoreImage(saved.image) };
}

/** Of an image there are left its parameters, and an ELF file if that has symbols. */
function saveImage(image: KernelImage): PlainObject {
  const { elf, ...rest } = image;
  const { reader, ...headers } = elf;
  return { rest: copyPlain(rest), headers: copyPlain(headers), file: reader.bytes };
}

function restoreImage(saved: PlainObject): KernelImage {
  const file = saved.file as Uint8Array;
  const headers = saved.headers as unknown as Omit<ElfFile, 'reader'>;
  const elf = file.length === 0 ? { ...headers, reader: new ByteReader(file) } : readElf(file);
  return { ...(copyPlain(saved.rest) as unknown as Omit<KernelImage, 'elf'>), elf };
}
