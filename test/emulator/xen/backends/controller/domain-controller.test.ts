import { describe, expect, it } from 'vitest';
import { plainFrame } from '../../../net/frames.ts';
import { BLK_PFN, DONE, FakeXenU, words } from './fake-xenu.ts';

const HDA = 0x300;
const SDB1 = 0x811;

describe('console', () => {
  it('prints what comes in messages, and answers each', () => {
    const domU = new FakeXenU();
    const text = 'Linux version 2.6.11.10 '.repeat(30);
    domU.print(text);
    expect(String.fromCharCode(...domU.output)).toBe(text);
    expect(domU.control.getUint32(1028, true)).toBe(Math.ceil(text.length / 60));
  });

  it('types in messages of at most 60 bytes once the guest has printed, as many as the ring holds', () => {
    const domU = new FakeXenU();
    const typed = 'x'.repeat(600);
    domU.controller.sendInput(new TextEncoder().encode(typed));
    expect(domU.take(false)).toEqual([]);
    expect(domU.controller.pendingInput).toBe(600);
    domU.print('login: ');
    const first = domU.take(false);
    expect(first).toHaveLength(8);
    expect(first.every(({ type, subtype, id, payload }) => type + subtype + id === 0 && payload.length === 60)).toBe(
      true,
    );
    expect(domU.controller.pendingInput).toBe(600);
    expect(domU.takeAll().reduce((sum, { payload }) => sum + payload.length, 0)).toBe(600);
    expect(domU.controller.pendingInput).toBe(0);
  });
});

describe('requests of the controller', () => {
  it('asks to shut down, for a SysRq key, and for another amount of memory', () => {
    const domU = new FakeXenU();
    domU.controller.requestShutdown('poweroff');
    domU.controller.requestShutdown('reboot');
    domU.controller.requestShutdown('suspend');
    domU.controller.sendSysrq('t');
    domU.controller.requestMemory(4096);
    expect(domU.takeAll().map(({ type, subtype, id, payload }) => [type, subtype, id, [...payload]])).toEqual([
      [6, 0, 0, []],
      [6, 1, 1, []],
      [6, 2, 2, []],
      [6, 3, 3, [0x74, 0, 0, 0]],
      [7, 0, 4, [0, 16, 0, 0, 0, 0, 0, 0]],
    ]);
  });

  it('keeps requests until the ring has room, and never uses the identifier 255', () => {
    const domU = new FakeXenU();
    for (let count = 0; count < 300; count++) domU.controller.requestMemory(count);
    expect(domU.take(false)).toHaveLength(8);
    const ids = domU.takeAll().map(({ id }) => id);
    expect(ids).toHaveLength(300);
    expect(ids.slice(253, 257)).toEqual([253, 254, 0, 1]);
  });

  it('answers messages that nobody knows with nothing', () => {
    const domU = new FakeXenU();
    expect(domU.send(5, 9, Uint8Array.of(1, 2, 3), 7)).toEqual({
      type: 5,
      subtype: 9,
      id: 7,
      payload: new Uint8Array(0),
    });
  });
});

