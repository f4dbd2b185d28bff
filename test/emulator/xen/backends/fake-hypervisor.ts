import type { Domid, Mfn, Port } from '../../../../emulator/base/numbers.ts';
import { Ram } from '../../../../emulator/machine/ram.ts';
import type { Domain } from '../../../../emulator/xen/common/domain.ts';
import type { Hypervisor } from '../../../../emulator/xen/common/hypervisor.ts';

/** As much of a hypervisor as a back end meets: RAM, host ports, a clock. The test plays the guest. */
export function fakeHypervisor() {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const ram = new Ram(memory, 4096, 16, 0x100);
  let onNotify = (): void => {};
  const calls: string[] = [];
  const hypervisor = {
    ram,
    clock: { instructions: 42 },
    trace: { notice: (_domain: Domain, text: string) => calls.push(text) },
    bindHostPort: (_domain: Domain, _port: Port, listener: () => void) => {
      onNotify = listener;
      return { dispose: () => {} };
    },
    notifyGuest: () => calls.push('notify'),
  } as unknown as Hypervisor;
  const domain = { domid: 1 as Domid, alive: true, present: true } as unknown as Domain;
  return {
    hypervisor,
    domain,
    /** Notifications to the guest and notices, in order. */
    calls,
    mfn: 0x104 as Mfn,
    port: 1 as Port,
    /** The shared page, as the guest sees it. */
    page: new DataView(memory.buffer, ram.offset(0x104 as Mfn), 4096),
    /** The guest's EVTCHNOP_send. */
    kick: () => onNotify(),
  };
}

/** The guest's end of a byte ring at raw offsets of the shared page. */
export class GuestRing {
  constructor(
    private readonly page: DataView,
    private readonly array: number,
    private readonly size: number,
    private readonly consumer: number,
    private readonly producer: number,
  ) {}

  put(bytes: Uint8Array): number {
    const producer = this.page.getUint32(this.producer, true);
    const used = (producer - this.page.getUint32(this.consumer, true)) >>> 0;
    const count = Math.min(bytes.length, this.size - used);
    for (let index = 0; index < count; index++) {
      this.page.setUint8(this.array + (((producer + index) >>> 0) % this.size), bytes[index]!);
    }
    this.page.setUint32(this.producer, producer + count, true);
    return count;
  }

  take(limit = Number.POSITIVE_INFINITY): Uint8Array {
    const consumer = this.page.getUint32(this.consumer, true);
    const used = (this.page.getUint32(this.producer, true) - consumer) >>> 0;
    const bytes = new Uint8Array(Math.min(used, limit));
    for (let index = 0; index < bytes.length; index++) {
      bytes[index] = this.page.getUint8(this.array + (((consumer + index) >>> 0) % this.size));
    }
    this.page.setUint32(this.consumer, consumer + bytes.length, true);
    return bytes;
  }
}
