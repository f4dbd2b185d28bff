import { expect, test } from 'vitest';
import { Random } from '../../../../../emulator/xen/common/random.ts';
import { Blkfront, RING_PFN, writeSegment } from './scripted-blkfront.ts';

const ROUNDS = 40;
const STEPS = 60;

/** Plausible garbage: requests near to right ones, keys, states, indexes, grants that come and go under requests. */
function step(front: Blkfront, random: Random): void {
  const { guest, layout } = front;
  const some = (...values: readonly number[]): number => values[random.below(values.length)] as number;
  switch (random.below(20)) {
    case 0:
      guest.write(guest.front(front.address, 'state'), String(some(0, 1, 3, 3, 4, 5, 6, 6, 9)));
      if (random.below(2) === 0) guest.advance();
      break;
    case 1: {
      const key = ['ring-ref', 'event-channel', 'protocol', 'ring-page-order', 'multi-queue-num-queues'][
        random.below(5)
      ];
      const value = ['8', '1', '2', '0', '99999999999', '', 'x86_32-abi', 'x86_64-abi', '-1'][random.below(9)];
      guest.write(guest.front(front.address, key as string), value as string);
      break;
    }
    case 2:
      guest.grant(some(8, 9, 20, 21, 22, 4000), some(0, 1, RING_PFN, 30, 31, 40), random.below(2) === 0);
      break;
    case 3:
      guest.revoke(some(8, 9, 20, 21));
      break;
    case 4:
      front.ring.setUint32(some(0, 4, 8, 12), some(0, 1, 32, 33, 0x7fffffff, 0xffffffff), true);
      break;
    case 5:
      guest.advance(some(1, 30_000, 100_000));
      break;
    case 6:
      writeSegment(guest.page(40), random.below(256) * 8, {
        ref: some(8, 20, 21, 99),
        first: random.below(9),
        last: 7,
      });
      break;
    default:
      front.put((entry) => {
        for (let at = 0; at < layout.entry; at++) entry.setUint8(at, random.below(4) === 0 ? random.below(256) : 0);
        entry.setUint8(0, some(0, 1, 2, 3, 4, 5, 6, 6, 255));
        entry.setUint8(1, some(0, 1, 1, 2, 11, 12));
        entry.setUint32(layout.sector, random.below(80), true);
        entry.setUint32(layout.sector + 4, some(0, 0, 0, 1, 0xffffffff), true);
        entry.setUint32(layout.grefs, some(8, 9, 20, 98), true);
        for (let index = 0; index < 11; index++) {
          const last = some(0, 3, 7, 7, 8);
          writeSegment(entry, layout.segments + index * 8, {
            ref: some(8, 20, 21, 22, 99),
            first: some(0, 0, 2),
            last,
          });
        }
      });
      if (random.below(2) === 0) front.kick();
  }
}

test.each(['x86_64-abi', 'x86_32-abi'] as const)('a mad front end of %s harms nobody but itself', (protocol) => {
  let answered = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const random = new Random(round);
    const keys = random.below(2) === 0 ? { 'feature-persistent': '1' } : {};
    const front = new Blkfront({ protocol, keys });
    const { guest } = front;
    front.connect();
    for (let count = 0; count < STEPS; count++) step(front, random);
    const { reads, writes, flushes, discards, errors } = front.disk.statistics;
    answered += reads + writes + flushes + discards + errors;
    // Whatever became of it: unplugged, it holds nothing of the guest's, and the guest can be destroyed.
    guest.xenbus.detach({ domid: guest.domain.domid, ...front.address }, true);
    expect(guest.domain.grantTable.active.size).toBe(0);
    expect(guest.machine.notices.length).toBeLessThanOrEqual(40);
    guest.machine.xen.destroy(guest.domain);
    expect(guest.machine.frameCounts(guest.domain.domid)).toEqual({ frames: 0, types: 0 });
  }
  expect(answered).toBeGreaterThan(ROUNDS * 3);
});