describe('block interface', () => {
  it('lists disks by number, and reads and writes them by machine frame', () => {
    const domU = new FakeXenU();
    const second = domU.addDisk(SDB1, 128);
    domU.addDisk(HDA, 64, true);
    domU.connectBlock();
    const { machine } = domU.guest;
    domU.putBlock(2, 0, 0, [[machine.mfn(40), 0, 7]]);
    expect(domU.finishBlock()).toEqual([[0, 2, 2]]);
    const list = domU.guest.page(40);
    expect([list.getBigUint64(0, true), list.getUint16(8, true), list.getUint16(10, true)]).toEqual([64n, HDA, 0x60]);
    expect([list.getBigUint64(12, true), list.getUint16(20, true), list.getUint16(22, true)]).toEqual([
      128n,
      SDB1,
      0x20,
    ]);

    // Sectors 5 to 9 into the end of one page and the beginning of another.
    domU.putBlock(0, SDB1, 5, [
      [machine.mfn(41), 6, 7],
      [machine.mfn(42), 0, 2],
    ]);
    expect(domU.finishBlock()).toEqual([[1, 0, 0]]);
    const bytes = [41, 42].map((pfn) => domU.guest.page(pfn));
    expect([0, 6 * 512, 7 * 512].map((at) => bytes[0]?.getUint8(at))).toEqual([0, 5, 6]);
    expect([0, 2 * 512, 3 * 512 - 1, 3 * 512].map((at) => bytes[1]?.getUint8(at))).toEqual([7, 9, 9, 0]);

    domU.guest.page(43).setUint32(512, 0x12345678, true);
    domU.putBlock(1, SDB1, 100, [[machine.mfn(43), 1, 1]]);
    expect(domU.finishBlock()).toEqual([[2, 1, 0]]);
    expect([...second.subarray(100 * 512, 100 * 512 + 4)]).toEqual([0x78, 0x56, 0x34, 0x12]);
    expect(second[99 * 512]).toBe(99);
    expect(domU.controller.block.interface.disks[1]?.statistics).toMatchObject({
      reads: 1,
      writes: 1,
      bytesRead: 2560,
    });
    expect(domU.guest.pending(domU.blkPort)).toBe(true);
  });

  it.each([
    ['no disk of that number', 0, 0x16_00, 0, [[40, 0, 0]], 'there is no disk 0x1600'],
    ['a write to a read-only disk', 1, HDA, 0, [[40, 0, 0]], 'a write to a read-only disk'],
    ['a sector behind the end', 0, HDA, 63, [[40, 0, 1]], 'sectors 63 to 64 of a disk that has 64'],
    ['a sector number of 64 bits', 0, HDA, 2 ** 33, [[40, 0, 0]], 'sectors 8589934592 to'],
    ['no segments', 0, HDA, 0, [], '0 segments (1 to 11)'],
    ['too many segments', 0, HDA, 0, Array(12).fill([40, 0, 0]), '12 segments (1 to 11)'],
    ['a segment from back to front', 0, HDA, 0, [[40, 3, 2]], 'segment 0 covers sectors 3 to 2'],
    ['a read into a page table', 0, HDA, 0, [[4, 0, 0]], 'so it cannot become writable_page'],
    ['a list of disks of two pages', 2, 0, 0, Array(2).fill([40, 0, 7]), '2 pages for the list'],
    ['a list of disks in half a page', 2, 0, 0, [[40, 0, 3]], 'sectors 0 to 3 of a page for the list'],
    ['an operation that does not exist', 3, HDA, 0, [[40, 0, 0]], 'there is no operation 3'],
  ] as const)('refuses %s', (_what, operation, device, sector, segments, reason) => {
    const domU = new FakeXenU();
    const image = domU.addDisk(HDA, 64, true);
    domU.connectBlock();
    const before = image.slice();
    const counts = domU.guest.machine.frameCounts(domU.guest.domain.domid);
    const framed = (segments as readonly (readonly [number, number, number])[]).map(
      ([pfn, first, last]) => [domU.guest.machine.mfn(pfn), first, last] as const,
    );
    domU.putBlock(operation, device, sector, framed);
    expect(domU.finishBlock()).toEqual([[0, operation, -1]]);
    expect(domU.reports.join()).toContain(reason);
    expect(Buffer.compare(image, before)).toBe(0);
    expect(domU.guest.machine.frameCounts(domU.guest.domain.domid)).toEqual(counts);
  });

  it.each([
    ['another domain', (domU: FakeXenU) => domU.guest.machine.mfn(40, domU.guest.machine.newDomain('other'))],
    ['nobody', () => 0x4a3ff],
    ['no machine', () => 0xfffff],
  ])('refuses a frame of %s, in a request and for the ring', (_whose, frameOf) => {
    const domU = new FakeXenU();
    domU.addDisk(HDA);
    const frame = frameOf(domU);
    domU.send(2, 33, words(0, 0, frame, 0));
    expect(domU.takeAll()).toEqual([]);
    expect(domU.reports.at(-1)).toContain('the front end cannot be connected');
    domU.connectBlock();
    domU.putBlock(0, HDA, 0, [[frame, 0, 0]]);
    domU.putBlock(1, HDA, 0, [[frame, 0, 0]]);
    expect(domU.finishBlock()).toEqual([
      [0, 0, -1],
      [1, 1, -1],
    ]);
  });

  it('tells of a disk that is plugged in or out', () => {
    const domU = new FakeXenU();
    domU.connectBlock();
    domU.addDisk(HDA);
    expect(domU.takeAll().map(({ payload }) => [...payload])).toEqual([[0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]]);
    expect(domU.attach(HDA, new Uint8Array(512))).toBe(false);
    expect(domU.controller.block.detach(HDA)?.sectors).toBe(64);
    expect(domU.takeAll()).toHaveLength(1);
    domU.putBlock(0, HDA, 0, [[domU.guest.machine.mfn(40), 0, 0]]);
    expect(domU.finishBlock()).toEqual([[0, 0, -1]]);
  });

  it('ends a connection whose request index is impossible, and connects anew', () => {
    const domU = new FakeXenU();
    domU.addDisk(HDA);
    domU.connectBlock();
    const counts = domU.guest.machine.frameCounts(domU.guest.domain.domid);
    domU.blkRing.setUint32(0, 65, true);
    domU.guest.send(domU.blkPort);
    expect(domU.reports.at(-1)).toContain('req_prod 65 is more than 64 ahead');
    expect(domU.takeAll().map(({ payload }) => payload[4])).toEqual([1]);
    domU.blkRing.setUint32(0, 0, true);
    domU.connectBlock();
    domU.putBlock(0, HDA, 1, [[domU.guest.machine.mfn(40), 0, 0]]);
    expect(domU.finishBlock()).toEqual([[0, 0, 0]]);
    expect(domU.guest.machine.frameCounts(domU.guest.domain.domid)).toEqual(counts);
  });

  it('describes itself when asked, connected or not', () => {
    const domU = new FakeXenU();
    domU.addDisk(HDA);
    expect([...(domU.send(2, 35, words(0, 0, 0))?.payload ?? [])]).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    domU.connectBlock();
    const answer = domU.send(2, 35, words(0, 0, 0))?.payload ?? new Uint8Array(0);
    expect([answer[4], answer[8]]).toEqual([2, domU.blkPort]);
    expect(domU.send(2, 35, words(1, 9, 9))?.payload[4]).toBe(0);
  });
});

