import { describe, expect, it } from 'vitest';
import type { DiskStore } from '../../../../../emulator/base/disk-store.ts';
import { MemoryDisk } from '../../../../../emulator/host/browser/memory-disk.ts';
import { Blkfront, RING_PFN, writeSegment } from './scripted-blkfront.ts';

const READ = 0;
const WRITE = 1;
const BARRIER = 2;
const FLUSH = 3;
const DISCARD = 5;
const INDIRECT = 6;

function connected(options = {}): Blkfront {
  const front = new Blkfront(options);
  expect(front.connect()).toBe('4');
  return front;
}

const sector = (front: Blkfront, index: number): Uint8Array => front.image.subarray(index * 512, index * 512 + 512);
const page = (front: Blkfront, pfn: number): Uint8Array => {
  const { buffer, byteOffset } = front.guest.page(pfn);
  return new Uint8Array(buffer, byteOffset, 4096);
};

describe('what the guest is told', () => {
  it('has the nodes of blkback and libxl', () => {
    const front = connected({ sectors: 2048 });
    const nodes = ['sectors', 'sector-size', 'physical-sector-size', 'info', 'mode', 'dev', 'params', 'type'];
    expect(nodes.map((name) => front.backend(name))).toEqual(['2048', '512', '512', '0', 'w', 'xvda', '/x.img', 'phy']);
    const features = ['flush-cache', 'barrier', 'persistent', 'discard', 'max-indirect-segments'];
    expect(features.map((name) => front.backend(`feature-${name}`))).toEqual(['1', '1', '1', '1', '256']);
  });

  it('says read-only, and offers no discard then', () => {
    const front = connected({ readOnly: true });
    expect([front.backend('info'), front.backend('mode'), front.backend('feature-discard')]).toEqual([
      '4',
      'r',
      undefined,
    ]);
  });
});

describe.each(['x86_64-abi', 'x86_32-abi'] as const)('requests of %s', (protocol) => {
  it('reads and writes parts of pages, and answers with the id', () => {
    const front = connected({ protocol });
    front.guest.grant(20, 30);
    front.guest.grant(21, 31);
    const id = front.putRequest(READ, 3, [
      { ref: 20, first: 1, last: 2 },
      { ref: 21, first: 7, last: 7 },
    ]);
    front.kick();
    expect(front.responses()).toEqual([]);
    front.settle();
    expect(front.responses()).toEqual([{ id, operation: READ, status: 0 }]);
    expect(front.guest.pending(front.port)).toBe(true);
    expect(page(front, 30).subarray(512, 1536)).toEqual(front.image.subarray(3 * 512, 5 * 512));
    expect(page(front, 31).subarray(3584)).toEqual(sector(front, 5));
    page(front, 31).fill(0xee);
    expect(front.request(WRITE, 63, [{ ref: 21, first: 0, last: 0 }])).toBe(0);
    expect(new Set(sector(front, 63))).toEqual(new Set([0xee]));
    expect(sector(front, 62)[0]).toBe(62);
    expect([20, 21].map((ref) => front.guest.inUse(ref))).toEqual([false, false]);
  });

  it('carries out indirect requests', () => {
    const front = connected({ protocol });
    const list = front.guest.page(40);
    front.guest.grant(9, 40, true);
    for (let index = 0; index < 20; index++) {
      front.guest.grant(50 + index, 60 + index, true);
      page(front, 60 + index).fill(index + 1);
      writeSegment(list, index * 8, { ref: 50 + index, first: 2, last: 2 });
    }
    const id = front.put((entry) => {
      entry.setUint8(0, INDIRECT);
      entry.setUint8(1, WRITE);
      entry.setUint16(2, 20, true);
      entry.setBigUint64(front.layout.sector, 10n, true);
      entry.setUint32(front.layout.grefs, 9, true);
    });
    front.kick();
    front.settle();
    // The operation of the response is the inner one: Linux disables a device that answers otherwise.
    expect(front.responses()).toEqual([{ id, operation: WRITE, status: 0 }]);
    expect(Array.from({ length: 20 }, (_, index) => sector(front, 10 + index)[511])).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
  });

  it('discards', () => {
    const front = connected({ protocol });
    front.put((entry) => {
      entry.setUint8(0, DISCARD);
      entry.setBigUint64(front.layout.sector, 8n, true);
      entry.setBigUint64(front.layout.discard, 2n, true);
    });
    expect(front.finish()).toBe(0);
    expect([7, 8, 9, 10].map((index) => sector(front, index)[0])).toEqual([7, 0, 0, 10]);
  });
});

