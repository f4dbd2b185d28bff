import { describe, expect, test } from 'vitest';
import { type Packet, PLAIN_PORT, plainPacket } from '../../../../../emulator/net/packet.ts';
import { RECEIVE_QUEUE_BYTES } from '../../../../../emulator/xen/backends/net/receive-queue.ts';
import {
  hex,
  join,
  MAC_A,
  MAC_B,
  plainFrame,
  tcp6Frame,
  tcpFrame,
  UDP_CHECKSUM,
  UDP_PSEUDO,
  udpFrame,
} from '../../../net/frames.ts';
import { FakeNetfront, LINUX, REF, RX_PFN, type Slot, TX_PFN } from './fake-netfront.ts';

/** Of netif.h; transmit and receive flags differ. */
const TX = { csumBlank: 1, dataValidated: 2, more: 4, extra: 8 } as const;
const RX = { dataValidated: 1, csumBlank: 2, more: 4, extra: 8 } as const;
const ERROR = -1;
const NULL = 1;
const BROADCAST = 'ff ff ff ff ff ff';
const LATENCY = 10_000;

const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 7) & 0xff);
const bytesOf = (packets: readonly Packet[]): Uint8Array[] => packets.map(({ bytes }) => bytes);

describe('the handshake', () => {
  test('offers what it can, and connects', () => {
    const front = new FakeNetfront();
    expect(front.backendState).toBe('2');
    expect(front.backend('feature-rx-copy')).toBe('1');
    expect(front.backend('feature-gso-tcpv6')).toBe('1');
    expect(front.backend('feature-split-event-channels')).toBe('1');
    expect(front.backend('multi-queue-max-queues')).toBeUndefined();
    expect(front.backend('mac')).toBe('00:16:3e:00:00:0a');
    expect(front.backend('bridge')).toBe('xenbr0');
    expect(front.guest.store.read(front.guest.front({ kind: 'vif', handle: 0 }, 'mac'))).toBe('00:16:3e:00:00:0a');
    front.connect();
    expect(front.backendState).toBe('4');
    expect(front.vif.rings().map(({ name }) => name)).toEqual(['vif 0 netif tx', 'vif 0 netif rx']);
  });

  test.each([
    ['page flipping', { ...LINUX, 'request-rx-copy': '0' }, /page flipping/],
    ['several queues', { ...LINUX, 'multi-queue-num-queues': '2' }, /2 queues/],
    ['a ring that is not granted', { ...LINUX, 'rx-ring-ref': '77' }, /ring-ref 77/],
    ['a ring that is no number', { ...LINUX, 'tx-ring-ref': 'x' }, /no number/],
  ])('refuses %s', (_what, features, reason) => {
    const front = new FakeNetfront(features).connect();
    expect(front.backendState).toBe('5');
    expect(front.error()).toMatch(reason);
    expect([front.guest.inUse(10), front.guest.inUse(11)]).toEqual([false, false]);
  });

  test('with an event channel for each direction', () => {
    const front = new FakeNetfront();
    const receive = front.guest.allocatePort();
    front.port = front.guest.allocatePort();
    front.write('event-channel-tx', String(front.port));
    front.write('event-channel-rx', String(receive));
    front.ready();
    expect(front.backendState).toBe('4');
    const frame = plainFrame(BROADCAST, MAC_A);
    expect(front.send({ gref: front.buffer(0, frame), size: frame.length })).toEqual([[0, 0]]);
    expect([front.guest.pending(front.port), front.guest.pending(receive)]).toEqual([true, false]);
    front.guest.clearPending(front.port);
    front.offer(1, false);
    front.guest.send(receive);
    front.inject(plainPacket(plainFrame(BROADCAST, MAC_B)));
    expect([front.guest.pending(front.port), front.guest.pending(receive)]).toEqual([false, true]);
  });

  test('a port that was not allocated for the host is refused', () => {
    const front = new FakeNetfront();
    front.write('event-channel', '900');
    front.ready();
    expect(front.backendState).toBe('5');
  });

  test('requests that were there before are taken', () => {
    const front = new FakeNetfront();
    const frame = plainFrame(BROADCAST, MAC_A);
    front.put({ gref: front.buffer(0, frame), size: frame.length });
    front.connect();
    expect(front.txResponses()).toEqual([[0, 0]]);
    front.guest.advance(LATENCY);
    expect(bytesOf(front.received)).toEqual([frame]);
  });
});

