/**
 * Devices of one domain of Xen 1.2, which has no back ends and no control interface: they are the hypervisor's own. One
 * block ring for all disks, two rings for each network interface, in pages of Xen's; two hypercalls; event bits. The
 * console is a hypercall that prints, with nothing to type on.
 *
 * NOT IMPLEMENTED: hypercalls of the privileged about other domains' devices; firewall rules.
 */
import type { MachineAddress, Mfn } from '../../../base/numbers.ts';
import { PAGE_SIZE } from '../../../base/numbers.ts';
import type { PlainObject } from '../../../machine/plain-data.ts';
import { macBytes } from '../../../net/mac-address.ts';
import type { Network } from '../../../net/network.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { type Refusal, refuse } from '../../common/refusal.ts';
import { EVENT_BLKDEV_BIT, EVENT_NET_BIT, EVENT_VBD_UPD_BIT, type XenDevices } from '../../common/xen-1/xen-devices.ts';
import { StructView } from '../../public/struct.ts';
import {
  BLOCK_IO_OP,
  BLOCK_IO_OP_INFO,
  BLOCK_IO_OP_NAMES,
  BLOCK_IO_OP_PROBE,
  BLOCK_IO_OP_RESET,
  BLOCK_IO_OP_RING_ADDRESS,
  BLOCK_IO_OP_SIGNAL,
  BLOCK_IO_OP_VBD_CREATE,
  BLOCK_IO_OP_VBD_DELETE,
  BLOCK_IO_OP_VBD_INFO,
  BLOCK_IO_OP_VBD_PROBE,
  VBD_MODE_R,
  VBD_MODE_W,
  XD_FLAG_RO,
  XD_FLAG_VIRT,
  XD_TYPE_DISK,
  XEN_DISK,
  XEN_EXTENT,
} from '../../public/xen-1.2/io/block.ts';
import {
  MAX_DOMAIN_VIFS,
  NET_IDX,
  NETOP,
  NETOP_FLUSH_BUFFERS,
  NETOP_GET_VIF_INFO,
  NETOP_PUSH_BUFFERS,
  NETOP_RESET_RINGS,
  SHARED_INFO_NET_IDX,
} from '../../public/xen-1.2/io/network.ts';
import type { RingDescription } from '../../ring/describe-ring.ts';
import { IndexedRing, type IndexedRingState } from '../../ring/indexed-ring.ts';
import { BlockInterface } from '../block/block-interface.ts';
import { BLK_RING_1_2, BLOCK_DIALECT_1_2 } from '../block/dialect-1.2.ts';
import type { Disk } from '../block/disk.ts';
import type { DomainConsole } from '../console/domain-console.ts';
import type { DeviceController } from '../device-controller.ts';
import { DeviceReports } from '../device-reports.ts';
import type { VifOptions } from '../net/backend.ts';
import { NET_DIALECT_1_2, RX_RING_1_2, TX_RING_1_2 } from '../net/dialect-1.2.ts';
import { NetInterface } from '../net/net-interface.ts';
import type { DeviceKind } from '../xenbus/driver.ts';

/** What a ring needs beside what its page and the shared-info page hold. */
interface SavedVif {
  readonly options: VifOptions;
  readonly mfn: number | undefined;
  readonly rings: readonly IndexedRingState[];
  readonly interface: PlainObject;
}

interface Vif {
  readonly interface: NetInterface;
  mfn: Mfn | undefined;
  rings: readonly IndexedRing[];
}

export interface DomainDevicesServices {
  readonly network: Network;
  readonly onReport: (text: string) => void;
}

