/**
 * The domain controller of one Xen 2.0 domain: the part of xend that a guest talks to. Console, block and network
 * interfaces, requests to shut down and to change the memory; everything over the control interface.
 *
 * NOT IMPLEMENTED: back ends in other domains (BLKIF_BE and NETIF_BE messages).
 */
import { type MachineAddress, PAGE_SIZE, type Port } from '../../../base/numbers.ts';
import type { PlainObject } from '../../../machine/plain-data.ts';
import type { Network } from '../../../net/network.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { newStruct } from '../../public/struct.ts';
import {
  CMSG_BLKIF_FE,
  CMSG_CONSOLE,
  CMSG_CONSOLE_DATA,
  CMSG_MEM_REQUEST,
  CMSG_MEM_REQUEST_SET,
  CMSG_NETIF_FE,
  CMSG_SHUTDOWN,
  CMSG_SHUTDOWN_POWEROFF,
  CMSG_SHUTDOWN_REBOOT,
  CMSG_SHUTDOWN_SUSPEND,
  CMSG_SHUTDOWN_SYSRQ,
  CONTROL_IF_OFFSET,
  CONTROL_MSG_PAYLOAD,
  MEM_REQUEST,
  SHUTDOWN_SYSRQ,
} from '../../public/xen-2.0/io/domain-controller.ts';
import type { ControlMessage } from '../../ring/control-ring.ts';
import type { ControlRecord } from '../../ring/describe-control-ring.ts';
import type { RingDescription } from '../../ring/describe-ring.ts';
import type { Disk } from '../block/disk.ts';
import type { ConsoleListener } from '../console/backend.ts';
import type { DomainConsole } from '../console/domain-console.ts';
import type { DeviceController } from '../device-controller.ts';
import { DeviceReports } from '../device-reports.ts';
import type { VifOptions } from '../net/backend.ts';
import type { DeviceKind } from '../xenbus/driver.ts';
import { BlockController } from './block-controller.ts';
import { ControlChannel, type ControlClient } from './control-channel.ts';
import { NetController } from './net-controller.ts';

export type ShutdownRequest = 'poweroff' | 'reboot' | 'suspend';

const SHUTDOWN_SUBTYPES: Readonly<Record<ShutdownRequest, number>> = {
  poweroff: CMSG_SHUTDOWN_POWEROFF,
  reboot: CMSG_SHUTDOWN_REBOOT,
  suspend: CMSG_SHUTDOWN_SUSPEND,
};

/** What a controller needs of its surroundings. */
export interface ControllerServices {
  readonly network: Network;
  /** Bytes that the guest printed; called synchronously from within its EVTCHNOP_send. */
  readonly onOutput: ConsoleListener;
  /** What whoever runs the machine should know. */
  readonly onReport: (text: string) => void;
  /** Every request, of either side, for traces. */
  readonly onMessage: (record: ControlRecord) => void;
}

export class DomainController implements ControlClient, DomainConsole, DeviceController {
  readonly block: BlockController;
  readonly net: NetController;
  private readonly channel: ControlChannel;
  /** Typed and not yet in the ring. */
  private input: number[] = [];
  /** The guest has printed, so that it has a console to type on; before, what is typed would be lost. */
  private consoleUp = false;

  constructor(
    hypervisor: Hypervisor,
    domain: Domain,
    port: Port,
    private readonly services: ControllerServices,
    /** Of the `control_if`: in the shared-info page, unless a test has it elsewhere. */
    address = (domain.sharedInfoMfn * PAGE_SIZE + CONTROL_IF_OFFSET) as MachineAddress,
  ) {
    const send = (type: number, subtype: number, payload: Uint8Array): void =>
      this.channel.send(type, subtype, payload);
    const { network, onReport } = services;
    this.channel = new ControlChannel(hypervisor, domain, address, port, this);
    this.block = new BlockController(hypervisor, domain, send, new DeviceReports('blkif', onReport));
    this.net = new NetController(hypervisor, domain, network, send, onReport);
  }

  /** Bytes that were typed; they wait until the guest has a console and room for them. */
  sendInput(bytes: Uint8Array): void {
    this.input.push(...bytes);
    this.channel.pump();
  }

  /** Typed bytes that the guest has not taken yet. */
  get pendingInput(): number {
    return this.input.length + this.channel.consoleBytesUnanswered;
  }

