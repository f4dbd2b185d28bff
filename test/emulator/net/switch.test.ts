import { beforeEach, describe, expect, test } from 'vitest';
import type { CapturedFrame } from '../../../emulator/net/capture.ts';
import { formatMac, type MacAddress, macAt, parseMac } from '../../../emulator/net/mac-address.ts';
import { AGEING_TIME, TABLE_SIZE } from '../../../emulator/net/mac-table.ts';
import { Network } from '../../../emulator/net/network.ts';
import { type Packet, PLAIN_PORT, plainPacket } from '../../../emulator/net/packet.ts';
import { LATENCY, type LearningSwitch, type SwitchPort } from '../../../emulator/net/switch.ts';
import { FakeTime } from './fake-time.ts';
import { hex, MAC_A, MAC_B, MAC_C, plainFrame, tcpFrame, UDP_CHECKSUM, UDP_PSEUDO, udpFrame } from './frames.ts';

const BROADCAST = 'ff ff ff ff ff ff';
const MULTICAST = '01 00 5e 00 00 fb';

interface Plugged {
  readonly port: SwitchPort;
  readonly received: Packet[];
}

let time: FakeTime;
let network: Network;
let bridge: LearningSwitch;

function plug(name: string, mac: string, capabilities = PLAIN_PORT, to = bridge): Plugged {
  const received: Packet[] = [];
  const description = { name, owner: `owner of ${name}`, mac: macAt(hex(mac), 0) };
  const port = to.attach(description, {
    capabilities: () => capabilities,
    receive: (packet) => {
      received.push(packet);
      port.delivered(packet);
    },
  });
  return { port, received };
}

beforeEach(() => {
  time = new FakeTime();
  network = new Network(time);
  bridge = network.switch('xenbr0');
});