it('takes the layout of the guest itself where no protocol is named', () => {
  expect(new Blkfront({ keys: { protocol: undefined } }).connect()).toBe('4');
});

describe('flushes', () => {
  it('are done before the response, in order with writes', () => {
    const log: string[] = [];
    const inner = new MemoryDisk(new Uint8Array(64 * 512), false, 'log');
    const store: DiskStore = {
      ...{ size: inner.size, readOnly: false, identity: 'log', measure: () => {}, close: () => {} },
      read: (offset, into) => inner.read(offset, into),
      discard: () => undefined,
      write: (offset, bytes) => {
        log.push(`write ${offset / 512}`);
        return inner.write(offset, bytes);
      },
      flush: () => {
        log.push('flush');
        return undefined;
      },
    };
    const front = connected({ store });
    front.guest.grant(20, 30, true);
    front.putRequest(WRITE, 1, [{ ref: 20 }]);
    front.putRequest(FLUSH, 0, []);
    front.putRequest(BARRIER, 2, [{ ref: 20 }]);
    front.putRequest(WRITE, 3, [{ ref: 20 }]);
    front.kick();
    expect(log).toEqual([]);
    front.settle();
    expect(log).toEqual(['write 1', 'flush', 'flush', 'write 2', 'flush', 'write 3']);
    expect(front.responses().map(({ status }) => status)).toEqual([0, 0, 0, 0]);
  });

  it("tell the guest and the user that the host's disk is full", () => {
    const full = "x.img cannot be written: the host's disk is full";
    const store: DiskStore = {
      ...{ size: 4096, readOnly: false, identity: 'full', measure: () => {}, close: () => {} },
      read: () => undefined,
      discard: () => full,
      write: () => full,
      flush: () => full,
    };
    const front = connected({ store });
    front.guest.grant(20, 30, true);
    for (let count = 0; count < 3; count++) expect(front.request(WRITE, 0, [{ ref: 20 }])).toBe(-1);
    expect(front.guest.machine.notices).toEqual([`vbd 51712: WRITE failed: ${full}`]);
    expect(front.request(FLUSH, 0, [])).toBe(-1);
    expect(front.disk.statistics.errors).toBe(4);
  });
});

