import type { DeviceAddress, DeviceKind } from '../backends/xenbus/driver.ts';

/** A device that was plugged in, by xenbus or by a domain's own controller. */
export interface PluggedDevice {
  readonly address: DeviceAddress;
}

/** A device for lists. */
export interface DeviceReport {
  readonly kind: DeviceKind;
  /** "xvda" of a disk, the handle of an interface. */
  readonly name: string;
  /** As in `disk` or `vif`: the file, or all settings. */
  readonly specification: string;
  readonly state: string;
}