  /** Asks the guest to shut itself down (xm shutdown). */
  requestShutdown(kind: ShutdownRequest): void {
    this.channel.send(CMSG_SHUTDOWN, SHUTDOWN_SUBTYPES[kind], new Uint8Array(0));
  }

  /** A key of Linux's magic SysRq (xm sysrq). */
  sendSysrq(key: string): void {
    const view = newStruct(SHUTDOWN_SYSRQ, 32);
    view.set('key', key.charCodeAt(0));
    this.channel.send(CMSG_SHUTDOWN, CMSG_SHUTDOWN_SYSRQ, view.bytes);
  }

  /** Asks the guest to have that many pages (xm balloon). */
  requestMemory(pages: number): void {
    const view = newStruct(MEM_REQUEST, 32);
    view.set('target', pages);
    this.channel.send(CMSG_MEM_REQUEST, CMSG_MEM_REQUEST_SET, view.bytes);
  }

  /** The control interface; the devices' rings are in `rings`. */
  describe(): RingDescription {
    return this.channel.describe();
  }

  rings(): readonly RingDescription[] {
    return [...this.block.rings(), ...this.net.rings()];
  }

  get disks(): readonly Disk[] {
    return this.block.interface.disks;
  }

  get vifs(): readonly VifOptions[] {
    return this.net.options;
  }

  /** `blkif_vdev_t` has 16 bits: a major and a minor of 8 each. */
  refusesDisk(virtualDevice: number): string | undefined {
    if (virtualDevice > 0 && virtualDevice <= 0xffff) return undefined;
    return `Xen 2.0 numbers disks by 16 bits, and this one's would be ${virtualDevice}; xvda to xvdp fit, hda to hdd, sda to sdp`;
  }

  refusesVif(): undefined {
    return undefined;
  }

  attachDisk(disk: Disk): boolean {
    return this.block.attach(disk);
  }

  detachDisk(virtualDevice: number): boolean {
    return this.block.detach(virtualDevice) !== undefined;
  }

  disksChanged(): void {
    this.block.changed();
  }

  attachVif(options: VifOptions): boolean {
    return this.net.attach(options);
  }

  detachVif(handle: number): boolean {
    return this.net.detach(handle);
  }

  deviceState(kind: DeviceKind, handle: number): string {
    return kind === 'vbd' ? this.block.state : this.net.state(handle);
  }

  request(message: ControlMessage): Uint8Array {
    switch (message.type) {
      case CMSG_CONSOLE:
        return this.print(message);
      case CMSG_BLKIF_FE:
        return this.block.request(message);
      case CMSG_NETIF_FE:
        return this.net.request(message);
      default:
        return new Uint8Array(0);
    }
  }

  produce(): ControlMessage | undefined {
    if (!this.consoleUp || this.input.length === 0) return undefined;
    const payload = new Uint8Array(this.input.splice(0, CONTROL_MSG_PAYLOAD));
    return { type: CMSG_CONSOLE, subtype: CMSG_CONSOLE_DATA, id: 0, payload };
  }

  observe(record: ControlRecord): void {
    this.services.onMessage(record);
  }

  save(): PlainObject {
    const { input, consoleUp } = this;
    const parts = { channel: this.channel.save(), block: this.block.save(), net: this.net.save() };
    return { input: [...input], consoleUp, ...parts };
  }

  /** For a controller that has just been made, its disks attached. */
  restore(state: PlainObject): void {
    this.input = [...(state.input as number[])];
    this.consoleUp = state.consoleUp as boolean;
    this.channel.restore(state.channel as PlainObject);
    this.block.restore(state.block as PlainObject);
    this.net.restore(state.net as PlainObject);
  }

  /** Before the domain is destroyed: lets go of it. What there was to see of its control interface stays. */
  disconnect(): void {
    this.block.disconnect();
    this.net.disconnect();
    this.net.dispose();
  }

  /** The machine goes, or is restored; the disks are their owner's. */
  dispose(): void {
    this.channel.dispose();
    this.net.dispose();
  }

  private print({ subtype, payload }: ControlMessage): Uint8Array {
    if (subtype !== CMSG_CONSOLE_DATA) return new Uint8Array(0);
    this.consoleUp = true;
    if (payload.length > 0) this.services.onOutput(payload);
    return payload;
  }
}