describe('network interfaces', () => {
  it('sends a frame by its machine address, and says how far it has come', () => {
    const domU = new FakeXenU();
    domU.addVif(0);
    domU.connectNet();
    const frame = plainFrame('ff ff ff ff ff ff', 'aa 00 00 00 00 01');
    expect(domU.transmit(frame, 50, 100)).toEqual([[0, 0]]);
    expect(domU.txRing.getUint32(4, true)).toBe(1);
    expect(domU.guest.pending(domU.netPort)).toBe(true);
    domU.guest.advance(DONE);
    expect(domU.received.map(({ bytes }) => bytes)).toEqual([frame]);
  });

  it('refuses frames of impossible sizes, across a page, and of others', () => {
    const domU = new FakeXenU();
    domU.addVif(0);
    domU.connectNet();
    const other = domU.guest.machine.newDomain('other');
    const own = domU.guest.machine.mfn(50) * 4096;
    const frames: (readonly [number, number])[] = [
      [own, 13],
      [own, 1515],
      [own + 3000, 1096],
      [domU.guest.machine.mfn(50, other) * 4096, 60],
      [0xfffff000, 60],
    ];
    for (const [address, size] of frames) expect(domU.transmitFrom(address, size)[0]?.[1]).toBe(-1);
    expect(domU.transmitFrom(own + 3000, 1095)[0]?.[1]).toBe(0);
    expect(domU.frames.map(({ direction, bytes }) => [direction, bytes.length])).toEqual([['in', 1095]]);
  });

  it("receives in a page that was nobody's and is the guest's then", () => {
    const domU = new FakeXenU();
    domU.addVif(0);
    domU.connectNet();
    domU.giveAway(60);
    domU.giveAway(61);
    const { domain, machine } = domU.guest;
    const total = domain.totalPages;
    domU.post(2);
    const frame = plainFrame('aa 00 00 00 00 01', '00 00 00 00 00 02', '01020304');
    domU.peer.send({ bytes: frame, checksum: 'complete', segmentation: undefined });
    domU.guest.advance(DONE);
    const [response, ...more] = domU.receiveResponses();
    expect(more).toEqual([]);
    expect(response).toMatchObject({ id: 0, status: frame.length });
    const address = response?.address ?? 0;
    const mfn = Math.floor(address / 4096);
    expect(machine.xen.frames.owns(domain.domid, mfn)).toBe(true);
    expect(domain.totalPages).toBe(total + 1);
    const from = machine.ram.offsetOf(address as never);
    expect(machine.ram.u8.slice(from, from + frame.length)).toEqual(frame);
    expect(address % 4096).toBeGreaterThanOrEqual(16);
    expect(domU.guest.pending(domU.netPort)).toBe(true);
    expect(domU.frames.filter(({ direction, port }) => direction === 'out' && port.name === 'vif1.0')).toHaveLength(1);
  });

  it('answers a buffer for which no page was given away with an error, and drops what finds no buffer', () => {
    const domU = new FakeXenU();
    domU.addVif(0);
    domU.connectNet();
    const frame = plainFrame('aa 00 00 00 00 01', '00 00 00 00 00 02');
    const send = (): void => {
      domU.peer.send({ bytes: frame, checksum: 'complete', segmentation: undefined });
      domU.guest.advance(DONE);
    };
    send();
    expect(domU.receiveResponses()).toEqual([]);
    domU.post(1);
    send();
    expect(domU.receiveResponses()).toEqual([{ id: 0, status: -1, address: 0 }]);
    expect(domU.frames.filter(({ direction }) => direction === 'dropped').map(({ reason }) => reason)).toEqual([
      'the guest gives no receive buffers',
      expect.stringContaining('pages of at most'),
    ]);
  });

  it('names all interfaces, to a front end that asks one by one, too', () => {
    const domU = new FakeXenU();
    domU.addVif(0);
    domU.addVif(2, '00163e000002');
    domU.send(4, 32, words(1, 0));
    expect(domU.takeAll().map(({ subtype, payload }) => [subtype, payload[0], payload[4]])).toEqual([
      [0, 0, 1],
      [0, 2, 1],
    ]);
    const query = (handle: number): number[] =>
      [...(domU.send(4, 0, words(handle, 0, 0, 0, 0))?.payload ?? [])].slice(0, 5);
    expect(query(-1)).toEqual([0, 0, 0, 0, 1]);
    expect(query(-2)).toEqual([2, 0, 0, 0, 1]);
    expect(query(-4)).toEqual([255, 255, 255, 255, 0]);
    // Neither connects: it is told in the end that these were all.
    domU.guest.advance(100_000_000);
    expect(domU.takeAll().map(({ subtype, payload }) => [subtype, payload[0], payload[4]])).toEqual([[32, 1, 2]]);
  });

  it('says at once that there is none', () => {
    const domU = new FakeXenU();
    domU.send(4, 32, words(1, 0));
    expect(domU.takeAll().map(({ subtype, payload }) => [subtype, payload[0], payload[4]])).toEqual([[32, 1, 0]]);
  });

  it('is plugged in and out while the guest runs', () => {
    const domU = new FakeXenU();
    domU.send(4, 32, words(1, 0));
    domU.takeAll();
    expect(domU.addVif(1)).toBe(true);
    expect(domU.addVif(1)).toBe(false);
    expect(domU.takeAll().map(({ payload }) => [payload[0], payload[4]])).toEqual([[1, 1]]);
    domU.connectNet(1);
    expect(domU.netPort).not.toBe(0);
    expect(domU.controller.net.detach(1)).toBe(true);
    expect(domU.takeAll().map(({ payload }) => [payload[0], payload[4]])).toEqual([[1, 0]]);
  });
});

