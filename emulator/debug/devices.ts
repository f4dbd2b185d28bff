/** What whoever watches a machine asks of running domains: disks and network interfaces in and out, and xl's commands. */
import { UserError } from '../base/user-error.ts';
import type { Refusal } from '../xen/common/refusal.ts';
import type { Machine } from '../xen/toolstack/machine-boot.ts';
import type { DeviceInfo } from './target.ts';

export class Devices {
  constructor(
    private readonly machine: Machine,
    /** What a relative image name of a domain starts from. */
    private readonly folderOf: (domain: number) => string | undefined,
  ) {}

  list(domain: number): readonly DeviceInfo[] {
    return this.machine
      .devices(domain)
      .map(({ kind, ...rest }) => ({ kind: kind === 'vbd' ? 'disk' : 'vif', ...rest }));
  }

  /** @throws UserError that says why it cannot be plugged in */
  async attach(domid: number, kind: DeviceInfo['kind'], specification: string): Promise<void> {
    refuseIf(
      kind === 'vif'
        ? this.machine.plugVif(domid, specification)
        : await this.machine.plugDisk(domid, specification, this.folderOf(domid)),
    );
  }

  /** A command of toolstack/domain-control.ts. @throws UserError that says why it cannot be */
  control(domid: number, line: string): void {
    const refusal = this.machine.control(domid, line);
    if (refusal !== undefined) throw new UserError('control.refused', sentence(refusal.reason));
  }

  /** @throws UserError where there is no such device */
  detach(domid: number, kind: DeviceInfo['kind'], name: string, force: boolean): void {
    refuseIf(
      kind === 'disk'
        ? this.machine.unplugDisk(domid, name, force)
        : this.machine.unplugVif(domid, /^\d{1,5}$/.test(name) ? Number(name) : -1, force),
    );
  }
}

function refuseIf(refusal: Refusal | undefined): void {
  if (refusal !== undefined) throw refused(refusal.reason);
}

function refused(reason: string): UserError {
  return new UserError('device.refused', sentence(reason), 'Specifications are those of disk and vif in xl.cfg(5).');
}

function sentence(reason: string): string {
  return `${reason.slice(0, 1).toUpperCase()}${reason.slice(1)}.`;
}
