/** xl migrate to this very machine: a suspended domain is saved, destroyed, and restored under another number. */

import { ConsoleBackend } from '../backends/console/backend.ts';
import { isRefusal, type Refusal, refuse } from '../common/refusal.ts';
import type { OpenedDisk } from './block-devices.ts';
import { captureDomain } from './domain-image.ts';
import { type RestoredDomain, restoreDomain } from './domain-restore.ts';
import type { BootedDomain, Machine } from './machine-boot.ts';

export interface Migrated {
  readonly restored: RestoredDomain;
  /** Its disks, still open, and its interfaces, as xl.cfg has them. */
  readonly disks: readonly OpenedDisk[];
  readonly vifs: readonly string[];
  /** Typed, and not in the ring yet. */
  readonly input: Uint8Array;
  /** The balloon's target, in KiB. */
  readonly target: string | undefined;
}

/**
 * Refused with the domain as it was where its memory cannot be carried over. A refusal once it is destroyed means that
 * its page tables are not what they were validated as, which is a bug of ours, or that memory has run out.
 */
export function rebuild(machine: Machine, old: BootedDomain): Migrated | Refusal {
  const { hypervisor, networks, store } = machine;
  const { domain } = old;
  if (old.connections.kind !== 'xenbus') return refuse('EOPNOTSUPP', 'a guest of Xen 2.0 cannot be migrated yet');
  hypervisor.storeRegisters(domain);
  const image = captureDomain(hypervisor, domain);
  if (isRefusal(image)) return image;
  const vifs = networks.list(domain.domid).map(({ specification }) => specification);
  const target = store.read(`/local/domain/${domain.domid}/memory/target`);
  const input = old.console instanceof ConsoleBackend ? old.console.takeInput() : new Uint8Array();
  const disks = machine.disks.handOver(domain.domid);
  machine.destroy(old);
  const restored = restoreDomain(hypervisor, image);
  if (!isRefusal(restored)) return { restored, disks, vifs, input, target };
  for (const { store: disk } of disks) disk.close();
  return restored;
}