describe('transmit', () => {
  test('one slot, from within a page; the guest is told, the grant free again', () => {
    const front = new FakeNetfront().connect();
    const frame = plainFrame(BROADCAST, MAC_A);
    const gref = front.buffer(0, frame, 300);
    expect(front.send({ gref, offset: 300, size: frame.length, id: 7 })).toEqual([[7, 0]]);
    expect(front.guest.pending(front.port)).toBe(true);
    expect(front.guest.inUse(gref)).toBe(false);
    expect(front.received).toEqual([]);
    front.guest.advance(LATENCY);
    expect(front.received).toEqual([plainPacket(frame)]);
    expect(front.frames[0]).toMatchObject({
      direction: 'in',
      place: { slot: 0, grant: gref },
      port: { name: `vif${front.guest.domain.domid}.0`, owner: `domain ${front.guest.domain.domid} (test)` },
    });
  });

  test('several slots: the first says the size of all', () => {
    const front = new FakeNetfront().connect();
    const frame = join(plainFrame(BROADCAST, MAC_A), counting(5000));
    const pieces = [frame.subarray(0, 100), frame.subarray(100, 4196), frame.subarray(4196)];
    const [a, b, c] = pieces.map((piece, index) => front.buffer(index, piece)) as [number, number, number];
    const answers = front.send(
      { gref: a, size: frame.length, flags: TX.more },
      { gref: b, size: 4096, flags: TX.more },
      { gref: c, size: pieces[2]?.length ?? 0 },
    );
    expect(answers).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ]);
    front.guest.advance(LATENCY);
    expect(bytesOf(front.received)).toEqual([frame]);
  });

  test('a checksum that was left out is filled in for a plain port, and left out for one that takes it so', () => {
    const front = new FakeNetfront().connect();
    const frame = udpFrame(UDP_PSEUDO);
    const slot: Slot = { gref: front.buffer(0, frame), size: frame.length, flags: TX.csumBlank | TX.dataValidated };
    front.send(slot);
    front.guest.advance(LATENCY);
    front.capabilities = { ...PLAIN_PORT, partialChecksum4: true };
    front.send(slot);
    front.guest.advance(LATENCY);
    expect(front.received).toEqual([
      plainPacket(udpFrame(UDP_CHECKSUM)),
      { bytes: frame, checksum: 'partial', segmentation: undefined },
    ]);
  });

  test('data_validated alone says nothing about the wire', () => {
    const front = new FakeNetfront().connect();
    const frame = udpFrame(0x1234);
    front.send({ gref: front.buffer(0, frame), size: frame.length, flags: TX.dataValidated });
    front.guest.advance(LATENCY);
    expect(front.received).toEqual([plainPacket(frame)]);
  });

  test('TSO: the extra_info is answered with NULL, the packet passed whole or cut', () => {
    const front = new FakeNetfront().connect();
    const frame = tcpFrame(2500);
    const gso = hex('01 00 e803 01 00 0000');
    const slot: Slot = { gref: front.buffer(0, frame), size: frame.length, flags: TX.csumBlank | TX.extra, id: 9 };
    front.capabilities = { ...PLAIN_PORT, partialChecksum4: true, segmentation4: true };
    expect(front.send(slot, gso)).toEqual([
      [9, 0],
      [0, NULL],
    ]);
    front.guest.advance(LATENCY);
    expect(front.received).toEqual([
      { bytes: frame, checksum: 'partial', segmentation: { kind: 'tcpv4', size: 1000 } },
    ]);
    front.capabilities = PLAIN_PORT;
    front.send(slot, gso);
    front.guest.advance(LATENCY);
    expect(front.received.slice(1).map(({ bytes }) => bytes.length)).toEqual([1054, 1054, 554]);
  });

  test('TSO without csum_blank: the pseudo header sum is put in (checksum_setup)', () => {
    const front = new FakeNetfront().connect();
    front.capabilities = { ...PLAIN_PORT, partialChecksum6: true, segmentation6: true };
    const frame = tcp6Frame(300);
    front.send({ gref: front.buffer(0, frame), size: frame.length, flags: TX.extra }, hex('01 00 6400 02 00 0000'));
    front.guest.advance(LATENCY);
    expect(front.received).toMatchObject([{ checksum: 'partial', segmentation: { kind: 'tcpv6', size: 100 } }]);
    // fd00+0001+fd00+0002 = fa05 with its carry, and 0006 and 0140.
    expect(Array.from(front.received[0]?.bytes.subarray(78, 80) ?? [])).toEqual([0xfb, 0x4a]);
  });
});

