/**
 * The block interface of a Xen 2.0 domain from its controller's side (tools/python/xen/xend/server/blkif.py), with the
 * back end behind it: one interface with handle 0, which is there even while it has no disks, so that they can be
 * plugged in.
 */
import type { MachineAddress } from '../../../base/numbers.ts';
import { PAGE_SIZE } from '../../../base/numbers.ts';
import type { PlainObject } from '../../../machine/plain-data.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { isRefusal } from '../../common/refusal.ts';
import { newStruct } from '../../public/struct.ts';
import {
  BLKIF_FE_INTERFACE_CONNECT,
  BLKIF_FE_INTERFACE_STATUS,
  CMSG_BLKIF_FE,
  CMSG_FE_DRIVER_STATUS,
  CMSG_FE_INTERFACE_CONNECT,
  CMSG_FE_INTERFACE_DISCONNECT,
  CMSG_FE_INTERFACE_QUERY,
  CMSG_FE_INTERFACE_STATUS,
  DRIVER_STATUS_UP,
  FE_DRIVER_STATUS,
  FE_INTERFACE_DISCONNECT,
  INTERFACE_STATUS_CHANGED,
  INTERFACE_STATUS_CLOSED,
  INTERFACE_STATUS_CONNECTED,
  INTERFACE_STATUS_DISCONNECTED,
  type InterfaceStatus,
} from '../../public/xen-2.0/io/domain-controller.ts';
import type { ControlMessage } from '../../ring/control-ring.ts';
import type { RingDescription } from '../../ring/describe-ring.ts';
import { IndexedRing, type IndexedRingState } from '../../ring/indexed-ring.ts';
import { type BlockConnection, BlockInterface } from '../block/block-interface.ts';
import { BLKIF_RING_2_0, BLOCK_DIALECT_2_0 } from '../block/dialect-2.0.ts';
import type { Disk } from '../block/disk.ts';
import type { DeviceReports } from '../device-reports.ts';
import { type Send, viewPayload } from './control-payload.ts';
import { FrontendConnection, type FrontendConnectionState } from './frontend-connection.ts';

const HANDLE = 0;

interface Connected {
  readonly link: FrontendConnection;
  readonly ring: IndexedRing;
}

interface SavedConnection {
  readonly link: FrontendConnectionState;
  readonly ring: IndexedRingState;
}

