/** The disks of a machine's domains: which file is behind which device, plugging and unplugging. */
import type { DiskStore, OpenDisk } from '../../base/disk-store.ts';
import type { Domid } from '../../base/numbers.ts';
import { UserError } from '../../base/user-error.ts';
import { BlockBackend } from '../backends/block/backend.ts';
import { Disk, type DiskStatistics } from '../backends/block/disk.ts';
import type { XenbusDevice } from '../backends/xenbus/device.ts';
import type { DeviceAddress } from '../backends/xenbus/driver.ts';
import type { Xenbus } from '../backends/xenbus/xenbus.ts';
import type { Domain } from '../common/domain.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { isRefusal, type Refusal, refuse } from '../common/refusal.ts';
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
  /** Opened for a plug to come, by the text that it will be named by. Files are no input that could be recorded. */
  private readonly offered = new Map<string, OpenedDisk>();

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly xenbus: Xenbus,
  ) {}

  /**
   * Plugs a disk in, before or while the domain runs. The store belongs to the device from now on, also when that is
   * refused: a device of that name, or another user of the same file where one of them writes.
   */
  plug(domain: Domain, opened: OpenedDisk): XenbusDevice | Refusal {
    const disk = this.diskOf(opened);
    const result =
      this.otherUser(disk) ?? this.xenbus.attach(domain, (owner) => new BlockBackend(this.hypervisor, owner, disk));
    if ('errno' in result) disk.close();
    return result;
  }

  save(): readonly SavedDisk[] {
    return this.backends().map(({ domain, backend }) => {
      const { virtualDevice, vdev, params, readOnly, discard, folder } = backend.disk.options;
      return { domid: domain, config: { target: params, vdev, virtualDevice, readOnly, discard }, folder };
    });
  }

  /** To be called before xenbus makes its devices again, for a disk that has been opened again. */
  expect({ domid, config }: SavedDisk, opened: OpenedDisk): void {
    const disk = this.diskOf(opened);
    const address = { domid, kind: 'vbd', handle: config.virtualDevice } as const;
    this.xenbus.expect(address, (owner) => new BlockBackend(this.hypervisor, owner, disk));
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

  offer(text: string, opened: OpenedDisk): void {
    this.offered.get(text)?.store.close();
    this.offered.set(text, opened);
  }

  /** Plugs what was offered under that text. */
  plugOffered(domid: number, text: string): Refusal | undefined {
    const opened = this.offered.get(text);
    if (opened === undefined) return refuse('ENODEV', `nobody has opened the disk "${text}"`);
    const domain = this.hypervisor.domains.get(domid as Domid);
    if (domain === undefined) return refuse('ENOENT', `there is no domain ${domid}`);
    this.offered.delete(text);
    const result = this.plug(domain, opened);
    return isRefusal(result) ? result : undefined;
  }

  /** "xvdb" or its number. The guest is asked to let go of it; with `force` it is gone at once. */
  unplug(domid: number, vdev: string, force = false): Refusal | undefined {
    const address = addressOf(domid, vdev);
    return address === undefined ? noSuchDisk(domid, vdev) : this.xenbus.detach(address, force);
  }

  /** The file behind a disk has got another size: the guest is told. */
  resized(domid: number, vdev: string): Refusal | undefined {
    const backend = this.backends().find(
      ({ domain, backend }) => domain === domid && backend.disk.options.vdev === vdev,
    );
    if (backend === undefined) return noSuchDisk(domid, vdev);
    backend.backend.resized();
    return undefined;
  }

  /** What was read and written, for reports. */
  statistics(): readonly DiskReport[] {
    return this.backends().map(({ domain, backend }) => ({
      domain,
      vdev: backend.disk.options.vdev,
      ...backend.disk.statistics,
    }));
  }

  private backends(): readonly { readonly domain: number; readonly backend: BlockBackend }[] {
    return [...this.hypervisor.domains.values()].flatMap(({ domid }) =>
      this.xenbus
        .devicesOf(domid, 'vbd')
        .flatMap(({ driver }) => (driver instanceof BlockBackend ? [{ domain: domid, backend: driver }] : [])),
    );
  }

  private otherUser(disk: Disk): Refusal | undefined {
    for (const { domain, backend } of this.backends()) {
      if (backend.disk.identity !== disk.identity) continue;
      if (backend.disk.options.readOnly && disk.options.readOnly) continue;
      const user = `${backend.disk.options.vdev} of domain ${domain}`;
      return refuse('EBUSY', `${disk.options.params} is ${user} already, and two users of whom one writes destroy it`);
    }
    return undefined;
  }
}

function addressOf(domid: number, vdev: string): DeviceAddress | undefined {
  const handle = virtualDeviceNumber(vdev);
  return handle === undefined ? undefined : { domid, kind: 'vbd', handle };
}

function noSuchDisk(domid: number, vdev: string): Refusal {
  return refuse('ENOENT', `domain ${domid} has no disk ${vdev}`);
}