describe('a guest that breaks the rules', () => {
  it.each([
    ['tx_req_prod', 1024, 9],
    ['rx_resp_prod', 1036, 1],
  ])('is heard no more while %s is impossible, and again after', (name, offset, value) => {
    const domU = new FakeXenU();
    domU.control.setUint32(offset, value, true);
    domU.guest.send(domU.port);
    domU.guest.send(domU.port);
    expect(domU.guest.machine.notices.filter((text) => text.includes(name))).toHaveLength(1);
    expect(domU.controller.describe().directions.some(({ pending }) => pending.includes('broke'))).toBe(true);
    domU.control.setUint32(offset, 0, true);
    domU.print('again');
    expect(String.fromCharCode(...domU.output)).toBe('again');
  });

  it('may send lengths beyond the message and payloads too short', () => {
    const domU = new FakeXenU();
    domU.control.setUint32(0, 0xff_ff_00_00, true);
    domU.control.setUint32(4, 0x64636261, true);
    domU.control.setUint32(1024, 1, true);
    domU.guest.send(domU.port);
    expect(String.fromCharCode(...domU.output)).toBe(`abcd${'\0'.repeat(56)}`);
    expect(domU.control.getUint32(1028, true)).toBe(1);
    const short = new FakeXenU();
    short.addVif(0);
    for (const type of [2, 4]) {
      for (const subtype of [0, 32, 33, 34, 35, 99]) {
        expect(short.send(type, subtype, new Uint8Array(1))).toMatchObject({ type, subtype, id: 0xff });
      }
    }
    expect(short.controller.rings()).toEqual([]);
  });
});

