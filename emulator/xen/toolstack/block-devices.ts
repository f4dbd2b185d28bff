/** The disks of a machine's domains: which file is behind which device, plugging and unplugging. */
import type { DiskStore, OpenDisk } from '../../base/disk-store.ts';
import type { Domid } from '../../base/numbers.ts';
import { UserError } from '../../base/user-error.ts';
import { BlockBackend } from '../backends/block/backend.ts';
import { Disk, type DiskStatistics } from '../backends/block/disk.ts';
import type { DeviceController } from '../backends/device-controller.ts';
import type { XenbusDevice } from '../backends/xenbus/device.ts';
import type { DeviceAddress } from '../backends/xenbus/driver.ts';
import type { Xenbus } from '../backends/xenbus/xenbus.ts';
import type { Domain } from '../common/domain.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { isRefusal, type Refusal, refuse } from '../common/refusal.ts';
import type { DeviceReport, PluggedDevice } from './device-lists.ts';
import { type DiskConfig, parseDiskConfig } from './disk-config.ts';
import { virtualDeviceNumber } from './virtual-device.ts';

export interface OpenedDisk {
  readonly config: DiskConfig;
  readonly store: DiskStore;
  /** What a relative target starts from. */
  readonly folder?: string | undefined;
}

/** A disk as a snapshot names it: the image itself is not in it. */
export interface SavedDisk {
  readonly domid: number;
  readonly config: DiskConfig;
  readonly folder: string | undefined;
}

export interface DiskReport extends DiskStatistics {
  readonly domain: number;
  readonly vdev: string;
}

/** Opens the images that a configuration names, all or none. @throws UserError */
export async function openDisks(
  texts: readonly string[],
  name: string,
  folder: string | undefined,
  openDisk: OpenDisk | undefined,
): Promise<readonly OpenedDisk[]> {
  const opened: OpenedDisk[] = [];
  try {
    for (const text of texts) {
      const config = parseDiskConfig(text, { file: name, at: { line: 1, column: 1 } });
      if (openDisk === undefined) throw noDisksHere(config.target);
      const store = await openDisk(config.target, folder, { readOnly: config.readOnly });
      opened.push({ config, store, folder });
    }
    return opened;
  } catch (error) {
    for (const { store } of opened) store.close();
    throw error;
  }
}

export function noDisksHere(target: string): UserError {
  return new UserError('disk.no-host', `${target} cannot be opened: nothing here can open disks.`);
}