/** Each is what blkback answers with an error (dispatch_rw_block_io, xen_vbd_translate). */
describe('requests that are refused', () => {
  const bad: [string, (front: Blkfront) => number | undefined, number, string][] = [
    ['no segments', (front) => front.request(READ, 0, []), -1, 'READ with 0 segments'],
    ['too many segments', (front) => front.request(WRITE, 0, Array(12).fill({ ref: 20 })), -1, '12 segments'],
    ['a segment past its page', (front) => front.request(READ, 0, [{ ref: 20, last: 8 }]), -1, 'sectors 0 to 8'],
    ['a segment that ends first', (front) => front.request(READ, 0, [{ ref: 20, first: 3, last: 2 }]), -1, '3 to 2'],
    [
      'sectors past the end',
      (front) => front.request(READ, 57, [{ ref: 20 }]),
      -1,
      'sectors 57 to 64 of a disk that has 64',
    ],
    ['a sector of 64 bits', (front) => front.request(READ, 2n ** 64n - 4n, [{ ref: 20 }]), -1, 'of a disk that has 64'],
    ['a grant that is none', (front) => front.request(READ, 0, [{ ref: 20 }, { ref: 99 }]), -1, 'grant 99'],
    ['a grant beyond the table', (front) => front.request(READ, 0, [{ ref: 0xffffffff }]), -1, 'grant 4294967295'],
    ['a read into a read-only grant', (front) => front.request(READ, 0, [{ ref: 21 }]), -1, 'is read-only'],
    ['an operation that is none', (front) => front.request(77, 0, [{ ref: 20 }]), -2, 'there is no operation 77'],
    ['SCSI packets', (front) => front.request(4, 0, [{ ref: 20 }]), -2, 'there is no operation 4'],
  ];
  it.each(bad)('%s', (_name, attempt, status, reason) => {
    const front = connected();
    front.guest.grant(20, 30);
    front.guest.grant(21, 31, true);
    const before = front.image.slice();
    expect(attempt(front)).toBe(status);
    expect(front.lastNotice).toContain(reason);
    expect(front.image).toEqual(before);
    expect(front.guest.inUse(20)).toBe(false);
    expect(front.request(READ, 0, [{ ref: 20 }])).toBe(0);
  });

  it.each([
    ['operation 3', 3, 4, 9, 'indirect operation 3'],
    ['no segments', 1, 0, 9, '0 segments'],
    ['257 segments', 1, 257, 9, '257 segments'],
    ['a bad page of segments', 1, 4, 98, 'grant 98'],
  ])('indirect: %s', (_name, operation, count, gref, reason) => {
    const front = connected();
    front.guest.grant(9, 40);
    front.put((entry) => {
      entry.setUint8(0, INDIRECT);
      entry.setUint8(1, operation);
      entry.setUint16(2, count, true);
      entry.setUint32(front.layout.grefs, gref, true);
    });
    expect(front.finish()).toBe(-1);
    expect(front.lastNotice).toContain(reason);
  });

  it('writes and discards on a read-only disk', () => {
    const front = connected({ readOnly: true });
    front.guest.grant(20, 30);
    expect(front.request(WRITE, 0, [{ ref: 20 }])).toBe(-1);
    expect(front.lastNotice).toContain('read-only disk');
    expect(front.request(BARRIER, 0, [{ ref: 20 }])).toBe(-1);
    expect(front.request(FLUSH, 0, [])).toBe(0);
  });

  it('discards that were not offered, or go past the end', () => {
    const discard = (front: Blkfront, at: bigint, count: bigint): number | undefined => {
      front.put((entry) => {
        entry.setUint8(0, DISCARD);
        entry.setBigUint64(front.layout.sector, at, true);
        entry.setBigUint64(front.layout.discard, count, true);
      });
      return front.finish();
    };
    expect(discard(connected({ discard: false }), 0n, 1n)).toBe(-2);
    expect(discard(connected(), 60n, 5n)).toBe(-1);
    expect(discard(connected(), 1n, 2n ** 64n - 1n)).toBe(-1);
  });
});