describe('views and traces', () => {
  it('shows control messages, block and network requests by their fields, and what is not answered', () => {
    const domU = new FakeXenU();
    domU.addDisk(HDA);
    domU.addVif(0);
    domU.connectBlock();
    domU.connectNet();
    domU.post(3);
    domU.putBlock(0, HDA, 2, [[domU.guest.machine.mfn(40), 0, 3]], 77);
    domU.guest.send(domU.blkPort);
    const control = domU.controller.describe();
    expect(control.directions[0]?.messages.map(({ summary, state }) => `${summary}: ${state}`).slice(0, 2)).toEqual([
      'BLKIF_FE_DRIVER_STATUS status=UP (1) max_handle=0: consumed',
      expect.stringMatching(/^BLKIF_FE_INTERFACE_CONNECT handle=0 shmem_frame=0x4a[0-9a-f]{3}: consumed$/),
    ]);
    const [blkif, tx, rx] = domU.controller.rings();
    expect(blkif?.directions[0]?.messages).toEqual([
      expect.objectContaining({ summary: '#77: READ 1 segment at sector 2 of 0x300', state: 'pending' }),
    ]);
    expect([blkif?.name, tx?.name, rx?.name]).toEqual([
      'block interface 0 blkif 2.0',
      'vif 0 netif 2.0 tx',
      'vif 0 netif 2.0 rx',
    ]);
    expect(rx?.directions[0]?.messages).toHaveLength(3);
    domU.guest.advance(DONE);
    const after = domU.controller.rings()[0];
    expect(
      after?.directions.map(({ messages }) => messages.map(({ summary, state }) => `${summary}: ${state}`)),
    ).toEqual([['#77: READ 1 segment at sector 2 of 0x300: consumed'], ['#77: READ = OKAY: consumed']]);
    expect(domU.trace).toContain(
      'controller: BLKIF_FE_INTERFACE_STATUS handle=0 status=DISCONNECTED (1) evtchn=0 domid=0',
    );
  });
});

describe('a saved controller', () => {
  it('goes on where it was: messages that wait, requests on their way, connections', () => {
    const domU = new FakeXenU();
    const image = Uint8Array.from({ length: 64 * 512 }, (_, index) => index >> 9);
    domU.attach(HDA, image);
    domU.addVif(0);
    domU.connectBlock();
    domU.connectNet();
    domU.print('up');
    domU.controller.sendInput(new Uint8Array(600).fill(65));
    domU.putBlock(0, HDA, 3, [[domU.guest.machine.mfn(40), 0, 0]], 5);
    domU.guest.send(domU.blkPort);
    const saved = domU.controller.save();
    const again = structuredClone(saved);
    expect(domU.controller.save()).toEqual(again);

    domU.controller.dispose();
    domU.xen.clearHostTimer(`blkif ${domU.guest.domain.domid}`);
    domU.controller = domU.makeController();
    domU.attach(HDA, image);
    domU.controller.restore(again);
    expect(domU.controller.save()).toEqual(again);
    domU.guest.advance(DONE);
    expect(domU.blockResponses()).toEqual([[5, 0, 0]]);
    expect(domU.guest.page(40).getUint8(0)).toBe(3);
    expect(domU.takeAll().reduce((sum, { payload }) => sum + payload.length, 0)).toBe(600);
    domU.transmit(plainFrame('ff ff ff ff ff ff', 'aa 00 00 00 00 01'), 50);
    domU.guest.advance(DONE);
    expect(domU.received).toHaveLength(1);
    expect(domU.guest.page(BLK_PFN).getUint32(4, true)).toBe(1);
  });
});
