import type { RingDescription } from '../ring/describe-ring.ts';
import type { Disk } from './block/disk.ts';
import type { VifOptions } from './net/backend.ts';
import type { DeviceKind } from './xenbus/driver.ts';

/** Devices of a domain that has no xenbus: whoever plays its controller plugs them in and out, at once. */
export interface DeviceController {
  /** By number. */
  readonly disks: readonly Disk[];
  /** By handle. */
  readonly vifs: readonly VifOptions[];
  /** Why the interface cannot have a disk of such a number, in words; undefined where it can. */
  refusesDisk(virtualDevice: number): string | undefined;
  /** The same for an interface. */
  refusesVif(handle: number): string | undefined;
  /** False where there is one of that number. Closing a disk is its owner's. */
  attachDisk(disk: Disk): boolean;
  /** False where there is none. */
  detachDisk(virtualDevice: number): boolean;
  /** Some disk has another size now. */
  disksChanged(): void;
  attachVif(options: VifOptions): boolean;
  detachVif(handle: number): boolean;
  /** "connected": for lists of devices. */
  deviceState(kind: DeviceKind, handle: number): string;
  /** Of the devices; what else there is, `describe` of the console shows. */
  rings(): readonly RingDescription[];
  /** Before the domain is destroyed: lets go of it. */
  disconnect(): void;
}