describe('a learning switch', () => {
  let a: Plugged;
  let b: Plugged;
  let c: Plugged;
  const counts = (): number[] => [a, b, c].map(({ received }) => received.length);

  function send(from: Plugged, destination: string, source: string): void {
    from.port.send(plainPacket(plainFrame(destination, source)));
    time.pass(LATENCY);
  }

  beforeEach(() => {
    a = plug('a', MAC_A);
    b = plug('b', MAC_B);
    c = plug('c', MAC_C);
  });

  test('delivers after the latency, not before', () => {
    a.port.send(plainPacket(plainFrame(BROADCAST, MAC_A)));
    time.pass(LATENCY - 1);
    expect(counts()).toEqual([0, 0, 0]);
    time.pass(1);
    expect(counts()).toEqual([0, 1, 1]);
    expect(b.received[0]?.bytes).toEqual(plainFrame(BROADCAST, MAC_A));
  });

  test('floods what it does not know, then knows it', () => {
    send(a, MAC_B, MAC_A);
    expect(counts()).toEqual([0, 1, 1]);
    send(b, MAC_A, MAC_B);
    expect(counts()).toEqual([1, 1, 1]);
    send(a, MAC_B, MAC_A);
    expect(counts()).toEqual([1, 2, 1]);
  });

  test('floods multicast and broadcast, and never learns a group address', () => {
    send(a, MULTICAST, BROADCAST);
    send(a, BROADCAST, MULTICAST);
    expect(counts()).toEqual([0, 2, 2]);
    expect(bridge.table.rows()).toEqual([]);
  });

  test('sends nothing back to where it came from', () => {
    send(a, BROADCAST, MAC_A);
    send(a, BROADCAST, MAC_B);
    expect(counts()).toEqual([0, 2, 2]);
    send(a, MAC_B, MAC_A);
    expect(counts()).toEqual([0, 2, 2]);
  });

  test('keeps link-local frames where they are (IEEE 802.1D, table 7-10)', () => {
    send(a, '01 80 c2 00 00 00', MAC_A);
    send(a, '01 80 c2 00 00 0f', MAC_A);
    expect(counts()).toEqual([0, 0, 0]);
    send(a, '01 80 c2 00 00 10', MAC_A);
    expect(counts()).toEqual([0, 1, 1]);
  });

  test('an address that moves is found at its new port', () => {
    send(b, BROADCAST, MAC_B);
    send(c, BROADCAST, MAC_B);
    send(a, MAC_B, MAC_A);
    expect(c.received).toHaveLength(2);
    expect(b.received).toHaveLength(1);
  });

  test('forgets after 300 virtual seconds of silence', () => {
    send(b, BROADCAST, MAC_B);
    time.pass(AGEING_TIME - LATENCY);
    send(a, MAC_B, MAC_A);
    expect(counts()).toEqual([1, 1, 1]);
    time.pass(1);
    send(a, MAC_B, MAC_A);
    expect(counts()).toEqual([1, 2, 2]);
  });

  test('learns no more addresses than the table holds, until old ones have aged', () => {
    const address = (index: number) => `02 00 00 00 ${index.toString(16).padStart(4, '0')}`;
    for (let index = 0; index <= TABLE_SIZE; index++) send(a, MAC_C, address(index));
    expect(bridge.table.rows()).toHaveLength(TABLE_SIZE);
    expect(bridge.table.find(macAt(hex(address(TABLE_SIZE)), 0), time.now())).toBeUndefined();
    time.pass(AGEING_TIME + LATENCY * TABLE_SIZE);
    send(b, MAC_C, MAC_B);
    expect(bridge.table.rows()).toHaveLength(1);
  });

  test('a port that is unplugged loses its frames and its addresses', () => {
    send(b, BROADCAST, MAC_B);
    a.port.send(plainPacket(plainFrame(MAC_B, MAC_A)));
    b.port.dispose();
    time.pass(LATENCY);
    expect(counts()).toEqual([1, 0, 1]);
    send(a, MAC_B, MAC_A);
    expect(counts()).toEqual([1, 0, 2]);
    send(b, MAC_A, MAC_B);
    expect(a.received).toHaveLength(1);
    expect(b.port.statistics).toMatchObject({ framesIn: 1, droppedIn: 1 });
  });

  test('counts', () => {
    send(a, BROADCAST, MAC_A);
    send(b, MAC_A, MAC_B);
    a.port.send(plainPacket(hex('00 01 02')));
    a.port.dropped(plainPacket(plainFrame(MAC_A, MAC_B)), 'no room');
    const nothing = { framesIn: 0, bytesIn: 0, droppedIn: 0, framesOut: 0, bytesOut: 0, droppedOut: 0 };
    expect([a, b, c].map(({ port }) => port.statistics)).toEqual([
      { framesIn: 1, bytesIn: 15, droppedIn: 1, framesOut: 1, bytesOut: 15, droppedOut: 1 },
      { ...nothing, framesIn: 1, bytesIn: 15, framesOut: 1, bytesOut: 15 },
      { ...nothing, framesOut: 1, bytesOut: 15 },
    ]);
  });

  test('other switches are other networks', () => {
    const far = plug('far', MAC_B, PLAIN_PORT, network.switch('xenbr1'));
    send(a, BROADCAST, MAC_A);
    expect(far.received).toHaveLength(0);
    expect(network.switch('xenbr0')).toBe(bridge);
  });

  test('VLAN tags travel as they are', () => {
    const tagged = hex(`${BROADCAST} ${MAC_A} 8100 0005 88b5 2a`);
    a.port.send(plainPacket(tagged));
    time.pass(LATENCY);
    expect(b.received[0]?.bytes).toEqual(tagged);
  });

  test('a state that was saved goes on elsewhere: table, counts, frames under way', () => {
    send(b, BROADCAST, MAC_B);
    a.port.send(plainPacket(plainFrame(MAC_B, MAC_A, '07')));
    const state = structuredClone(network.save());
    const before = time.now();

    time = new FakeTime();
    time.pass(before);
    network = new Network(time);
    network.restore(state);
    bridge = network.switch('xenbr0');
    // In another order: names decide.
    b = plug('b', MAC_B);
    c = plug('c', MAC_C);
    a = plug('a', MAC_A);
    time.pass(LATENCY);
    expect(counts()).toEqual([0, 1, 0]);
    expect(b.received[0]?.bytes).toEqual(plainFrame(MAC_B, MAC_A, '07'));
    expect(b.port.statistics).toMatchObject({ framesIn: 1, framesOut: 1 });
    expect(a.port.statistics).toMatchObject({ framesIn: 1, framesOut: 1 });
    expect(plug('d', MAC_C).port.id).toBe(4);
  });

  test('a state is restored in place, too: what is plugged in then is not any more', () => {
    send(b, BROADCAST, MAC_B);
    const old = a;
    const state = structuredClone(network.save());
    send(a, MAC_B, MAC_A);
    network.switch('xenbr1');
    network.restore(state);
    expect(bridge.ports.size).toBe(0);
    old.port.send(plainPacket(plainFrame(MAC_B, MAC_A)));
    [c, b, a] = [plug('c', MAC_C), plug('b', MAC_B), plug('a', MAC_A)];
    old.port.dispose();
    expect({ ...network.save(), switches: network.save().switches.slice(0, 1) }).toEqual(state);
    send(a, MAC_B, MAC_A);
    expect(counts()).toEqual([0, 1, 0]);
  });
});