describe('transmit errors are answered', () => {
  const drop = (front: FakeNetfront, ...slots: readonly (Slot | Uint8Array)[]) => {
    const answers = front.send(...slots);
    front.guest.advance(LATENCY);
    expect(front.received).toEqual([]);
    expect(front.backendState).toBe('4');
    return answers;
  };

  test('a grant that does not exist', () => {
    const front = new FakeNetfront().connect();
    expect(drop(front, { gref: 400, size: 60 })).toEqual([[0, ERROR]]);
    expect(front.vif.port.statistics.droppedIn).toBe(1);
    expect(front.guest.machine.lastReason()).toMatch(/grant 400/);
  });

  test('one bad grant of several: only that slot fails, the packet is gone', () => {
    const front = new FakeNetfront().connect();
    const gref = front.buffer(0, counting(60));
    const answers = drop(front, { gref, size: 90, flags: TX.more }, { gref: 400, size: 30 });
    expect(answers).toEqual([
      [0, 0],
      [1, ERROR],
    ]);
    expect(front.guest.inUse(gref)).toBe(false);
  });

  test('a frame shorter than its header', () => {
    const front = new FakeNetfront().connect();
    expect(drop(front, { gref: front.buffer(0, counting(13)), size: 13 })).toEqual([[0, ERROR]]);
  });

  test('pieces larger than the packet: an overflow that real front ends make', () => {
    const front = new FakeNetfront().connect();
    const gref = front.buffer(0, counting(100));
    const answers = drop(
      front,
      { gref, size: 50, flags: TX.more },
      { gref, size: 60, flags: TX.more },
      { gref, size: 5 },
    );
    expect(answers.map(([, status]) => status)).toEqual([ERROR, ERROR, ERROR]);
  });

  test('more than 18 slots behind the first, but fewer than 21', () => {
    const front = new FakeNetfront().connect();
    const gref = front.buffer(0, counting(100));
    const chain = (count: number): Slot[] =>
      Array.from({ length: count }, (_, index) => ({
        gref,
        size: index === 0 ? 10 + count * 10 : 10,
        flags: index === count - 1 ? 0 : TX.more,
      }));
    expect(drop(front, ...chain(20)).map(([, status]) => status)).toEqual(new Array(20).fill(ERROR));
    expect(front.send(...chain(19)).map(([, status]) => status)).toEqual(new Array(19).fill(0));
    front.guest.advance(LATENCY);
    expect(front.received).toHaveLength(1);
  });

  test('csum_blank on what has no checksum: taken, and dropped', () => {
    const front = new FakeNetfront().connect();
    const frame = plainFrame(BROADCAST, MAC_A);
    const answers = drop(front, { gref: front.buffer(0, frame), size: frame.length, flags: TX.csumBlank });
    expect(answers).toEqual([[0, 0]]);
    expect(front.vif.port.statistics.droppedIn).toBe(1);
  });
});

