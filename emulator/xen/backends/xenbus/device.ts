/** One split device as its back end sees it: the handshake of xenbus (drivers/xen/xenbus in Linux's back ends). */
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { errnoName, isRefusal, type Refusal } from '../../common/refusal.ts';
import {
  XENBUS_STATE_NAMES,
  type XenbusState,
  XenbusStateClosed,
  XenbusStateClosing,
  XenbusStateConnected,
  XenbusStateInitialised,
  XenbusStateInitialising,
  XenbusStateInitWait,
  XenbusStateUnknown,
} from '../../public/xen-4/io/xenbus.ts';
import type { RingDescription } from '../../ring/describe-ring.ts';
import { DeviceReports } from '../device-reports.ts';
import type { XenStore } from '../xenstore/store.ts';
import { backendPath, errorPath, frontendPath, removeDirectories, writeDirectories } from './directories.ts';
import type { BackendDriver, DeviceAddress, DeviceServices, Entries } from './driver.ts';
import { FrontendLink, type FrontendLinkState } from './frontend-link.ts';

export interface XenbusDeviceState {
  readonly address: DeviceAddress;
  readonly state: XenbusState;
  readonly online: boolean;
  readonly link: FrontendLinkState | undefined;
  readonly driver: unknown;
}

export class XenbusDevice implements DeviceServices {
  readonly address: DeviceAddress;
  /** Of the back end, as its `state` node has it. */
  state: XenbusState = XenbusStateInitialising;
  /** False once the toolstack wants it gone. */
  online = true;
  private link: FrontendLink | undefined;
  private readonly reports: DeviceReports;

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly store: XenStore,
    readonly domain: Domain,
    readonly driver: BackendDriver,
    onReport: (domain: Domain, text: string) => void,
  ) {
    this.address = { domid: domain.domid, kind: driver.kind, handle: driver.handle };
    this.reports = new DeviceReports(`${driver.kind} ${driver.handle}`, (text) => onReport(domain, text));
  }

  get frontendPath(): string {
    return frontendPath(this.address);
  }

  get frontendState(): XenbusState {
    const text = this.store.read(`${this.frontendPath}/state`) ?? '';
    return /^[0-8]$/.test(text) ? (Number(text) as XenbusState) : XenbusStateUnknown;
  }

  get connected(): boolean {
    return this.link !== undefined;
  }

  /** Makes the directories and waits for a front end. */
  create(): void {
    writeDirectories(this.store, this.address, this.driver);
    this.offer();
  }

  /** The front end's `state` was written, or its directory has gone. True: the device is done with and can be removed. */
  frontendChanged(): boolean {
    switch (this.frontendState) {
      case XenbusStateInitialising:
        if (this.state === XenbusStateClosed && this.online) this.offer();
        break;
      case XenbusStateInitialised:
      case XenbusStateConnected:
        if (this.state === XenbusStateInitWait || (this.state === XenbusStateClosed && this.online)) this.connect();
        break;
      case XenbusStateClosing:
        if (this.state !== XenbusStateClosed) this.setState(XenbusStateClosing);
        break;
      case XenbusStateClosed:
      case XenbusStateUnknown:
        // A front end that has not come up yet has nothing to close.
        if (this.state === XenbusStateInitWait && this.online) break;
        this.disconnect();
        this.setState(XenbusStateClosed);
        break;
      default:
        break;
    }
    return !this.online && this.state === XenbusStateClosed;
  }

  /** Orderly unplug (libxl__initiate_device_generic_remove): the front end is asked to close. True: it is gone already. */
  requestRemoval(): boolean {
    this.online = false;
    this.write('online', '0');
    const frontend = this.frontendState;
    const nobody = frontend === XenbusStateUnknown || frontend === XenbusStateClosed;
    if (nobody || (this.link === undefined && frontend === XenbusStateInitialising)) {
      this.disconnect();
      this.setState(XenbusStateClosed);
      return true;
    }
    this.setState(XenbusStateClosing);
    return false;
  }

  /** Lets go of the guest and removes the directories. */
  remove(): void {
    this.disconnect();
    removeDirectories(this.store, this.address);
  }

  rings(): readonly RingDescription[] {
    return this.driver.rings();
  }

  fail(problem: Refusal): void {
    this.store.hostWrite(`${errorPath(this.address)}/error`, `${problem.errno} ${problem.reason}`);
    this.report(`${problem.reason} (${errnoName(problem.errno)}); the connection is closed`);
    this.disconnect();
    this.setState(XenbusStateClosing);
  }

  report(text: string): void {
    this.reports.report(text);
  }

  write(name: string, value: string): void {
    this.store.hostWrite(`${backendPath(this.address)}/${name}`, value);
  }

  announce(): void {
    this.write('state', String(this.state));
  }

  /** "vbd 51712 of domain 1: back end Connected, front end Connected". */
  describe(): string {
    const { kind, handle, domid } = this.address;
    const [back, front] = [this.state, this.frontendState].map((state) => XENBUS_STATE_NAMES[state]);
    return `${kind} ${handle} of domain ${domid}: back end ${back}, front end ${front}`;
  }

  save(): XenbusDeviceState {
    return {
      address: this.address,
      state: this.state,
      online: this.online,
      link: this.link?.save(),
      driver: this.driver.save(),
    };
  }

  restore(saved: XenbusDeviceState): void {
    this.state = saved.state;
    this.online = saved.online;
    this.link = saved.link === undefined ? undefined : this.newLink();
    if (saved.link !== undefined) this.link?.restore(saved.link);
    this.driver.restore(saved.driver, this.link);
  }

  private offer(): void {
    this.writeAll(this.driver.offers());
    // The hotplug script of a real dom0 says so when it has attached what the device stands for.
    this.write('hotplug-status', 'connected');
    this.setState(XenbusStateInitWait);
  }

  private connect(): void {
    this.link = this.newLink();
    const result = this.driver.connect(this.link);
    if (isRefusal(result)) {
      this.fail(result);
      return;
    }
    // The driver may have given up within `connect`: at what lay in the ring already.
    if (this.link === undefined) return;
    this.writeAll(result);
    this.setState(XenbusStateConnected);
  }

  private disconnect(): void {
    if (this.link === undefined) return;
    this.driver.disconnect();
    this.link.release();
    this.link = undefined;
  }

  private newLink(): FrontendLink {
    return new FrontendLink(this.hypervisor, this.domain, this.store, this.frontendPath, this);
  }

  private writeAll(entries: Entries): void {
    for (const [name, value] of entries) this.write(name, value);
  }

  private setState(state: XenbusState): void {
    if (this.state === state) return;
    this.state = state;
    this.announce();
  }
}
