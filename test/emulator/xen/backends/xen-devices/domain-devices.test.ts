import { describe, expect, it } from 'vitest';
import type { MachineAddress } from '../../../../../emulator/base/numbers.ts';
import { MemoryDisk } from '../../../../../emulator/host/browser/memory-disk.ts';
import { type MacAddress, macAt } from '../../../../../emulator/net/mac-address.ts';
import { Network } from '../../../../../emulator/net/network.ts';
import { type Packet, PLAIN_PORT, plainPacket } from '../../../../../emulator/net/packet.ts';
import { Disk } from '../../../../../emulator/xen/backends/block/disk.ts';
import { networkTime } from '../../../../../emulator/xen/backends/net/network-time.ts';
import { DomainDevices } from '../../../../../emulator/xen/backends/xen-devices/domain-devices.ts';
import { isRefusal } from '../../../../../emulator/xen/common/refusal.ts';
import { hex, plainFrame } from '../../../net/frames.ts';
import { findViolations } from '../../common/invariants.ts';
import { PFN_L1 } from '../../pv/test-machine.ts';
import { ScriptedGuest } from '../scripted-frontend.ts';

const HDA = 0x300;
const DONE = 60_000;
const FRAME = plainFrame('aa 00 00 00 00 01', '00 00 00 00 00 02', '01'.repeat(40));

/**
 * A domain of Xen 1.2 whose part the test plays, at raw offsets of the headers (abi-xen-1.2.md, sections 8 and 9). The
 * hypervisor below is real; its domain is a 64-bit one, whose L1 entries are read by their low halves here.
 */
class Fake12 {
  readonly guest = new ScriptedGuest();
  readonly reports: string[] = [];
  readonly events: number[] = [];
  readonly received: Packet[] = [];
  readonly network = new Network(networkTime(this.guest.machine.xen));
  readonly written = new Map<number, number[]>();
  devices: DomainDevices;
  private readonly peer;
  private ring = 0;
  private blkProduced = 0;

  constructor() {
    this.guest.machine.xen.raiseDeviceEvent = (_domain, bit) => void this.events.push(bit);
    this.devices = this.make();
    this.peer = this.network
      .switch('xenbr0')
      .attach(
        { name: 'peer', owner: 'the test', mac: 2 as MacAddress },
        { capabilities: () => PLAIN_PORT, receive: (packet) => void this.received.push(packet) },
      );
  }

  make(): DomainDevices {
    const { machine, domain } = this.guest;
    const services = { network: this.network, onReport: (text: string) => void this.reports.push(text) };
    return new DomainDevices(machine.xen, domain, services);
  }

  addDisk(
    virtualDevice: number,
    image: Uint8Array<ArrayBuffer> = new Uint8Array(64 * 512).map((_, at) => at >> 9),
    readOnly = false,
  ): Uint8Array<ArrayBuffer> {
    const options = { virtualDevice, vdev: 'hda', params: '/x.img', readOnly, discard: false };
    const store = new MemoryDisk(image, readOnly, `${virtualDevice}`);
    this.devices.attachDisk(new Disk(this.guest.machine.ram, options, store));
    return image;
  }

  addVif(handle: number): void {
    this.devices.attachVif({ handle, mac: macAt(hex('aa 00 00 00 00 01'), 0), bridge: 'xenbr0', name: undefined });
  }

  /** The words of an operation after it, or the errno. */
  op(kind: 'net' | 'block', ...words: readonly number[]): readonly number[] | number {
    const bytes = new Uint8Array(
      new Uint32Array([...words, ...Array(6).fill(0)].slice(0, kind === 'net' ? 5 : 6)).buffer,
    );
    const write = (address: number, data: Uint8Array): boolean => {
      if (address >= 0xfc000000) return false;
      this.written.set(address, [...data]);
      return true;
    };
    const result = kind === 'net' ? this.devices.netIoOp(bytes) : this.devices.blockIoOp(bytes, write);
    return isRefusal(result) ? -result.errno : [...new Uint32Array(bytes.buffer)];
  }

  /** A frame of Xen's as the guest maps it. */
  page(mfn: number): DataView {
    const { ram } = this.guest.machine;
    return new DataView(ram.memory.buffer, ram.offset(mfn as never), 4096);
  }