describe('a hostile front end is disconnected with a reason', () => {
  const slots = (count: number): Slot[] =>
    Array.from({ length: count }, (_, index) => ({ gref: 500, size: index === 0 ? 60_000 : 1, flags: TX.more }));
  test.each<[string, readonly (Slot | Uint8Array)[], RegExp]>([
    ['a piece that crosses its page', [{ gref: 210, offset: 4000, size: 97 }], /97 bytes from offset 4000 cross/],
    [
      'a later piece that crosses its page',
      [
        { gref: 210, size: 300, flags: TX.more },
        { gref: 210, offset: 4096, size: 1 },
      ],
      /1 bytes from offset 4096 cross/,
    ],
    ['a chain without an end', [{ gref: 210, size: 300, flags: TX.more }], /no end/],
    ['22 slots', slots(22), /more than 20 slots/],
    ['a missing extra_info', [{ gref: 210, size: 300, flags: TX.extra }], /announced and is not there/],
    ['an extra_info of type 0', [{ gref: 210, size: 300, flags: TX.extra }, hex('00 00 0000 0000 0000')], /type 0/],
    ['an extra_info of type 6', [{ gref: 210, size: 300, flags: TX.extra }, hex('06 00 0000 0000 0000')], /type 6/],
    ['segments of 0 bytes', [{ gref: 210, size: 300, flags: TX.extra }, hex('01 00 0000 01 00 0000')], /of 0 bytes/],
    ['an unknown segmentation', [{ gref: 210, size: 300, flags: TX.extra }, hex('01 00 0100 03 00 0000')], /type 3/],
    [
      'extra_infos without an end',
      [{ gref: 210, size: 9, flags: TX.extra }, hex('01 01 0100 01 00 0000')],
      /not there/,
    ],
  ])('%s', (_what, requests, reason) => {
    const front = new FakeNetfront().connect();
    front.send(...requests);
    expect(front.backendState).toBe('5');
    expect(front.error()).toMatch(reason);
    expect(front.vif.rings()).toEqual([]);
    expect([front.guest.inUse(10), front.guest.inUse(11)]).toEqual([false, false]);
  });

  test('impossible numbers of requests, in either ring', () => {
    const transmit = new FakeNetfront().connect();
    transmit.txRing.setUint32(0, 257, true);
    transmit.guest.send(transmit.port);
    expect(transmit.error()).toMatch(/257 requests in a ring of 256/);
    const receive = new FakeNetfront().connect();
    receive.rxRing.setUint32(0, 0xffff0000, true);
    receive.inject(plainPacket(plainFrame(BROADCAST, MAC_B)));
    expect(receive.error()).toMatch(/requests in a ring of 256/);
    expect(receive.backendState).toBe('5');
  });

  test('frames that come later are dropped and counted', () => {
    const front = new FakeNetfront().connect();
    front.send({ gref: 210, size: 300, flags: TX.more });
    front.inject(plainPacket(plainFrame(BROADCAST, MAC_B)));
    expect(front.vif.port.statistics).toMatchObject({ framesOut: 0, droppedOut: 1 });
  });
});

