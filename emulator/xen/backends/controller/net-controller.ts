/**
 * The network interfaces of a Xen 2.0 domain from their controller's side (tools/python/xen/xend/server/netif.py), with
 * the back ends behind them.
 */
import type { MachineAddress, Mfn } from '../../../base/numbers.ts';
import { PAGE_SIZE } from '../../../base/numbers.ts';
import type { PlainObject } from '../../../machine/plain-data.ts';
import { macBytes } from '../../../net/mac-address.ts';
import type { Network } from '../../../net/network.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { isRefusal } from '../../common/refusal.ts';
import { newStruct } from '../../public/struct.ts';
import {
  CMSG_FE_DRIVER_STATUS,
  CMSG_FE_INTERFACE_CONNECT,
  CMSG_FE_INTERFACE_DISCONNECT,
  CMSG_FE_INTERFACE_QUERY,
  CMSG_FE_INTERFACE_STATUS,
  CMSG_NETIF_FE,
  DRIVER_STATUS_UP,
  FE_DRIVER_STATUS,
  FE_INTERFACE_DISCONNECT,
  INTERFACE_STATUS_CLOSED,
  INTERFACE_STATUS_CONNECTED,
  INTERFACE_STATUS_DISCONNECTED,
  type InterfaceStatus,
  NETIF_FE_INTERFACE_CONNECT,
  NETIF_FE_INTERFACE_STATUS,
} from '../../public/xen-2.0/io/domain-controller.ts';
import type { ControlMessage } from '../../ring/control-ring.ts';
import type { RingDescription } from '../../ring/describe-ring.ts';
import { IndexedRing, type IndexedRingState } from '../../ring/indexed-ring.ts';
import { DeviceReports } from '../device-reports.ts';
import type { VifOptions } from '../net/backend.ts';
import { NET_DIALECT_2_0, NETIF_RX_RING_2_0, NETIF_TX_RING_2_0 } from '../net/dialect-2.0.ts';
import { type NetConnection, NetInterface } from '../net/net-interface.ts';
import { type Send, viewPayload } from './control-payload.ts';
import { FrontendConnection, type FrontendConnectionState } from './frontend-connection.ts';

/** How long a front end that has come up may take to connect everything before it is told that that was all. */
const ANNOUNCE_TIME = 100_000_000;
const NO_HANDLE = 0xffffffff;

interface Connected {
  readonly link: FrontendConnection;
  readonly transmit: IndexedRing;
  readonly receive: IndexedRing;
}

interface Vif {
  readonly interface: NetInterface;
  readonly reports: DeviceReports;
  connected: Connected | undefined;
}

interface SavedVif {
  readonly options: VifOptions;
  readonly interface: PlainObject;
  readonly connection:
    | {
        readonly link: FrontendConnectionState;
        readonly transmit: IndexedRingState;
        readonly receive: IndexedRingState;
      }
    | undefined;
}