  get idx(): DataView {
    const page = this.page(this.guest.domain.sharedInfoMfn);
    return new DataView(page.buffer, page.byteOffset + 336, 24);
  }

  openBlock(): void {
    this.ring = (this.op('block', 2) as readonly number[])[1] as number;
  }

  putBlock(operation: number, device: number, sector: number, ...segments: readonly number[]): void {
    const ring = this.page(this.ring);
    const at = 8 + (this.blkProduced & 63) * 60;
    ring.setUint32(at, this.blkProduced, true);
    ring.setUint32(at + 4, sector, true);
    ring.setUint16(at + 8, device, true);
    ring.setUint8(at + 10, operation);
    ring.setUint8(at + 11, segments.length);
    segments.forEach((segment, index) => {
      ring.setUint32(at + 12 + index * 4, segment, true);
    });
    this.blkProduced++;
    ring.setUint32(0, this.blkProduced & 63, true);
  }

  /** Signals, waits; [id, operation, status] of the response at an index. */
  finishBlock(index: number): readonly number[] {
    expect(this.op('block', 0)).not.toBeTypeOf('number');
    this.guest.advance(DONE);
    const ring = this.page(this.ring);
    const at = 8 + index * 60;
    return [ring.getUint32(at, true), ring.getUint16(at + 4, true), ring.getUint32(at + 8, true)];
  }

  /** Machine address of the entry that maps a page. */
  entryOf(pfn: number): number {
    return this.guest.machine.machine(PFN_L1, pfn * 8);
  }

  entry(pfn: number): number {
    return this.guest.machine.ram.read32(this.entryOf(pfn) as MachineAddress);
  }

  openNet(): DataView {
    const [, , mfn] = this.op('net', 3, 0) as readonly number[];
    return this.page(mfn as number);
  }

  arrive(): void {
    this.peer.send(plainPacket(FRAME));
    this.guest.advance(DONE);
  }
}