describe('front ends that break the protocol', () => {
  it.each([
    ['an unknown protocol', { protocol: 'ia64-abi' }, `protocol "ia64-abi" is unknown`],
    ['a ring of too many pages', { 'ring-page-order': '5' }, 'ring-page-order 5'],
    ['a ring-page-order beyond sense', { 'ring-page-order': '4294967295' }, 'ring-page-order 4294967295'],
    ['missing pages', { 'ring-page-order': '1' }, 'wrote no ring-ref0'],
    ['no queues', { 'multi-queue-num-queues': '0' }, '0 queues'],
    ['too many queues', { 'multi-queue-num-queues': '5' }, '5 queues'],
    ['queues without rings', { 'multi-queue-num-queues': '2' }, 'wrote no queue-0/event-channel'],
  ])('%s', (_name, keys, reason) => {
    const front = new Blkfront({ keys });
    expect(front.connect()).toBe('5');
    expect(front.lastNotice).toContain(reason);
    expect(front.guest.domain.grantTable.active.size).toBe(0);
  });

  it.each([33, 0x80000000, 0xffffffff])('a request index that runs %d ahead', (ahead) => {
    const front = connected();
    front.ring.setUint32(0, ahead, true);
    front.kick();
    expect(front.backend('state')).toBe('5');
    expect(front.lastNotice).toContain(`req_prod ${ahead} is more than 32 ahead of the responses (0)`);
    expect(front.guest.domain.grantTable.active.size).toBe(0);
    front.settle();
    expect(front.responses()).toEqual([]);
  });

  it('a ring that was broken before the connection', () => {
    const front = new Blkfront();
    front.ring.setUint32(0, 100, true);
    expect(front.connect()).toBe('5');
    expect(front.lastNotice).toContain('req_prod 100');
    expect(front.guest.domain.grantTable.active.size).toBe(0);
  });

  it('requests that were there before the connection are carried out', () => {
    const front = new Blkfront();
    const id = front.putRequest(FLUSH, 0, []);
    expect(front.connect()).toBe('4');
    front.settle();
    expect(front.responses()).toEqual([{ id, operation: FLUSH, status: 0 }]);
  });

  it('one that closes with requests under way: none is answered, none touches its pages', () => {
    const front = connected();
    front.guest.grant(20, 30);
    front.putRequest(READ, 3, [{ ref: 20 }]);
    front.kick();
    front.guest.write(front.guest.front(front.address, 'state'), '6');
    front.guest.advance();
    front.settle();
    expect(front.backend('state')).toBe('6');
    expect(page(front, 30)[0]).toBe(0);
    expect(front.ring.getUint32(8, true)).toBe(0);
  });

  it('one that dies', () => {
    const front = connected();
    front.guest.grant(20, 30, true);
    front.putRequest(WRITE, 0, [{ ref: 20 }]);
    front.kick();
    const { xen } = front.guest.machine;
    xen.crash(front.guest.domain, 'test');
    front.settle();
    // Nobody runs any more; the timer of the request comes all the same.
    expect(xen.skipToNextDeadline()).toBe(true);
    xen.run(1);
    expect(xen.nextDeadline()).toBeUndefined();
    expect(sector(front, 1)[0]).toBe(1);
    expect(front.disk.statistics).toMatchObject({ writes: 0, errors: 0 });
  });
});

describe('persistent grants', () => {
  it('stay mapped from request to request and go with the connection', () => {
    const front = connected({ keys: { 'feature-persistent': '1' } });
    front.guest.grant(20, 30);
    expect(front.request(WRITE, 0, [{ ref: 20 }])).toBe(0);
    expect(front.guest.inUse(20)).toBe(true);
    // The front end may not take it back; what it writes there now does not count.
    front.guest.revoke(20);
    expect(front.request(READ, 8, [{ ref: 20 }])).toBe(0);
    expect(page(front, 30)[0]).toBe(8);
    front.guest.write(front.guest.front(front.address, 'state'), '6');
    front.guest.advance();
    expect(front.guest.domain.grantTable.active.size).toBe(0);
  });
});

