import { describe, expect, test } from 'vitest';
import { plainPacket } from '../../../../../emulator/net/packet.ts';
import { Random } from '../../../../../emulator/xen/common/random.ts';
import { join, MAC_A, MAC_B, plainFrame, tcpFrame, udpFrame } from '../../../net/frames.ts';
import { FakeNetfront, LINUX, type Slot } from './fake-netfront.ts';

const BROADCAST = 'ff ff ff ff ff ff';
const LATENCY = 10_000;
const MORE = 4;
const EXTRA = 8;

describe('anything at all in the rings', () => {
  /** Slots of one packet: plausible more often than not, so that packets get through between the errors. */
  function randomPacket(random: Random, grefs: readonly number[]): (Slot | Uint8Array)[] {
    const odd = (likely: number, range: number): number => (random.below(300) === 0 ? random.below(range) : likely);
    const pieces = 1 + (random.below(3) === 0 ? random.below(20) : 0);
    const sizes = Array.from({ length: pieces }, () => odd(20 + random.below(1000), 0x10000));
    const extra = random.below(6) === 0;
    const slots = sizes.map((size, index): Slot => {
      const more = index < pieces - 1 ? MORE : 0;
      return {
        gref: odd(grefs[random.below(grefs.length)] as number, 600),
        offset: odd(random.below(100), 0x10000),
        size: index === 0 ? odd(sizes.reduce((sum, each) => sum + each, 0) & 0xffff, 0x10000) : size,
        flags: odd(more | random.below(4) | (extra && index === 0 ? EXTRA : 0), 0x10000),
        id: random.below(0x10000),
      };
    });
    if (!extra) return slots;
    const type = odd(1 + random.below(3), 256);
    const info = Uint8Array.of(type, 0, random.below(256), odd(4, 256), odd(1 + random.below(2), 256), 0, 0, 0);
    return [slots[0] as Slot, info, ...slots.slice(1)];
  }

  test('is answered, or ends the connection; never more, never less', () => {
    let [closed, sent, answered] = [0, 0, 0];
    for (let seed = 1; seed <= 25; seed++) {
      const random = new Random(seed);
      const front = new FakeNetfront({ ...LINUX, 'request-multicast-control': String(seed & 1) }).connect();
      const frames = [tcpFrame(900), udpFrame(), plainFrame(BROADCAST, MAC_A)];
      const grefs = frames.map((frame, index) => front.buffer(index, frame));
      front.offer(random.below(20));
      for (let round = 0; round < 30 && front.backendState === '4'; round++) {
        const slots = Array.from({ length: 1 + random.below(8) }, () => randomPacket(random, grefs)).flat();
        const answers = front.send(...slots);
        front.guest.advance(LATENCY);
        if (front.backendState !== '4') {
          closed++;
          expect(front.error()).not.toBe('');
          break;
        }
        expect(answers).toHaveLength(slots.length);
        answered += answers.length;
        front.inject(plainPacket(join(plainFrame(BROADCAST, MAC_B), new Uint8Array(random.below(9000)))));
        front.offer(random.below(4));
      }
      sent += front.received.length;
      for (const gref of [...grefs, 10, 11])
        expect(front.guest.inUse(gref)).toBe(front.backendState === '4' && gref < 12);
    }
    expect(closed).toBeGreaterThan(8);
    expect(sent).toBeGreaterThan(100);
    expect(answered).toBeGreaterThan(500);
  });

  test('indexes, too', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new Random(seed);
      const front = new FakeNetfront().connect();
      for (let round = 0; round < 10; round++) {
        const ring = random.below(2) === 0 ? front.txRing : front.rxRing;
        ring.setUint32(4 * random.below(4), random.below(3) === 0 ? random.below(300) : random.below(0xffffffff), true);
        front.guest.send(front.port);
        front.inject(plainPacket(plainFrame(BROADCAST, MAC_B)));
        expect(['4', '5']).toContain(front.backendState);
      }
    }
  });
});