export class BlockDevices {
  /** Opened for plugs to come, by the text that they will be named by. Files are no input that could be recorded. */
  private readonly offered = new Map<string, OpenedDisk[]>();
  /** Disks of domains without xenbus, by "domid/number"; those that a restore may plug in again, too. */
  private readonly own = new Map<string, Disk>();

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly xenbus: Xenbus,
    /** Who plugs devices of a domain that has no xenbus. */
    private readonly controllerOf: (domid: number) => DeviceController | undefined,
  ) {}

  /**
   * Plugs a disk in, before or while the domain runs. The store belongs to the device from now on, also when that is
   * refused: a device of that name, or another user of the same file where one of them writes.
   */
  plug(domain: Domain, opened: OpenedDisk): PluggedDevice | Refusal {
    const disk = this.diskOf(opened);
    const controller = this.controllerOf(domain.domid);
    const result =
      this.otherUser(disk) ??
      (controller === undefined
        ? this.xenbus.attach(domain, (owner) => new BlockBackend(this.hypervisor, owner, disk))
        : this.plugOwn(domain.domid, controller, disk));
    if ('errno' in result) disk.close();
    return result;
  }

  /** The disks of a domain that is about to be destroyed, still open, to be plugged into another. */
  handOver(domid: number): readonly OpenedDisk[] {
    return this.users()
      .filter(({ domain }) => domain === domid)
      .map(({ disk }) => {
        const { virtualDevice, vdev, params, readOnly, discard, folder } = disk.options;
        const config = { target: params, vdev, virtualDevice, readOnly, discard };
        return { config, folder, store: disk.handOver() };
      });
  }

  save(): readonly SavedDisk[] {
    return this.users().map(({ domain, disk }) => {
      const { virtualDevice, vdev, params, readOnly, discard, folder } = disk.options;
      return { domid: domain, config: { target: params, vdev, virtualDevice, readOnly, discard }, folder };
    });
  }

  /** To be called before xenbus makes its devices again, for a disk that has been opened again. */
  expect({ domid, config }: SavedDisk, opened: OpenedDisk): void {
    const disk = this.diskOf(opened);
    const address = { domid, kind: 'vbd', handle: config.virtualDevice } as const;
    this.xenbus.expect(address, (owner) => new BlockBackend(this.hypervisor, owner, disk));
    this.own.set(keyOf(domid, config.virtualDevice), disk);
  }

  /** Plugs the disks of domains without xenbus in again. */
  restore(saved: readonly SavedDisk[]): void {
    for (const { domid, config } of saved) {
      const key = keyOf(domid, config.virtualDevice);
      const disk = this.own.get(key);
      const controller = this.controllerOf(domid);
      if (controller === undefined) this.own.delete(key);
      else if (disk !== undefined) controller.attachDisk(disk);
    }
  }

  /** Before a domain is destroyed: those of its disks that xenbus knows nothing of. */
  removeDomain(domid: number): void {
    for (const { options } of this.controllerOf(domid)?.disks ?? []) this.unplugOwn(domid, options.virtualDevice);
  }

  dispose(): void {
    for (const { domain, disk, plugged } of this.users()) if (plugged === undefined) this.forget(domain, disk);
    for (const waiting of this.offered.values()) for (const { store } of waiting.splice(0)) store.close();
  }

  /** Of one domain, in the order they were plugged in or by number. */
  list(domid: number): readonly DeviceReport[] {
    return this.users()
      .filter(({ domain }) => domain === domid)
      .map(({ disk, plugged }) => {
        const { vdev, params, virtualDevice } = disk.options;
        const own = this.controllerOf(domid)?.deviceState('vbd', virtualDevice);
        const state = plugged?.describe() ?? `vbd ${virtualDevice} of domain ${domid}: ${own}`;
        return { kind: 'vbd', name: vdev, specification: params, state };
      });
  }

  private diskOf({ config, store, folder }: OpenedDisk): Disk {
    return new Disk(
      this.hypervisor.ram,
      {
        virtualDevice: config.virtualDevice,
        vdev: config.vdev,
        params: config.target,
        readOnly: config.readOnly || store.readOnly,
        discard: config.discard,
        folder,
      },
      store,
    );
  }

  /** For the next plug under that text that has no disk yet. */
  offer(text: string, opened: OpenedDisk): void {
    const waiting = this.offered.get(text) ?? [];
    this.offered.set(text, waiting);
    waiting.push(opened);
  }

  /** Plugs what was offered under that text. */
  plugOffered(domid: number, text: string): Refusal | undefined {
    const opened = this.offered.get(text)?.shift();
    if (opened === undefined) return refuse('ENODEV', `nobody has opened the disk "${text}"`);
    const domain = this.hypervisor.domains.get(domid as Domid);
    if (domain === undefined) {
      opened.store.close();
      return refuse('ENOENT', `there is no domain ${domid}`);
    }
    const result = this.plug(domain, opened);
    return isRefusal(result) ? result : undefined;
  }

  /** "xvdb" or its number. The guest is asked to let go of it; with `force` it is gone at once. */
  unplug(domid: number, vdev: string, force = false): Refusal | undefined {
    const address = addressOf(domid, vdev);
    if (address === undefined) return noSuchDisk(domid, vdev);
    if (this.controllerOf(domid) === undefined) return this.xenbus.detach(address, force);
    return this.unplugOwn(domid, address.handle) ? undefined : noSuchDisk(domid, vdev);
  }

  /** The file behind a disk has got another size: the guest is told. */
  resized(domid: number, vdev: string): Refusal | undefined {
    const user = this.users().find(({ domain, disk }) => domain === domid && disk.options.vdev === vdev);
    if (user === undefined) return noSuchDisk(domid, vdev);
    user.backend?.resized();
    if (user.backend === undefined) {
      user.disk.measure();
      this.controllerOf(domid)?.disksChanged();
    }
    return undefined;
  }

  /** What was read and written, for reports. */
  statistics(): readonly DiskReport[] {
    return this.users().map(({ domain, disk }) => ({ domain, vdev: disk.options.vdev, ...disk.statistics }));
  }

  private plugOwn(domid: number, controller: DeviceController, disk: Disk): PluggedDevice | Refusal {
    const { virtualDevice } = disk.options;
    const impossible = controller.refusesDisk(virtualDevice);
    if (impossible !== undefined) return refuse('EINVAL', impossible);
    if (!controller.attachDisk(disk)) return refuse('EEXIST', `domain ${domid} has a vbd ${virtualDevice} already`);
    this.own.set(keyOf(domid, virtualDevice), disk);
    return { address: { domid, kind: 'vbd', handle: virtualDevice } };
  }

  private unplugOwn(domid: number, virtualDevice: number): boolean {
    if (this.controllerOf(domid)?.detachDisk(virtualDevice) !== true) return false;
    const disk = this.own.get(keyOf(domid, virtualDevice));
    if (disk !== undefined) this.forget(domid, disk);
    return true;
  }

  private forget(domid: number, disk: Disk): void {
    this.own.delete(keyOf(domid, disk.options.virtualDevice));
    disk.close();
  }

  /** Every disk of a domain that exists; with its device, and its back end, where it is xenbus's. */
  private users(): readonly {
    readonly domain: number;
    readonly disk: Disk;
    readonly plugged?: XenbusDevice;
    readonly backend?: BlockBackend;
  }[] {
    return [...this.hypervisor.domains.values()].flatMap(({ domid }) => [
      ...this.xenbus.devicesOf(domid, 'vbd').flatMap((plugged) => {
        const { driver } = plugged;
        return driver instanceof BlockBackend ? [{ domain: domid, disk: driver.disk, backend: driver, plugged }] : [];
      }),
      ...(this.controllerOf(domid)?.disks ?? []).map((disk) => ({ domain: domid, disk })),
    ]);
  }

  private otherUser(disk: Disk): Refusal | undefined {
    for (const { domain, disk: other } of this.users()) {
      if (other.identity !== disk.identity) continue;
      if (other.options.readOnly && disk.options.readOnly) continue;
      const user = `${other.options.vdev} of domain ${domain}`;
      return refuse('EBUSY', `${disk.options.params} is ${user} already, and two users of whom one writes destroy it`);
    }
    return undefined;
  }
}

function keyOf(domid: number, virtualDevice: number): string {
  return `${domid}/${virtualDevice}`;
}

function addressOf(domid: number, vdev: string): DeviceAddress | undefined {
  const handle = virtualDeviceNumber(vdev);
  return handle === undefined ? undefined : { domid, kind: 'vbd', handle };
}

function noSuchDisk(domid: number, vdev: string): Refusal {
  return refuse('ENOENT', `domain ${domid} has no disk ${vdev}`);
}