describe('offloads', () => {
  test('each port gets what it can take; captures see whole checksums', () => {
    const frames: CapturedFrame[] = [];
    const capture = network.onFrame((frame) => frames.push(frame));
    const a = plug('a', MAC_A);
    const plain = plug('plain', MAC_B);
    const smart = plug('smart', MAC_C, { ...PLAIN_PORT, partialChecksum4: true });
    const partial: Packet = { bytes: udpFrame(UDP_PSEUDO), checksum: 'partial', segmentation: undefined };
    a.port.send(partial, { slot: 3, grant: 8 });
    time.pass(LATENCY);
    expect(plain.received).toEqual([plainPacket(udpFrame(UDP_CHECKSUM))]);
    expect(smart.received).toEqual([partial]);
    expect(frames.map(({ port, direction, bytes }) => [port.name, direction, bytes])).toEqual([
      ['a', 'in', udpFrame(UDP_CHECKSUM)],
      ['plain', 'out', udpFrame(UDP_CHECKSUM)],
      ['smart', 'out', udpFrame(UDP_CHECKSUM)],
    ]);
    expect(frames[0]).toMatchObject({ time: 0, place: { slot: 3, grant: 8 } });
    expect(frames[1]).toMatchObject({ time: LATENCY, instructions: LATENCY / 2 });
    capture.dispose();
    a.port.send(partial);
    expect(frames).toHaveLength(3);
  });

  test('large packets are cut for a port without segmentation', () => {
    const a = plug('a', MAC_A);
    const b = plug('b', MAC_B);
    const c = plug('c', MAC_C, { ...PLAIN_PORT, segmentation4: true });
    const packet: Packet = {
      bytes: tcpFrame(250),
      checksum: 'partial',
      segmentation: { kind: 'tcpv4', size: 100 },
    };
    a.port.send(packet);
    time.pass(LATENCY);
    expect(b.received).toHaveLength(3);
    expect(c.received).toHaveLength(1);
    expect(c.received[0]).toMatchObject({ checksum: 'complete', segmentation: { size: 100 } });
  });

  test('one that lies about itself is dropped and counted', () => {
    const a = plug('a', MAC_A);
    const b = plug('b', MAC_B);
    a.port.send({ bytes: udpFrame(), checksum: 'partial', segmentation: { kind: 'tcpv4', size: 100 } });
    time.pass(LATENCY);
    expect(b.received).toEqual([]);
    expect(b.port.statistics.droppedOut).toBe(1);
  });
});

test('addresses are read and written as xl has them', () => {
  expect(formatMac(parseMac('00:16:3E:ab:CD:01') as MacAddress)).toBe('00:16:3e:ab:cd:01');
  for (const text of ['', '00:16:3e:ab:cd', '00-16-3e-ab-cd-01', '00:16:3e:ab:cd:0g', '00:16:3e:ab:cd:01 ']) {
    expect(parseMac(text)).toBeUndefined();
  }
});