describe('receive', () => {
  test('into the next buffer; the guest is told', () => {
    const front = new FakeNetfront().connect().offer(2);
    front.guest.clearPending(front.port);
    const frame = plainFrame(BROADCAST, MAC_B);
    front.inject(plainPacket(frame));
    expect(front.rxResponses()).toEqual([[0, 0, frame.length]]);
    expect(front.receiveBuffer(0, frame.length)).toEqual(frame);
    expect(front.guest.pending(front.port)).toBe(true);
    expect(front.guest.inUse(RX_PFN + REF)).toBe(false);
    expect(front.frames.at(-1)).toMatchObject({ direction: 'out', place: { slot: 0, grant: RX_PFN + REF } });
    front.inject(plainPacket(frame));
    expect(front.rxResponses()).toEqual([[1, 0, frame.length]]);
    expect(front.frames.at(-1)).toMatchObject({ place: { slot: 1, grant: RX_PFN + REF + 1 } });
  });

  test('a large frame over several buffers, all or none of them', () => {
    const front = new FakeNetfront().connect().offer(2);
    const frame = join(plainFrame(BROADCAST, MAC_B), counting(9000 - 15));
    front.inject(plainPacket(frame));
    expect(front.rxResponses()).toEqual([]);
    front.offer(1);
    expect(front.rxResponses()).toEqual([
      [0, RX.more, 4096],
      [1, RX.more, 4096],
      [2, 0, 808],
    ]);
    const parts = [0, 1, 2].map((buffer) => front.receiveBuffer(buffer, buffer === 2 ? 808 : 4096));
    expect(join(...parts)).toEqual(frame);
  });

  test('a front end that waits for one more buffer is asked for it, not for the next', () => {
    const front = new FakeNetfront().connect().offer(2);
    front.inject(plainPacket(join(plainFrame(BROADCAST, MAC_B), counting(9000))));
    // req_event: told of the third request.
    expect(front.rxRing.getUint32(4, true)).toBe(3);
  });

  test('with the checksum left out, as its flags say', () => {
    const front = new FakeNetfront().connect().offer(2);
    front.inject({ bytes: udpFrame(UDP_PSEUDO), checksum: 'partial', segmentation: undefined });
    expect(front.rxResponses()).toEqual([[0, RX.csumBlank | RX.dataValidated, udpFrame().length]]);
    expect(front.receiveBuffer(0, udpFrame().length)).toEqual(udpFrame(UDP_PSEUDO));
  });

  test('with the checksum filled in for feature-no-csum-offload', () => {
    const front = new FakeNetfront({ ...LINUX, 'feature-no-csum-offload': '1' }).connect().offer(1);
    front.inject({ bytes: udpFrame(UDP_PSEUDO), checksum: 'partial', segmentation: undefined });
    expect(front.rxResponses()).toEqual([[0, 0, udpFrame().length]]);
    expect(front.receiveBuffer(0, udpFrame().length)).toEqual(udpFrame(UDP_CHECKSUM));
  });

  test('TSO whole: the extra_info takes the second buffer', () => {
    const front = new FakeNetfront().connect().offer(4);
    const frame = tcpFrame(5000);
    front.inject({ bytes: frame, checksum: 'partial', segmentation: { kind: 'tcpv4', size: 1448 } });
    const slots = front.rxSlots();
    expect(slots).toEqual([hex('0000 0000 0f00 0010'), hex('01 00 a805 01 00 0000'), hex('0200 0000 0000 be03')]);
    expect(join(front.receiveBuffer(0, 4096), front.receiveBuffer(2, frame.length - 4096))).toEqual(frame);
  });

  test.each([
    ['feature-gso-tcpv4', '0'],
    ['feature-sg', '0'],
    ['feature-no-csum-offload', '1'],
  ])('TSO in segments for %s=%s', (key, value) => {
    const front = new FakeNetfront({ ...LINUX, [key]: value }).connect().offer(6);
    front.inject({ bytes: tcpFrame(5000), checksum: 'partial', segmentation: { kind: 'tcpv4', size: 1448 } });
    expect(front.rxResponses().map(([, , status]) => status)).toEqual([1502, 1502, 1502, 710]);
  });

  test('without feature-sg what needs two buffers is dropped', () => {
    const front = new FakeNetfront({ ...LINUX, 'feature-sg': '0' }).connect().offer(3);
    front.inject(plainPacket(join(plainFrame(BROADCAST, MAC_B), counting(4082))));
    expect(front.rxResponses()).toEqual([]);
    expect(front.vif.port.statistics.droppedOut).toBe(1);
  });

  test('frames wait for buffers, in order, up to a bound; then they are dropped and counted', () => {
    const front = new FakeNetfront().connect();
    const size = 4096;
    const frame = (index: number) =>
      join(plainFrame(BROADCAST, MAC_B, index.toString(16).padStart(2, '0')), counting(size - 15));
    const fitting = RECEIVE_QUEUE_BYTES / size;
    for (let index = 0; index < fitting + 3; index++) front.inject(plainPacket(frame(index)));
    expect(front.vif.port.statistics).toMatchObject({ framesOut: 0, droppedOut: 3 });
    expect(front.frames.at(-1)).toMatchObject({
      direction: 'dropped',
      reason: expect.stringMatching(/no receive buffers/),
    });
    front.offer(2);
    expect(front.rxResponses()).toHaveLength(2);
    expect([front.receiveBuffer(0, 15), front.receiveBuffer(1, 15)]).toEqual([
      plainFrame(BROADCAST, MAC_B, '00'),
      plainFrame(BROADCAST, MAC_B, '01'),
    ]);
    front.inject(plainPacket(frame(200)));
    expect(front.vif.port.statistics.droppedOut).toBe(3);
  });

  test('without feature-rx-notify buffers are looked for every 30 ms', () => {
    const front = new FakeNetfront({ ...LINUX, 'feature-rx-notify': '0' }).connect();
    front.inject(plainPacket(plainFrame(BROADCAST, MAC_B)));
    front.offer(1, false);
    front.guest.advance(29_000_000);
    expect(front.rxResponses()).toEqual([]);
    front.guest.advance(1_000_000);
    expect(front.rxResponses()).toHaveLength(1);
  });

  test('a buffer that is not granted for writing fails, and its frame is lost', () => {
    const front = new FakeNetfront().connect().offer(2);
    front.guest.grant(RX_PFN + REF, RX_PFN, true);
    front.inject(plainPacket(plainFrame(BROADCAST, MAC_B)));
    expect(front.rxResponses()).toEqual([[0, 0, ERROR]]);
    expect(front.vif.port.statistics).toMatchObject({ framesOut: 0, droppedOut: 1 });
    front.inject(plainPacket(plainFrame(BROADCAST, MAC_B)));
    expect(front.rxResponses()).toEqual([[1, 0, 15]]);
  });
});