describe('rings', () => {
  it('of several pages, whose entries lie across their edges', () => {
    const keys = { 'ring-page-order': '1', 'ring-ref': undefined, 'ring-ref0': '8', 'ring-ref1': '7' };
    const front = new Blkfront({ keys });
    front.guest.grant(7, 33);
    expect(front.connect()).toBe('4');
    front.guest.grant(20, 30, true);
    // 64 entries of 112 bytes: number 37 begins at byte 4208, number 36 on the edge itself.
    const [first, second] = [front.guest.page(RING_PFN), front.guest.page(33)];
    const write8 = (at: number, value: number): void =>
      at < 4096 ? first.setUint8(at, value) : second.setUint8(at - 4096, value);
    const read8 = (at: number): number => (at < 4096 ? first.getUint8(at) : second.getUint8(at - 4096));
    for (let index = 0; index < 64; index++) {
      const at = 64 + index * 112;
      write8(at, FLUSH);
      write8(at + 1, 0);
      for (let byte = 0; byte < 8; byte++) write8(at + 8 + byte, byte === 0 ? index : 0);
    }
    first.setUint32(0, 64, true);
    front.kick();
    front.settle();
    expect(first.getUint32(8, true)).toBe(64);
    expect(Array.from({ length: 64 }, (_, index) => read8(64 + index * 112))).toEqual(
      Array.from({ length: 64 }, (_, index) => index),
    );
  });

  it('asks to be told, and tells only where it was asked', () => {
    const front = connected();
    front.putRequest(FLUSH, 0, []);
    front.kick();
    expect(front.ring.getUint32(4, true)).toBe(2);
    front.ring.setUint32(12, 3, true);
    front.settle();
    expect(front.guest.pending(front.port)).toBe(false);
    front.putRequest(FLUSH, 0, []);
    front.putRequest(FLUSH, 0, []);
    front.kick();
    front.settle();
    expect(front.guest.pending(front.port)).toBe(true);
  });

  it('shows what went through and what waits', () => {
    const front = connected();
    front.guest.grant(20, 30, true);
    front.request(WRITE, 5, [{ ref: 20 }]);
    front.putRequest(READ, 6, [{ ref: 20 }]);
    const [ring] = front.guest.xenbus.rings(front.guest.domain.domid);
    expect(ring).toMatchObject({ name: 'vbd 51712 blkif', unit: 'entries', port: front.port });
    expect(ring?.directions[0]).toMatchObject({ name: 'requests', size: 32, producer: 2, consumer: 1 });
    const [done, waiting] = ring?.directions[0]?.messages ?? [];
    expect([done?.summary, done?.state]).toEqual(['WRITE 1 segment at sector 5', 'consumed']);
    expect([waiting?.summary, waiting?.state]).toEqual(['READ 1 segment at sector 6', 'pending']);
    expect(done?.fields.find(({ name }) => name === 'seg')?.children).toHaveLength(1);
    expect(ring?.directions[1]?.messages.map(({ summary }) => summary)).toEqual(['WRITE (1) = OKAY (0)']);
    expect(front.ring.getUint32(0, true)).toBe(2);
  });
});

it('a file that grew is told to the guest', () => {
  const bytes = new Uint8Array(8 * 512);
  let size = bytes.length;
  const inner = new MemoryDisk(bytes, false, 'grows');
  const store: DiskStore = {
    ...{ readOnly: false, identity: 'grows', close: () => {}, flush: () => undefined, discard: () => undefined },
    get size() {
      return size;
    },
    measure: () => {
      size = 16 * 512;
    },
    read: (offset, into) => inner.read(offset, into),
    write: () => undefined,
  };
  const front = connected({ store });
  expect(front.backend('sectors')).toBe('8');
  front.guest.watch(front.guest.back(front.address, 'state'));
  const { driver } = front.guest.xenbus.device({ domid: front.guest.domain.domid, ...front.address }) ?? {};
  (driver as unknown as { resized(): void }).resized();
  expect(front.backend('sectors')).toBe('16');
  expect(front.guest.events).toEqual([front.guest.back(front.address, 'state')]);
});

it('is restored with requests under way', () => {
  const front = connected({ keys: { 'feature-persistent': '1' } });
  front.guest.grant(20, 30);
  front.request(WRITE, 0, [{ ref: 20 }]);
  front.putRequest(READ, 9, [{ ref: 20 }]);
  front.kick();
  const saved = structuredClone(front.guest.xenbus.save());
  front.settle();
  expect(front.responses()).toHaveLength(1);
  // Back: the ring page and the grants in use belong to RAM and hypervisor, which the test puts back by hand.
  front.ring.setUint32(8, 1, true);
  page(front, 30).fill(0);
  front.guest.xenbus.restore(saved);
  front.settle();
  expect(page(front, 30)[0]).toBe(9);
  expect(front.ring.getUint32(8, true)).toBe(2);
  expect(front.disk.statistics).toMatchObject({ reads: 1, writes: 1 });
  const [ring] = front.guest.xenbus.rings(front.guest.domain.domid);
  expect(ring?.directions.map(({ messages }) => messages.length)).toEqual([2, 2]);
});
