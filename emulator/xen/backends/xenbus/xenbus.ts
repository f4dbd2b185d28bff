/** All split devices of a machine: plugs and unplugs them, and watches what their front ends write. */
import type { Disposable } from '../../../base/disposable.ts';
import type { Domid } from '../../../base/numbers.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { type Refusal, refuse } from '../../common/refusal.ts';
import type { RingDescription } from '../../ring/describe-ring.ts';
import type { XenStore } from '../xenstore/store.ts';
import { XenbusDevice, type XenbusDeviceState } from './device.ts';
import { frontendPath } from './directories.ts';
import type { DeviceAddress, DeviceKind, MakeDriver } from './driver.ts';

/**
 * Nanoseconds of virtual time from a front end's write to the back end's look at it: another domain would need some,
 * and a transaction has been committed as a whole by then.
 */
const REACTION_TIME = 20_000;
const TIMER = 'xenbus';

/** Plain data. */
export interface XenbusState {
  /** Front ends' directories to be looked at, in order, and when. */
  readonly changed: readonly string[];
  readonly deadline: number;
  /** In the order they were plugged in. */
  readonly devices: readonly XenbusDeviceState[];
}

export class Xenbus implements Disposable {
  /** By the front end's directory, in the order they were plugged in. */
  private readonly devices = new Map<string, XenbusDevice>();
  /** How each device's driver is made, those to come with a restore included. */
  private readonly makers = new Map<string, MakeDriver>();
  /** Directories in which `state` has changed and that wait for `TIMER`. */
  private readonly changed = new Set<string>();
  private deadline = 0;

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly store: XenStore,
    /** What whoever runs the machine should know of a device. */
    private readonly onReport: (domain: Domain, text: string) => void,
  ) {
    store.onChange = (path) => this.storeChanged(path);
  }

  /** Plugs a device in, before or while the domain runs. Refused (EEXIST) where there is one of that kind and handle. */
  attach(domain: Domain, makeDriver: MakeDriver): XenbusDevice | Refusal {
    const driver = makeDriver(domain);
    const path = frontendPath({ domid: domain.domid, kind: driver.kind, handle: driver.handle });
    if (this.devices.has(path)) {
      return refuse('EEXIST', `domain ${domain.domid} has a ${driver.kind} ${driver.handle} already`);
    }
    this.makers.set(path, makeDriver);
    const device = new XenbusDevice(this.hypervisor, this.store, domain, driver, this.onReport);
    device.create();
    this.devices.set(path, device);
    return device;
  }

  /**
   * Unplugs a device: the guest is asked to let it go, and it is removed once it has. Whether it first stops using it
   * is its own affair: Linux 6.1 lets go of a mounted disk, older ones keep it until it is unmounted. With `force` the
   * device is gone at once. Refused (ENOENT) where there is none.
   */
  detach(address: DeviceAddress, force = false): Refusal | undefined {
    const device = this.device(address);
    if (device === undefined) {
      return refuse('ENOENT', `domain ${address.domid} has no ${address.kind} ${address.handle}`);
    }
    if (force || !device.domain.present || device.requestRemoval()) this.remove(device);
    return undefined;
  }

  device(address: DeviceAddress): XenbusDevice | undefined {
    return this.devices.get(frontendPath(address));
  }

  /** In the order they were plugged in. */
  devicesOf(domid: number, kind?: DeviceKind): readonly XenbusDevice[] {
    return [...this.devices.values()].filter(
      ({ address }) => address.domid === domid && (kind === undefined || address.kind === kind),
    );
  }

  /** To be called before a domain is destroyed: every device of it goes, directories included. */
  removeDomain(domid: number): void {
    for (const device of this.devicesOf(domid)) this.remove(device);
  }

  rings(domid: number): readonly RingDescription[] {
    return this.devicesOf(domid).flatMap((device) => device.rings());
  }

  save(): XenbusState {
    return {
      changed: [...this.changed],
      deadline: this.deadline,
      devices: Array.from(this.devices.values(), (device) => device.save()),
    };
  }

  /** Says how a device of a state to be restored is made, where it has not been plugged into this machine. */
  expect(address: DeviceAddress, makeDriver: MakeDriver): void {
    this.makers.set(frontendPath(address), makeDriver);
  }

  /**
   * Everything plugged as it was. The hypervisor's domains are there again, and the store's contents. A device that
   * nobody knows how to make (unplugged since) is left out, and said.
   */
  restore(state: XenbusState): void {
    const { domains } = this.hypervisor;
    this.changed.clear();
    this.devices.clear();
    for (const saved of state.devices) {
      const path = frontendPath(saved.address);
      const domain = domains.get(saved.address.domid as Domid);
      const makeDriver = this.makers.get(path);
      if (domain === undefined) continue;
      if (makeDriver === undefined) {
        const { kind, handle } = saved.address;
        this.onReport(domain, `${kind} ${handle}: not plugged in now, so it cannot be restored`);
        continue;
      }
      const device = new XenbusDevice(this.hypervisor, this.store, domain, makeDriver(domain), this.onReport);
      this.devices.set(path, device);
      device.restore(saved);
    }
    for (const path of state.changed) this.changed.add(path);
    if (this.changed.size > 0) this.arm(state.deadline);
  }

  dispose(): void {
    this.store.onChange = () => {};
    this.hypervisor.clearHostTimer(TIMER);
    for (const device of this.devices.values()) device.driver.dispose();
    this.devices.clear();
  }

  private remove(device: XenbusDevice): void {
    this.devices.delete(device.frontendPath);
    this.makers.delete(device.frontendPath);
    this.changed.delete(device.frontendPath);
    device.remove();
    device.driver.dispose();
  }

  private storeChanged(path: string): void {
    const directory = path.endsWith('/state') ? path.slice(0, -'/state'.length) : path;
    if (!this.devices.has(directory)) return;
    if (this.changed.size === 0) this.arm(this.hypervisor.clock.now() + REACTION_TIME);
    this.changed.add(directory);
  }

  private arm(deadline: number): void {
    this.deadline = deadline;
    this.hypervisor.setHostTimer(TIMER, deadline, () => this.react());
  }

  private react(): void {
    const changed = [...this.changed];
    this.changed.clear();
    for (const path of changed) {
      const device = this.devices.get(path);
      if (device?.domain.present === true && device.frontendChanged()) this.remove(device);
    }
  }
}