describe('multicast control', () => {
  const GROUP = '01 00 5e 00 00 fb';
  const control = (type: string): readonly [Slot, Uint8Array] => [
    { gref: 0, size: 0, flags: TX.extra, id: 5 },
    hex(`${type} 00 ${GROUP}`),
  ];
  const hears = (front: FakeNetfront): boolean => {
    front.inject(plainPacket(plainFrame(GROUP, MAC_B)));
    return front.rxResponses().length > 0;
  };

  test('only what was added is heard, and broadcast', () => {
    const front = new FakeNetfront({ ...LINUX, 'request-multicast-control': '1' }).connect().offer(5);
    expect(hears(front)).toBe(false);
    expect(front.send(...control('02'))).toEqual([
      [5, 0],
      [0, NULL],
    ]);
    expect(hears(front)).toBe(true);
    expect(front.send(...control('03'))).toEqual([
      [5, 0],
      [0, NULL],
    ]);
    expect(hears(front)).toBe(false);
    front.inject(plainPacket(plainFrame(BROADCAST, MAC_B)));
    expect(front.rxResponses()).toHaveLength(1);
  });

  test('the 65th address is refused', () => {
    const front = new FakeNetfront({ ...LINUX, 'request-multicast-control': '1' }).connect();
    const add = (index: number) =>
      front.send(
        { gref: 0, size: 0, flags: TX.extra, id: 1 },
        hex(`02 00 01005e0000${index.toString(16).padStart(2, '0')}`),
      )[0]?.[1];
    const statuses = Array.from({ length: 65 }, (_, index) => add(index));
    expect(statuses).toEqual([...new Array(64).fill(0), ERROR]);
    expect(add(0)).toBe(0);
  });

  test('without it everything is heard', () => {
    expect(hears(new FakeNetfront().connect().offer(1))).toBe(true);
  });
});