export class NetController {
  private readonly vifs = new Map<number, Vif>();
  private driverUp = false;
  /** When the driver status is sent at the latest; undefined where it has been, or nobody is up. */
  private announceAt: number | undefined;

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly domain: Domain,
    private readonly network: Network,
    private readonly send: Send,
    private readonly say: (text: string) => void,
  ) {}

  get options(): readonly VifOptions[] {
    return this.sorted.map((vif) => vif.interface.options);
  }

  /** False where there is an interface of that handle. */
  attach(options: VifOptions): boolean {
    const { handle } = options;
    if (this.vifs.has(handle)) return false;
    this.vifs.set(handle, this.make(options));
    if (this.driverUp) this.sendStatus(handle, INTERFACE_STATUS_DISCONNECTED);
    return true;
  }

  /** False where there is none. */
  detach(handle: number): boolean {
    const vif = this.vifs.get(handle);
    if (vif === undefined) return false;
    this.disconnectOne(vif);
    if (this.driverUp) this.sendStatus(handle, INTERFACE_STATUS_CLOSED);
    vif.interface.dispose();
    this.vifs.delete(handle);
    return true;
  }

  /** A request of type CMSG_NETIF_FE; the payload of its response. */
  request(message: ControlMessage): Uint8Array {
    const { subtype, payload } = message;
    switch (subtype) {
      case CMSG_FE_DRIVER_STATUS:
        this.driverStatus(viewPayload(FE_DRIVER_STATUS, payload).get('status'));
        return payload;
      case CMSG_FE_INTERFACE_CONNECT: {
        const request = viewPayload(NETIF_FE_INTERFACE_CONNECT, payload);
        const vif = this.find(request.get('handle'));
        if (vif !== undefined) this.connect(vif, request.get('tx_shmem_frame'), request.get('rx_shmem_frame'));
        return payload;
      }
      case CMSG_FE_INTERFACE_DISCONNECT: {
        const vif = this.find(viewPayload(FE_INTERFACE_DISCONNECT, payload).get('handle'));
        if (vif !== undefined) this.restart(vif);
        return payload;
      }
      case CMSG_FE_INTERFACE_QUERY:
        return this.answerQuery(viewPayload(NETIF_FE_INTERFACE_STATUS, payload).get('handle'));
      case CMSG_FE_INTERFACE_STATUS:
        return this.answerProbe(viewPayload(NETIF_FE_INTERFACE_STATUS, payload).get('handle'));
      default:
        return new Uint8Array(0);
    }
  }

  /** "connected": for lists of devices. */
  state(handle: number): string {
    if (this.vifs.get(handle)?.connected !== undefined) return 'connected';
    return this.driverUp ? 'the front end is up and not connected' : 'no front end';
  }

  rings(): readonly RingDescription[] {
    return this.sorted.flatMap(({ interface: one, connected }) =>
      one.describe(`vif ${one.options.handle}`, connected?.link.port ?? 0),
    );
  }

  save(): PlainObject {
    const vifs = this.sorted.map(({ interface: one, connected }) => ({
      options: { ...one.options },
      interface: one.save(),
      connection: connected && {
        link: connected.link.save(),
        transmit: connected.transmit.save(),
        receive: connected.receive.save(),
      },
    }));
    return { driverUp: this.driverUp, announceAt: this.announceAt, vifs: vifs as unknown as PlainObject[] };
  }

  /** For a controller without interfaces; the switches are as they were, their ports unplugged. */
  restore(state: PlainObject): void {
    this.driverUp = state.driverUp as boolean;
    for (const saved of state.vifs as unknown as readonly SavedVif[]) {
      const vif = this.make(saved.options);
      this.vifs.set(saved.options.handle, vif);
      if (saved.connection !== undefined) {
        const { link, transmit, receive } = saved.connection;
        const reopened = FrontendConnection.reopen(this.hypervisor, this.domain, link, () => this.kick(vif));
        vif.connected = this.join(reopened, transmit, receive);
      }
      vif.interface.restore(saved.interface, vif.connected && connectionOf(vif.connected));
    }
    this.announceAt = state.announceAt as number | undefined;
    if (this.announceAt !== undefined) this.arm(this.announceAt);
  }

  /** Lets go of the guest. */
  disconnect(): void {
    for (const vif of this.vifs.values()) this.disconnectOne(vif);
    this.announceAt = undefined;
    this.hypervisor.clearHostTimer(this.timer);
  }

  /** Unplugs all from their switches. */
  dispose(): void {
    this.hypervisor.clearHostTimer(this.timer);
    for (const vif of this.vifs.values()) vif.interface.dispose();
    this.vifs.clear();
  }

  private get sorted(): readonly Vif[] {
    return [...this.vifs].sort(([one], [other]) => one - other).map(([, vif]) => vif);
  }

  private get timer(): string {
    return `netif ${this.domain.domid}`;
  }

  private make(options: VifOptions): Vif {
    const reports = new DeviceReports(`vif ${options.handle}`, this.say);
    const report = (text: string): void => reports.report(text);
    const { hypervisor, domain, network } = this;
    return {
      interface: new NetInterface(hypervisor, domain, network, options, NET_DIALECT_2_0, report),
      reports,
      connected: undefined,
    };
  }

  /**
   * Every interface is announced; then, once the front end has connected them or had time to, that these were all.
   * xend says that at once, Linux waits for both in any order, and this one is that of the transcript of a real system.
   */
  private driverStatus(status: number): void {
    this.disconnect();
    this.driverUp = status === DRIVER_STATUS_UP;
    if (!this.driverUp) return;
    for (const handle of this.options.map((each) => each.handle)) {
      this.sendStatus(handle, INTERFACE_STATUS_DISCONNECTED);
    }
    this.arm(this.hypervisor.clock.now() + ANNOUNCE_TIME);
    this.announceIfConnected();
  }

  private arm(deadline: number): void {
    this.announceAt = deadline;
    this.hypervisor.setHostTimer(this.timer, deadline, () => this.announce());
  }

  private announceIfConnected(): void {
    if ([...this.vifs.values()].every(({ connected }) => connected !== undefined)) this.announce();
  }

  private announce(): void {
    if (this.announceAt === undefined) return;
    this.announceAt = undefined;
    this.hypervisor.clearHostTimer(this.timer);
    const view = newStruct(FE_DRIVER_STATUS, 32);
    view.set('status', DRIVER_STATUS_UP);
    view.set('max_handle', this.vifs.size);
    this.send(CMSG_NETIF_FE, CMSG_FE_DRIVER_STATUS, view.bytes);
  }

  private connect(vif: Vif, transmitFrame: number, receiveFrame: number): void {
    this.disconnectOne(vif);
    const frames = [transmitFrame, receiveFrame];
    const link = FrontendConnection.open(this.hypervisor, this.domain, frames, () => this.kick(vif));
    if (isRefusal(link)) {
      vif.reports.report(`the front end cannot be connected: ${link.reason}`);
      return;
    }
    vif.connected = this.join(link);
    vif.interface.connect(connectionOf(vif.connected));
    this.sendStatus(vif.interface.options.handle, INTERFACE_STATUS_CONNECTED);
    this.announceIfConnected();
  }

  private restart(vif: Vif): void {
    this.disconnectOne(vif);
    this.sendStatus(vif.interface.options.handle, INTERFACE_STATUS_DISCONNECTED);
  }

  private disconnectOne(vif: Vif): void {
    vif.interface.disconnect();
    vif.connected?.link.release();
    vif.connected = undefined;
  }

  private kick(vif: Vif): void {
    const problem = vif.interface.kick();
    if (problem === undefined) return;
    vif.reports.report(`${problem.reason}; the connection is closed`);
    this.hypervisor.notice(this.domain, vif.interface.name, problem);
    this.restart(vif);
  }

  private join(link: FrontendConnection, transmit?: IndexedRingState, receive?: IndexedRingState): Connected {
    const [transmitMfn, receiveMfn] = link.frames as [Mfn, Mfn];
    const { ram } = this.hypervisor;
    const start = (mfn: Mfn): MachineAddress => (mfn * PAGE_SIZE) as MachineAddress;
    return {
      link,
      transmit: new IndexedRing(ram, NETIF_TX_RING_2_0, transmitMfn, start(transmitMfn), transmit),
      receive: new IndexedRing(ram, NETIF_RX_RING_2_0, receiveMfn, start(receiveMfn), receive),
    };
  }

  private find(handle: number): Vif | undefined {
    const vif = this.vifs.get(handle);
    if (vif === undefined) this.say(`vif ${handle}: the front end names it, and there is none`);
    return vif;
  }

  private answerQuery(handle: number): Uint8Array {
    return this.vifs.has(handle) ? this.status(handle, this.statusOf(handle)) : closedStatus(handle);
  }

  /** An interface by its handle; -n asks for the first one behind n - 2 (controller.py, findDevice). */
  private answerProbe(query: number): Uint8Array {
    const signed = query | 0;
    const handles = this.options.map(({ handle }) => handle);
    const found = handles.find((handle) => (signed < 0 ? handle > -signed - 2 : handle === signed));
    return found === undefined ? closedStatus(NO_HANDLE) : this.status(found, this.statusOf(found));
  }

  private statusOf(handle: number): InterfaceStatus {
    return this.vifs.get(handle)?.connected === undefined ? INTERFACE_STATUS_DISCONNECTED : INTERFACE_STATUS_CONNECTED;
  }

  private sendStatus(handle: number, status: InterfaceStatus): void {
    this.send(CMSG_NETIF_FE, CMSG_FE_INTERFACE_STATUS, this.status(handle, status));
  }

  /** The back end is domain 0's. */
  private status(handle: number, status: InterfaceStatus): Uint8Array {
    const vif = this.vifs.get(handle) as Vif;
    const view = newStruct(NETIF_FE_INTERFACE_STATUS, 32);
    view.set('handle', handle);
    view.set('status', status);
    view.set('evtchn', vif.connected?.link.port ?? 0);
    macBytes(vif.interface.options.mac).forEach((byte, index) => {
      view.set('mac', byte, index);
    });
    return view.bytes;
  }
}

function closedStatus(handle: number): Uint8Array {
  const view = newStruct(NETIF_FE_INTERFACE_STATUS, 32);
  view.set('handle', handle);
  view.set('status', INTERFACE_STATUS_CLOSED);
  return view.bytes;
}

function connectionOf({ link, transmit, receive }: Connected): NetConnection {
  return { transmit, receive, notify: () => link.notify() };
}