export class DomainDevices implements XenDevices, DeviceController, DomainConsole {
  private readonly block: BlockInterface;
  private readonly vifsByIndex = new Map<number, Vif>();
  /** Of the block ring; made when the guest first asks for it. */
  private blockMfn: Mfn | undefined;
  private blockRing: IndexedRing | undefined;
  private saidConsole = false;

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly domain: Domain,
    private readonly services: DomainDevicesServices,
  ) {
    const reports = new DeviceReports('block', services.onReport);
    this.block = new BlockInterface(hypervisor, domain, BLOCK_DIALECT_1_2, (text) => reports.report(text));
    hypervisor.xenDevices.set(domain.domid, this);
  }

  netIoOp(op: Uint8Array): Refusal | undefined {
    const view = new StructView(NETOP, 32, op);
    const index = view.get('vif');
    const vif = this.vifsByIndex.get(index);
    if (vif === undefined) return refuse('EINVAL', `the domain has no VIF ${index}`);
    switch (view.get('cmd')) {
      case NETOP_PUSH_BUFFERS:
        return vif.interface.kick();
      case NETOP_FLUSH_BUFFERS:
        return vif.interface.flush();
      case NETOP_RESET_RINGS:
        if (!vif.interface.quiescent) return refuse('EINVAL', `VIF ${index} has requests without responses`);
        for (const ring of vif.rings) ring.reset();
        return undefined;
      case NETOP_GET_VIF_INFO: {
        const mfn = this.openVif(index, vif);
        if (typeof mfn !== 'number') return mfn;
        view.set('ring_mfn', mfn);
        macBytes(vif.interface.options.mac).forEach((byte, at) => {
          view.set('vmac', byte, at);
        });
        return undefined;
      }
      default:
        return refuse('EINVAL', `net_io_op has no command ${view.get('cmd')}`);
    }
  }

  blockIoOp(op: Uint8Array, write: (address: number, bytes: Uint8Array) => boolean): Refusal | undefined {
    const view = new StructView(BLOCK_IO_OP, 32, op);
    const command = view.get('cmd');
    switch (command) {
      case BLOCK_IO_OP_SIGNAL:
        return this.block.kick();
      case BLOCK_IO_OP_RESET:
        if ((this.blockRing?.unanswered ?? 0) !== 0) return refuse('EINVAL', 'the ring has requests without responses');
        this.blockRing?.reset();
        return undefined;
      case BLOCK_IO_OP_RING_ADDRESS: {
        const mfn = this.openBlock();
        if (typeof mfn !== 'number') return mfn;
        view.set('ring_mfn', mfn);
        return undefined;
      }
      case BLOCK_IO_OP_VBD_PROBE:
        return this.probe(new StructView(BLOCK_IO_OP_PROBE, 32, op), write);
      case BLOCK_IO_OP_VBD_INFO:
        return this.info(new StructView(BLOCK_IO_OP_INFO, 32, op), write);
      default:
        if (command >= BLOCK_IO_OP_VBD_CREATE && command <= BLOCK_IO_OP_VBD_DELETE) {
          return refuse('EPERM', `${BLOCK_IO_OP_NAMES[command]} is for the privileged`);
        }
        return refuse('ENOSYS', `block_io_op has no command ${command}`);
    }
  }

  get disks(): readonly Disk[] {
    return this.block.disks;
  }

  get vifs(): readonly VifOptions[] {
    return this.sorted.map(([, vif]) => vif.interface.options);
  }

  refusesDisk(virtualDevice: number): string | undefined {
    if (virtualDevice > 0 && virtualDevice <= 0xffff) return undefined;
    return `Xen 1.2 numbers disks by 16 bits, and this one's would be ${virtualDevice}; xvda to xvdp fit, hda to hdd, sda to sdp`;
  }

  refusesVif(handle: number): string | undefined {
    if (handle < MAX_DOMAIN_VIFS) return undefined;
    return `a domain of Xen 1.2 has interfaces 0 to ${MAX_DOMAIN_VIFS - 1}, and this one would be ${handle}`;
  }

  attachDisk(disk: Disk): boolean {
    const attached = this.block.attach(disk);
    if (attached) this.disksChanged();
    return attached;
  }

  detachDisk(virtualDevice: number): boolean {
    const detached = this.block.detach(virtualDevice) !== undefined;
    if (detached) this.disksChanged();
    return detached;
  }

  /** EVENT_VBD_UPD of the late 1.2: a guest that knows it probes again. */
  disksChanged(): void {
    if (this.blockRing !== undefined) this.hypervisor.raiseDeviceEvent(this.domain, EVENT_VBD_UPD_BIT);
  }

  attachVif(options: VifOptions): boolean {
    if (this.vifsByIndex.has(options.handle)) return false;
    this.vifsByIndex.set(options.handle, this.makeVif(options));
    return true;
  }

  detachVif(handle: number): boolean {
    const vif = this.vifsByIndex.get(handle);
    if (vif === undefined) return false;
    this.vifsByIndex.delete(handle);
    this.closeVif(vif);
    vif.interface.dispose();
    return true;
  }

  deviceState(kind: DeviceKind, handle: number): string {
    const used = kind === 'vbd' ? this.blockRing !== undefined : this.vifsByIndex.get(handle)?.mfn !== undefined;
    return used ? 'in use' : 'not used yet';
  }

  rings(): readonly RingDescription[] {
    const block = this.block.describe('all disks', EVENT_BLKDEV_BIT);
    const vifs = this.sorted.flatMap(([index, vif]) => vif.interface.describe(`vif ${index}`, EVENT_NET_BIT));
    return block === undefined ? vifs : [block, ...vifs];
  }

  /** Nobody can type: what there is of a console in 1.2 only prints. */
  sendInput(): void {
    if (!this.saidConsole) this.services.onReport('console: a domain of Xen 1.2 has none to type on, it only prints');
    this.saidConsole = true;
  }

  readonly pendingInput = 0;

  describe(): undefined {
    return undefined;
  }

  save(): PlainObject {
    const vifs = this.sorted.map(([, { interface: one, mfn, rings }]) => ({
      options: { ...one.options },
      mfn,
      rings: rings.map((ring) => ring.save()),
      interface: one.save(),
    }));
    const ring = this.blockRing?.save();
    return {
      blockMfn: this.blockMfn,
      blockRing: ring as unknown as PlainObject | undefined,
      block: this.block.save(),
      vifs: vifs as unknown as PlainObject[],
    };
  }

  /** For one that has just been made, its disks attached. */
  restore(state: PlainObject): void {
    if (state.blockMfn !== undefined) this.joinBlock(state.blockMfn as Mfn, state.blockRing as never);
    const connection = this.blockRing && { ring: this.blockRing, notify: () => this.raise(EVENT_BLKDEV_BIT) };
    this.block.restore(state.block as PlainObject, connection);
    for (const saved of state.vifs as unknown as readonly SavedVif[]) {
      const vif = this.makeVif(saved.options);
      this.vifsByIndex.set(saved.options.handle, vif);
      if (saved.mfn !== undefined) this.joinVif(saved.options.handle, vif, saved.mfn as Mfn, saved.rings);
      vif.interface.restore(saved.interface, this.connectionOf(vif));
    }
  }

  disconnect(): void {
    this.block.disconnect();
    if (this.blockMfn !== undefined) this.hypervisor.freeSharedFrame(this.blockMfn);
    [this.blockMfn, this.blockRing] = [undefined, undefined];
    for (const vif of this.vifsByIndex.values()) {
      this.closeVif(vif);
      vif.interface.dispose();
    }
    this.vifsByIndex.clear();
  }

  dispose(): void {
    const { xenDevices } = this.hypervisor;
    if (xenDevices.get(this.domain.domid) === this) xenDevices.delete(this.domain.domid);
    for (const vif of this.vifsByIndex.values()) vif.interface.dispose();
    this.vifsByIndex.clear();
  }

  private get sorted(): readonly (readonly [index: number, vif: Vif])[] {
    return [...this.vifsByIndex].sort(([one], [other]) => one - other);
  }

  private raise(bit: number): void {
    if (this.domain.alive) this.hypervisor.raiseDeviceEvent(this.domain, bit);
  }

  private openBlock(): Mfn | Refusal {
    if (this.blockMfn !== undefined) return this.blockMfn;
    const mfn = this.hypervisor.allocateSharedFrame(this.domain);
    if (mfn === undefined) return refuse('ENOMEM', 'the machine has no frame for a block ring');
    const ring = this.joinBlock(mfn);
    this.block.connect({ ring, notify: () => this.raise(EVENT_BLKDEV_BIT) });
    return mfn;
  }

  private joinBlock(mfn: Mfn, state?: IndexedRingState): IndexedRing {
    const indexes = (mfn * PAGE_SIZE) as MachineAddress;
    this.blockMfn = mfn;
    this.blockRing = new IndexedRing(this.hypervisor.ram, BLK_RING_1_2, mfn, indexes, state);
    return this.blockRing;
  }

  private makeVif(options: VifOptions): Vif {
    const reports = new DeviceReports(`vif ${options.handle}`, this.services.onReport);
    const report = (text: string): void => reports.report(text);
    const { hypervisor, domain, services } = this;
    const one = new NetInterface(hypervisor, domain, services.network, options, NET_DIALECT_1_2, report);
    return { interface: one, mfn: undefined, rings: [] };
  }

  private openVif(index: number, vif: Vif): Mfn | Refusal {
    if (vif.mfn !== undefined) return vif.mfn;
    const mfn = this.hypervisor.allocateSharedFrame(this.domain);
    if (mfn === undefined) return refuse('ENOMEM', 'the machine has no frame for the rings of a VIF');
    this.joinVif(index, vif, mfn);
    const connection = this.connectionOf(vif);
    if (connection !== undefined) vif.interface.connect(connection);
    return mfn;
  }

  private joinVif(index: number, vif: Vif, mfn: Mfn, states: readonly IndexedRingState[] = []): void {
    const start = this.domain.sharedInfoMfn * PAGE_SIZE + SHARED_INFO_NET_IDX + index * NET_IDX[32].size;
    vif.mfn = mfn;
    vif.rings = [TX_RING_1_2, RX_RING_1_2].map(
      (declaration, at) => new IndexedRing(this.hypervisor.ram, declaration, mfn, start as MachineAddress, states[at]),
    );
  }

  private connectionOf({ rings: [transmit, receive] }: Vif) {
    if (transmit === undefined || receive === undefined) return undefined;
    return { transmit, receive, notify: () => this.raise(EVENT_NET_BIT) };
  }

  /** Gives taken pages back, and Xen's page to Xen. */
  private closeVif(vif: Vif): void {
    vif.interface.giveBack();
    vif.interface.disconnect();
    if (vif.mfn !== undefined) this.hypervisor.freeSharedFrame(vif.mfn);
    vif.mfn = undefined;
    vif.rings = [];
  }

  private probe(
    op: StructView<'cmd' | 'domain' | 'max' | 'disks' | 'count'>,
    write: (address: number, bytes: Uint8Array) => boolean,
  ): Refusal | undefined {
    const foreign = this.notOwn(op.get('domain'), true);
    if (foreign !== undefined) return foreign;
    const { size } = XEN_DISK[32];
    let count = op.get('count');
    for (const disk of this.disks) {
      if (count === op.get('max')) return refuse('ENOMEM', `there are more disks than the ${count} that fit`);
      const entry = new StructView(XEN_DISK, 32, new Uint8Array(size));
      entry.set('device', disk.options.virtualDevice);
      entry.set('info', XD_FLAG_VIRT | XD_TYPE_DISK | (disk.options.readOnly ? XD_FLAG_RO : 0));
      entry.set('capacity', disk.sectors);
      entry.set('domain', this.domain.domid);
      if (!write(op.get('disks') + count * size, entry.bytes)) return refuse('EFAULT', 'the list cannot be written');
      count++;
    }
    op.set('count', count);
    return undefined;
  }

  /** A disk is one extent, of a device that the guest knows nothing else of. */
  private info(
    op: StructView<'cmd' | 'domain' | 'vdevice' | 'maxextents' | 'extents' | 'nextents' | 'mode'>,
    write: (address: number, bytes: Uint8Array) => boolean,
  ): Refusal | undefined {
    const foreign = this.notOwn(op.get('domain'), false);
    if (foreign !== undefined) return foreign;
    const number = op.get('vdevice');
    const disk = this.disks.find(({ options }) => options.virtualDevice === number);
    if (disk === undefined) return refuse('EINVAL', `there is no disk 0x${number.toString(16)}`);
    op.set('mode', disk.options.readOnly ? VBD_MODE_R : VBD_MODE_R | VBD_MODE_W);
    op.set('nextents', 0);
    if (op.get('maxextents') === 0) return undefined;
    const extent = new StructView(XEN_EXTENT, 32, new Uint8Array(XEN_EXTENT[32].size));
    extent.set('device', number);
    extent.set('nr_sectors', disk.sectors);
    if (!write(op.get('extents'), extent.bytes)) return refuse('EFAULT', 'the extents cannot be written');
    op.set('nextents', 1);
    return undefined;
  }

  /** A domain may ask about itself only; a probe for domain 0 is one for whoever asks. */
  private notOwn(domid: number, zeroIsSelf: boolean): Refusal | undefined {
    if (domid === this.domain.domid || (zeroIsSelf && domid === 0)) return undefined;
    return refuse('EPERM', `only the privileged ask about domain ${domid}`);
  }
}
