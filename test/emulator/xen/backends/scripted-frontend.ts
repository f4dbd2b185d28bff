import type { Domid, GrantRef, MachineAddress, Port } from '../../../../emulator/base/numbers.ts';
import type { DeviceAddress } from '../../../../emulator/xen/backends/xenbus/driver.ts';
import { Xenbus } from '../../../../emulator/xen/backends/xenbus/xenbus.ts';
import { bytesOf } from '../../../../emulator/xen/backends/xenstore/protocol.ts';
import { type Connection, XenStore } from '../../../../emulator/xen/backends/xenstore/store.ts';
import { DOMID_HOST, sendEvent } from '../../../../emulator/xen/common/event-channel.ts';
import { sharedInfoAddress, testBit } from '../../../../emulator/xen/common/shared-info.ts';
import { TestMachine } from '../pv/test-machine.ts';

/** The microseconds that a test lets pass for a back end to react to a state. */
const REACTION = 25_000;

/** A real hypervisor with store and xenbus, and a domain whose part the test plays: it grants, allocates, writes. */
export class ScriptedGuest {
  readonly machine = new TestMachine(256).start();
  readonly store = new XenStore();
  readonly xenbus = new Xenbus(this.machine.xen, this.store, (_domain, text) => {
    this.machine.notices.push(text);
  });
  readonly connection: Connection;
  readonly domain = this.machine.domain;
  /** Paths of watch events that reached the guest. */
  get events(): string[] {
    return this.connection.outbox.map(({ payload }) => new TextDecoder().decode(payload).split('\0')[0] ?? '');
  }

  constructor() {
    this.connection = this.store.introduce(this.domain.domid);
    const home = `/local/domain/${this.domain.domid}`;
    this.store.hostWrite('/local/domain/0', '');
    this.store.hostWrite(home, '', [
      { access: 'n', domid: 0 },
      { access: 'r', domid: this.domain.domid },
    ]);
    this.store.hostWrite(`${home}/device`, '');
  }

  watch(path: string): void {
    this.connection.watches.push({ path, token: 't', relative: false });
  }

  /** A write as the guest's own; the errno's name when the store refuses. */
  write(path: string, value: string): string | undefined {
    return this.store.apply({ kind: 'write', path, value: bytesOf(value) }, this.connection, undefined);
  }

  remove(path: string): string | undefined {
    return this.store.apply({ kind: 'remove', path }, this.connection, undefined);
  }

  /** Grants a page to the host. */
  grant(ref: number, pfn: number, readOnly = false): number {
    this.machine.xen.seedGrant(this.domain, ref as GrantRef, DOMID_HOST, this.machine.mfn(pfn), readOnly);
    return ref;
  }

  /** Takes a grant back: the entry's flags become 0. */
  revoke(ref: number): void {
    const { frames } = this.domain.grantTable;
    this.machine.ram.write32(((frames[0] as number) * 4096 + ref * 8) as MachineAddress, 0);
  }

  /** Whether the host still uses a grant (GTF_reading or GTF_writing). */
  inUse(ref: number): boolean {
    return this.domain.grantTable.active.has(ref);
  }

  allocatePort(remote: Domid = DOMID_HOST): Port {
    const port = this.machine.xen.allocateUnbound(this.domain, remote);
    if (typeof port !== 'number') throw new Error(port.reason);
    return port;
  }

  send(port: Port): void {
    sendEvent(this.machine.xen, this.domain, port);
  }

  pending(port: Port): boolean {
    return testBit(this.machine.ram, sharedInfoAddress(this.domain, 'evtchn_pending'), port);
  }

  clearPending(port: Port): void {
    const address = (sharedInfoAddress(this.domain, 'evtchn_pending') + (port >> 3)) as MachineAddress;
    const byte = this.machine.ram.u8[this.machine.ram.offsetOf(address)] as number;
    this.machine.ram.write8(address, byte & ~(1 << (port & 7)));
  }

  /** Lets virtual time pass. */
  advance(nanoseconds = REACTION): void {
    this.machine.xen.run(nanoseconds);
  }

  /** The guest's page, to be read and written. */
  page(pfn: number): DataView {
    const { ram } = this.machine;
    return new DataView(ram.memory.buffer, ram.offset(this.machine.mfn(pfn)), 4096);
  }

  front(address: Pick<DeviceAddress, 'kind' | 'handle'>, key: string): string {
    return `/local/domain/${this.domain.domid}/device/${address.kind}/${address.handle}/${key}`;
  }

  back(address: Pick<DeviceAddress, 'kind' | 'handle'>, key: string): string {
    return `/local/domain/0/backend/${address.kind}/${this.domain.domid}/${address.handle}/${key}`;
  }
}
