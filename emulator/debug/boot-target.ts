import type { OpenDisk } from '../base/disk-store.ts';
import type { Scheduler } from '../base/scheduler.ts';
import { type LoadedDomain, loadDomainFile, loadDomainKeys } from '../xen/toolstack/load-domain.ts';
import { bootDomains, type CreateMachine } from '../xen/toolstack/machine-boot.ts';
import { machineCatalogue } from './hypercall-catalogue.ts';
import { LocalTarget } from './local-target.ts';
import type { DebugTarget } from './target.ts';
import type { ReadFile, TargetOptions } from './target-options.ts';

/** What only the host has. */
export interface TargetPorts {
  readonly readFile: ReadFile;
  readonly scheduler: Scheduler;
  readonly createMachine: CreateMachine;
  readonly openDisk: OpenDisk;
}

/** Reads the images, builds the domains, and hands over the machine before its first instruction. @throws UserError */
export async function bootTarget(options: TargetOptions, ports: TargetPorts): Promise<DebugTarget> {
  const loaded: LoadedDomain[] = [];
  for (const domain of options.domains) {
    loaded.push(
      domain.kind === 'file'
        ? await loadDomainFile(ports.readFile, domain.path, options.folder)
        : await loadDomainKeys(ports.readFile, domain, options.folder),
    );
  }
  const { createMachine, openDisk, scheduler } = ports;
  const machine = await bootDomains({ domains: loaded, createMachine, openDisk, seed: options.seed });
  return new LocalTarget({
    machine,
    scheduler,
    pace: options.pace,
    trace: new Set(options.trace),
    catalogue: machineCatalogue(machine.domains.map(({ domain }) => domain.abiVersion)),
    notices: loaded.flatMap(({ warnings }) => warnings),
    kernels: loaded.map(({ config, folder }, index) => ({
      domain: machine.domains[index]?.domain.domid ?? 0,
      path: config.kernel,
      folder,
    })),
  });
}