describe('block_io_op', () => {
  it('lists disks with their virtual type, and describes one', () => {
    const fake = new Fake12();
    fake.addDisk(HDA);
    fake.addDisk(0x340, new Uint8Array(1024), true);
    expect(fake.op('block', 8, 0, 5, 0x1000, 0)).toEqual([8, 0, 5, 0x1000, 2, 0]);
    expect(fake.written.get(0x1000)).toEqual([0x00, 0x03, 0xa0, 0, 64, 0, 0, 0, 1, 0, 0, 0]);
    expect(fake.written.get(0x100c)).toEqual([0x40, 0x03, 0xe0, 0, 2, 0, 0, 0, 1, 0, 0, 0]);
    expect(fake.op('block', 9, 1, HDA | (4 << 16), 0x2000)).toEqual([9, 1, HDA | (4 << 16), 0x2000, 1 | (3 << 16), 0]);
    expect(fake.written.get(0x2000)).toEqual([0, 3, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0]);
  });

  it.each([
    ['a list that is too short', [8, 0, 1, 0x1000, 0], -12],
    ['a list that cannot be written', [8, 0, 5, 0xfc000000, 0], -14],
    ['another domain', [8, 2, 5, 0x1000, 0], -1],
    ['all domains', [8, 0xffffffff, 5, 0x1000, 0], -1],
    ['a disk that is not there', [9, 1, 0x1234, 0x2000], -22],
    ['making a disk', [3, 1, HDA | (3 << 16)], -1],
    ['deleting one', [7, 1, HDA], -1],
    ['a command that does not exist', [10], -38],
  ])('refuses %s', (_what, words, errno) => {
    const fake = new Fake12();
    fake.addDisk(HDA);
    fake.addDisk(0x340);
    expect(fake.op('block', ...words)).toBe(errno);
  });

  it('reads and writes buffers that go over several frames, and raises the event of block devices', () => {
    const fake = new Fake12();
    const image = fake.addDisk(HDA);
    fake.openBlock();
    const { machine } = fake.guest;
    fake.putBlock(0, HDA, 3, machine.mfn(40) * 4096 + 512 + 2, machine.mfn(41) * 4096 + 1);
    expect(fake.finishBlock(0)).toEqual([0, 0, 0]);
    const [one, two] = [40, 41].map((pfn) => fake.guest.page(pfn)) as [DataView, DataView];
    expect([511, 512, 1024, 1536].map((at) => one.getUint8(at))).toEqual([0, 3, 4, 0]);
    expect([0, 511, 512].map((at) => two.getUint8(at))).toEqual([5, 5, 0]);
    expect(fake.events).toEqual([0]);
    two.setUint8(0, 0x77);
    fake.putBlock(1, HDA, 9, machine.mfn(41) * 4096 + 1);
    expect(fake.finishBlock(1)).toEqual([1, 1, 0]);
    expect(image[9 * 512]).toBe(0x77);
    // Neighbours in the machine, where there are such.
    const pfns = Array.from({ length: 200 }, (_, pfn) => pfn + 20);
    const first = pfns.find((pfn) => pfns.some((other) => machine.mfn(other) === machine.mfn(pfn) + 1)) as number;
    const next = pfns.find((pfn) => machine.mfn(pfn) === machine.mfn(first) + 1) as number;
    fake.putBlock(0, HDA, 0, machine.mfn(first) * 4096 + 3584 + 2);
    expect(fake.finishBlock(2)).toEqual([2, 0, 0]);
    fake.putBlock(0, HDA, 20, machine.mfn(first) * 4096 + 3584 + 2);
    expect(fake.finishBlock(3)).toEqual([3, 0, 0]);
    expect([fake.guest.page(first).getUint8(3584), fake.guest.page(next).getUint8(0)]).toEqual([20, 21]);
  });

  it("refuses what is not the guest's, wraps at 64, and takes no more than 63 at once", () => {
    const fake = new Fake12();
    fake.addDisk(HDA);
    fake.openBlock();
    const own = fake.guest.machine.mfn(40) * 4096;
    const other = fake.guest.machine.mfn(40, fake.guest.machine.newDomain('other')) * 4096;
    for (const [index, segments] of [[other + 1], [own], [], [4096 * 4 + 1], [own + 4096 - 512 + 511]].entries()) {
      fake.putBlock(0, HDA, 0, ...segments);
      expect(fake.finishBlock(index)[2]).toBe(1);
    }
    fake.putBlock(2, HDA, 0, own + 1);
    expect(fake.finishBlock(5)).toEqual([5, 2, 1]);
    for (let index = 6; index < 70; index++) {
      fake.putBlock(0, HDA, 0, own + 1);
      expect(fake.finishBlock(index & 63)).toEqual([index, 0, 0]);
    }
    expect(fake.op('block', 1)).not.toBeTypeOf('number');
    expect(findViolations(fake.guest.machine.xen)).toEqual([]);
  });

  it('resets a ring at rest only', () => {
    const fake = new Fake12();
    fake.addDisk(HDA);
    fake.openBlock();
    fake.putBlock(0, HDA, 0, fake.guest.machine.mfn(40) * 4096 + 1);
    fake.op('block', 0);
    expect(fake.op('block', 1)).toBe(-22);
    fake.guest.advance(DONE);
    expect(fake.op('block', 1)).not.toBeTypeOf('number');
  });
});