describe('plugging', () => {
  test('an unplugged vif leaves the switch and gives back what it held', () => {
    const front = new FakeNetfront().connect().offer(1);
    const address = { domid: front.guest.domain.domid, kind: 'vif', handle: 0 } as const;
    front.guest.xenbus.detach(address);
    expect(front.backendState).toBe('5');
    front.write('state', '6');
    front.guest.advance();
    expect(front.backendState).toBeUndefined();
    expect(front.network.switch('xenbr0').ports.size).toBe(1);
    expect([front.guest.inUse(10), front.guest.inUse(11)]).toEqual([false, false]);
    front.inject(plainPacket(plainFrame(BROADCAST, MAC_B)));
    expect(front.rxResponses()).toEqual([]);
  });

  test('a front end that closes and connects again finds clean rings', () => {
    const front = new FakeNetfront().connect();
    front.write('state', '5');
    front.guest.advance();
    front.write('state', '6');
    front.guest.advance();
    expect(front.backendState).toBe('6');
    front.write('state', '1');
    front.guest.advance();
    expect(front.backendState).toBe('2');
    front.connect();
    expect(front.backendState).toBe('4');
    const frame = plainFrame(BROADCAST, MAC_A);
    expect(front.send({ gref: front.buffer(0, frame), size: frame.length })).toEqual([[0, 0]]);
  });
});

test('a state that was saved goes on: rings, waiting frames, filter', () => {
  const front = new FakeNetfront({ ...LINUX, 'request-multicast-control': '1' }).connect().offer(1);
  const group = plainFrame('01 00 5e 00 00 fb', MAC_B);
  const [first, second] = [plainFrame(BROADCAST, MAC_B, '01'), plainFrame(BROADCAST, MAC_B, '02')];
  front.inject(plainPacket(first));
  front.inject(plainPacket(second));
  const state = structuredClone({ network: front.network.save(), xenbus: front.guest.xenbus.save() });
  expect(front.rxResponses()).toEqual([[0, 0, 15]]);
  // What comes after the save must not be seen again.
  front.offer(1);
  expect(front.rxResponses()).toEqual([[1, 0, 15]]);
  const frames = front.vif.port.statistics.framesOut;
  front.network.restore(state.network);
  front.guest.xenbus.restore(state.xenbus);
  front.plugPeer();
  expect(front.vif.port.statistics.framesOut).toBe(frames - 1);
  front.rxRing.setUint32(8, 1, true);
  front.guest.send(front.port);
  expect(front.rxRing.getUint32(8, true)).toBe(2);
  expect(front.receiveBuffer(1, 15)).toEqual(second);
  front.inject(plainPacket(group));
  front.offer(1);
  expect(front.rxRing.getUint32(8, true)).toBe(2);
});

test('rings are shown decoded', () => {
  const front = new FakeNetfront().connect().offer(1);
  const frame = plainFrame(BROADCAST, MAC_A);
  front.send({ gref: front.buffer(0, frame), size: frame.length, id: 3 });
  front.inject(plainPacket(plainFrame(BROADCAST, MAC_B)));
  const [transmit, receive] = front.vif.rings();
  expect(transmit?.directions[0]?.messages.map(({ summary }) => summary)).toEqual([
    `#3: 15 bytes in grant ${TX_PFN + REF}`,
  ]);
  expect(transmit?.directions[1]?.messages.map(({ summary }) => summary)).toEqual(['#3: status 0']);
  expect(receive?.directions[1]?.messages.map(({ summary }) => summary)).toEqual(['#0: 15 bytes']);
});