export class BlockController {
  readonly interface: BlockInterface;
  private connected: Connected | undefined;
  private driverUp = false;

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly domain: Domain,
    private readonly send: Send,
    private readonly reports: DeviceReports,
  ) {
    this.interface = new BlockInterface(hypervisor, domain, BLOCK_DIALECT_2_0, (text) => reports.report(text));
  }

  /** False where there is a disk of that number. */
  attach(disk: Disk): boolean {
    const attached = this.interface.attach(disk);
    if (attached) this.changed();
    return attached;
  }

  detach(virtualDevice: number): Disk | undefined {
    const disk = this.interface.detach(virtualDevice);
    if (disk !== undefined) this.changed();
    return disk;
  }

  /** There are other disks, or they have other sizes: the front end probes again. */
  changed(): void {
    if (this.connected !== undefined) this.sendStatus(INTERFACE_STATUS_CHANGED, 0);
  }

  /** A request of type CMSG_BLKIF_FE; the payload of its response. */
  request(message: ControlMessage): Uint8Array {
    const { subtype, payload } = message;
    switch (subtype) {
      case CMSG_FE_DRIVER_STATUS:
        this.driverStatus(viewPayload(FE_DRIVER_STATUS, payload).get('status'));
        return payload;
      case CMSG_FE_INTERFACE_CONNECT: {
        const request = viewPayload(BLKIF_FE_INTERFACE_CONNECT, payload);
        if (this.knows(request.get('handle'))) this.connect(request.get('shmem_frame'));
        return payload;
      }
      case CMSG_FE_INTERFACE_DISCONNECT:
        if (this.knows(viewPayload(FE_INTERFACE_DISCONNECT, payload).get('handle'))) this.restart();
        return payload;
      case CMSG_FE_INTERFACE_QUERY: {
        const handle = viewPayload(BLKIF_FE_INTERFACE_STATUS, payload).get('handle');
        if (handle !== HANDLE) return this.status(INTERFACE_STATUS_CLOSED, 0, handle);
        return this.status(this.connected ? INTERFACE_STATUS_CONNECTED : INTERFACE_STATUS_DISCONNECTED, this.port);
      }
      default:
        return new Uint8Array(0);
    }
  }

  /** "connected": for lists of devices. */
  get state(): string {
    if (this.connected !== undefined) return 'connected';
    return this.driverUp ? 'the front end is up and not connected' : 'no front end';
  }

  rings(): readonly RingDescription[] {
    const ring = this.interface.describe(`block interface ${HANDLE}`, this.port);
    return ring === undefined ? [] : [ring];
  }

  save(): PlainObject {
    const { connected, driverUp } = this;
    const connection = connected && { link: connected.link.save(), ring: connected.ring.save() };
    return { driverUp, connection: connection as unknown as PlainObject, interface: this.interface.save() };
  }

  /** The disks are attached already. */
  restore(state: PlainObject): void {
    this.driverUp = state.driverUp as boolean;
    const saved = state.connection as unknown as SavedConnection | undefined;
    this.connected = saved && this.join(this.reopen(saved.link), saved.ring);
    this.interface.restore(state.interface as PlainObject, this.connected && connectionOf(this.connected));
  }

  /** Lets go of the guest. */
  disconnect(): void {
    this.interface.disconnect();
    this.connected?.link.release();
    this.connected = undefined;
  }

  private get port(): number {
    return this.connected?.link.port ?? 0;
  }

  /** A driver that comes up connects anew, whatever there was (after a resume); one that goes hears no more. */
  private driverStatus(status: number): void {
    this.driverUp = status === DRIVER_STATUS_UP;
    if (this.driverUp) this.restart();
    else this.disconnect();
  }

  private restart(): void {
    this.disconnect();
    this.sendStatus(INTERFACE_STATUS_DISCONNECTED, 0);
  }

  private connect(frame: number): void {
    this.disconnect();
    const link = FrontendConnection.open(this.hypervisor, this.domain, [frame], () => this.kick());
    if (isRefusal(link)) {
      this.reports.report(`the front end cannot be connected: ${link.reason}`);
      return;
    }
    this.connected = this.join(link);
    this.interface.connect(connectionOf(this.connected));
    this.sendStatus(INTERFACE_STATUS_CONNECTED, link.port);
  }

  private kick(): void {
    const problem = this.interface.kick();
    if (problem === undefined) return;
    this.reports.report(`${problem.reason}; the connection is closed`);
    this.hypervisor.notice(this.domain, 'blkif', problem);
    this.restart();
  }

  private reopen(state: FrontendConnectionState): FrontendConnection {
    return FrontendConnection.reopen(this.hypervisor, this.domain, state, () => this.kick());
  }

  private join(link: FrontendConnection, state?: IndexedRingState): Connected {
    const mfn = link.frames[0] as (typeof link.frames)[number];
    const indexes = (mfn * PAGE_SIZE) as MachineAddress;
    return { link, ring: new IndexedRing(this.hypervisor.ram, BLKIF_RING_2_0, mfn, indexes, state) };
  }

  private knows(handle: number): boolean {
    if (handle === HANDLE) return true;
    this.reports.report(`the front end names interface ${handle}, and there is only ${HANDLE}`);
    return false;
  }

  private sendStatus(status: InterfaceStatus, port: number): void {
    this.send(CMSG_BLKIF_FE, CMSG_FE_INTERFACE_STATUS, this.status(status, port));
  }

  /** The back end is domain 0's. */
  private status(status: InterfaceStatus, port: number, handle = HANDLE): Uint8Array {
    const view = newStruct(BLKIF_FE_INTERFACE_STATUS, 32);
    view.set('handle', handle);
    view.set('status', status);
    view.set('evtchn', port);
    return view.bytes;
  }
}

function connectionOf({ ring, link }: Connected): BlockConnection {
  return { ring, notify: () => link.notify() };
}