describe('net_io_op', () => {
  it('says where the rings are, and the address', () => {
    const fake = new Fake12();
    fake.addVif(0);
    const [, , mfn, low, high] = fake.op('net', 3, 0) as readonly number[];
    expect(fake.guest.machine.xen.frames.owns(fake.guest.domain.domid, mfn as number)).toBe(true);
    expect([low, high]).toEqual([0x0000_00aa, 0x0100]);
    expect(fake.op('net', 3, 0)).toEqual([3, 0, mfn, low, high]);
    expect(fake.op('net', 3, 1)).toBe(-22);
    expect(fake.op('net', 4, 0)).toBe(-22);
  });

  it('sends, with the status of each frame, and tells where the guest wants it', () => {
    const fake = new Fake12();
    fake.addVif(0);
    const rings = fake.openNet();
    const page = fake.guest.page(50);
    FRAME.forEach((byte, at) => {
      page.setUint8(at, byte);
    });
    const own = fake.guest.machine.mfn(50) * 4096;
    const sends = [
      [own, FRAME.length],
      [own, 34],
      [own, 1515],
      [own + 4090, 40],
      [0, 40],
    ] as const;
    sends.forEach(([address, size], index) => {
      rings.setUint16(index * 8, index + 10, true);
      rings.setUint16(index * 8 + 2, size, true);
      rings.setUint32(index * 8 + 4, address, true);
    });
    fake.idx.setUint32(8, 2, true);
    fake.idx.setUint32(0, sends.length, true);
    fake.op('net', 0, 0);
    expect(fake.idx.getUint32(4, true)).toBe(5);
    expect(sends.map((_, index) => [rings.getUint16(index * 8, true), rings.getUint8(index * 8 + 2)])).toEqual([
      [10, 0],
      [11, 1],
      [12, 1],
      [13, 1],
      [14, 1],
    ]);
    expect(fake.events).toEqual([4]);
    fake.guest.advance(DONE);
    expect(fake.received.map(({ bytes }) => bytes)).toEqual([FRAME]);
  });

  it('takes the page out of the entry at once, and puts another in its place with the frame', () => {
    const fake = new Fake12();
    fake.addVif(0);
    const rings = fake.openNet();
    const { machine, domain } = fake.guest;
    const [old, total] = [machine.mfn(60), domain.totalPages];
    rings.setUint16(2048, 7, true);
    rings.setUint32(2052, fake.entryOf(60), true);
    fake.idx.setUint32(20, 1, true);
    fake.idx.setUint32(12, 1, true);
    fake.op('net', 0, 0);
    expect(fake.entry(60) & 1).toBe(0);
    expect(machine.xen.frames.owner(old)).toBeUndefined();
    expect(domain.totalPages).toBe(total - 1);
    expect(fake.op('net', 2, 0)).toBe(-22);
    fake.arrive();
    expect([rings.getUint16(2048, true), rings.getUint16(2050, true), rings.getUint8(2052)]).toEqual([
      7,
      FRAME.length,
      0,
    ]);
    const mfn = fake.entry(60) >>> 12;
    expect(fake.entry(60) & 3).toBe(3);
    expect(machine.xen.frames.owns(domain.domid, mfn)).toBe(true);
    expect(domain.mfnOf(60)).toBe(mfn);
    const offset = rings.getUint8(2053);
    expect(machine.ram.frame(mfn as never).slice(offset, offset + FRAME.length)).toEqual(FRAME);
    expect(fake.events).toEqual([4]);
    expect(domain.totalPages).toBe(total);
    expect(findViolations(machine.xen)).toEqual([]);
    expect(fake.op('net', 2, 0)).not.toBeTypeOf('number');
  });

  it('answers entries that are none, and flushes what is left', () => {
    const fake = new Fake12();
    fake.addVif(0);
    const rings = fake.openNet();
    const { machine } = fake.guest;
    const entries = [
      fake.entryOf(60),
      fake.entryOf(PFN_L1),
      fake.entryOf(60),
      machine.machine(70),
      3,
      fake.entryOf(61),
    ];
    entries.forEach((entry, index) => {
      rings.setUint16(2048 + index * 8, index, true);
      rings.setUint32(2052 + index * 8, entry, true);
    });
    fake.idx.setUint32(12, entries.length, true);
    fake.op('net', 0, 0);
    // The first and the last are good; the third names the first one's entry again, which is empty by now.
    expect(fake.idx.getUint32(16, true)).toBe(4);
    const status = (index: number): number[] => [
      rings.getUint16(2048 + index * 8, true),
      rings.getUint8(2052 + index * 8),
    ];
    expect([0, 1, 2, 3].map(status)).toEqual([1, 2, 3, 4].map((id) => [id, 1]));
    fake.op('net', 1, 0);
    expect([4, 5].map(status)).toEqual([
      [0, 2],
      [5, 2],
    ]);
    expect([60, 61].map((pfn) => fake.entry(pfn) & 3)).toEqual([3, 3]);
    expect(findViolations(machine.xen)).toEqual([]);
    expect(fake.op('net', 2, 0)).not.toBeTypeOf('number');
  });

  it('refuses a page that is mapped twice, and one that is mapped to be read only', () => {
    const fake = new Fake12();
    fake.addVif(0);
    const rings = fake.openNet();
    const { machine } = fake.guest;
    // Page 63 at 61's address as well, and 64 without the writable bit.
    machine.hypercall(14, -0x80000000 + 61 * 4096, machine.entry(63, 7), 0);
    machine.hypercall(14, -0x80000000 + 64 * 4096, machine.entry(64, 5), 0);
    [63, 64].forEach((pfn, index) => {
      rings.setUint32(2052 + index * 8, fake.entryOf(pfn), true);
    });
    fake.idx.setUint32(12, 2, true);
    fake.op('net', 0, 0);
    expect(fake.idx.getUint32(16, true)).toBe(2);
    expect([rings.getUint8(2052), rings.getUint8(2060)]).toEqual([1, 1]);
    expect(fake.entry(63) & 1).toBe(1);
    expect(findViolations(machine.xen)).toEqual([]);
  });

  it('drops a frame where the guest has used the entry otherwise, and gives its page back', () => {
    const fake = new Fake12();
    fake.addVif(0);
    const rings = fake.openNet();
    const { machine, domain } = fake.guest;
    const total = domain.totalPages;
    rings.setUint32(2052, fake.entryOf(60), true);
    fake.idx.setUint32(12, 1, true);
    fake.op('net', 0, 0);
    machine.hypercall(14, -0x80000000 + 60 * 4096, machine.entry(61, 5), 0);
    fake.arrive();
    expect(rings.getUint8(2052)).toBe(1);
    expect(domain.totalPages).toBe(total);
    expect(findViolations(machine.xen)).toEqual([]);
  });

  it('is gone without a trace when the domain is', () => {
    const fake = new Fake12();
    fake.addVif(0);
    fake.addDisk(HDA);
    fake.openBlock();
    const rings = fake.openNet();
    rings.setUint32(2052, fake.entryOf(60), true);
    fake.idx.setUint32(12, 1, true);
    fake.op('net', 0, 0);
    const { machine, domain } = fake.guest;
    const free = machine.xen.frames.freeFrames;
    fake.devices.disconnect();
    fake.devices.dispose();
    expect(machine.xen.frames.freeFrames).toBe(free + 1);
    expect(findViolations(machine.xen)).toEqual([]);
    expect(machine.xen.xenDevices.size).toBe(0);
    expect(domain.mfnOf(60)).toBeDefined();
  });
});

it('is restored with requests on their way and buffers taken, and shown as rings', () => {
  const fake = new Fake12();
  fake.addVif(0);
  const image = fake.addDisk(HDA);
  fake.openBlock();
  const rings = fake.openNet();
  rings.setUint16(2048, 9, true);
  rings.setUint32(2052, fake.entryOf(60), true);
  fake.idx.setUint32(12, 1, true);
  fake.op('net', 0, 0);
  fake.putBlock(0, HDA, 5, fake.guest.machine.mfn(40) * 4096 + 1);
  fake.op('block', 0);
  expect(fake.devices.rings().map(({ name, directions }) => [name, directions[0]?.messages.at(-1)?.summary])).toEqual([
    ['all disks block 1.2', '#0: READ 1 segment at sector 5 of 0x300'],
    ['vif 0 net 1.2 tx', undefined],
    ['vif 0 net 1.2 rx', expect.stringMatching(/^#9: the page of the entry at 0x4a/)],
  ]);
  const saved = structuredClone(fake.devices.save());
  fake.devices.dispose();
  fake.guest.machine.xen.clearHostTimer('blkif 1');
  fake.devices = fake.make();
  fake.addDisk(HDA, image);
  fake.devices.restore(saved);
  expect(fake.devices.save()).toEqual(saved);
  fake.arrive();
  expect(fake.guest.page(40).getUint8(0)).toBe(5);
  expect([rings.getUint16(2048, true), rings.getUint16(2050, true)]).toEqual([9, FRAME.length]);
  expect(findViolations(fake.guest.machine.xen)).toEqual([]);
});

it('says what cannot be plugged in, and that nobody can type', () => {
  const fake = new Fake12();
  expect(fake.devices.refusesVif(8)).toContain('interfaces 0 to 7');
  expect(fake.devices.refusesDisk(0x10000000)).toContain('16 bits');
  fake.devices.sendInput();
  fake.devices.sendInput();
  expect(fake.reports).toEqual(['console: a domain of Xen 1.2 has none to type on, it only prints']);
});
