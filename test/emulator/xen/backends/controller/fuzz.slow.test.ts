import { expect, test } from 'vitest';
import { Random } from '../../../../../emulator/xen/common/random.ts';
import { plainFrame } from '../../../net/frames.ts';
import { findViolations } from '../../common/invariants.ts';
import { BLK_PFN, CONTROL_PFN, FakeXenU, RX_PFN, TX_PFN } from './fake-xenu.ts';

const ROUNDS = 80;
const STEPS = 100;
const HDA = 0x300;

/** Plausible garbage: right messages and requests with one thing wrong, indexes, connections that come and go. */
function step(domU: FakeXenU, foreign: number, random: Random): void {
  const { guest } = domU;
  const some = (...values: readonly number[]): number => values[random.below(values.length)] as number;
  const frame = (): number =>
    some(
      guest.machine.mfn(some(1, 4, 40, 41, 42, 43, BLK_PFN, TX_PFN, RX_PFN, CONTROL_PFN)),
      guest.machine.mfn(40),
      guest.machine.mfn(41),
      guest.machine.mfn(42),
      guest.domain.sharedInfoMfn,
      some(0, 5, 0x4a000, 0x4a3ff, 0x4a400, 0xfffff),
      foreign,
    );
  switch (random.below(40)) {
    case 0:
      domU.control.setUint32(some(1024, 1028, 1032, 1036), some(0, 1, 8, 9, 0x7fffffff, 0xffffffff), true);
      guest.send(domU.port);
      break;
    case 1: {
      const payload = Uint8Array.from({ length: some(0, 1, 8, 16, 24, 60) }, () => some(0, 0, 0, 1, 2, 255));
      const view = new DataView(payload.buffer);
      for (const at of [8, 16]) if (payload.length >= at + 4) view.setUint32(at, frame(), true);
      domU.send(some(0, 2, 2, 4, 4, 6, 7, 255), some(0, 32, 33, 33, 34, 35, 99), payload, some(0, 255));
      break;
    }
    case 2:
      domU.connectBlock(some(BLK_PFN, 44));
      break;
    case 3:
      domU.connectNet(some(0, 1));
      break;
    case 4:
      domU.blkRing.setUint32(some(0, 4), some(0, 1, 63, 64, 65, 0x80000000, 0xffffffff), true);
      break;
    case 5:
      domU.txRing.setUint32(some(0, 4, 8, 12), some(0, 1, 255, 256, 257, 0xffffffff), true);
      domU.rxRing.setUint32(some(0, 4, 8), some(0, 1, 255, 256, 257, 0xffffffff), true);
      break;
    case 6:
      guest.advance(some(1, 30_000, 100_000, 200_000_000));
      break;
    case 7:
      domU.takeAll();
      break;
    case 8:
      domU.controller.sendInput(new Uint8Array(random.below(100)));
      domU.print('x');
      break;
    case 9:
      domU.post(some(1, 2, 300));
      for (let count = 0; count < 3; count++) {
        const bytes = plainFrame('ff ff ff ff ff ff', '00 00 00 00 00 02', '00'.repeat(some(1, 1500, 1501)));
        domU.peer.send({ bytes, checksum: 'complete', segmentation: undefined });
      }
      guest.advance(some(1, 60_000));
      domU.receiveResponses();
      break;
    case 10:
    case 11:
    case 12:
    case 13:
    case 14:
      domU.transmitFrom(frame() * 4096 + some(0, 100, 4000, 4095), some(0, 13, 14, 60, 96, 1514, 1515, 65535));
      break;
    default: {
      const segments = Array.from({ length: some(0, 1, 1, 1, 1, 2, 11, 12) }, () => {
        return [frame(), some(0, 0, 0, 7), 7] as const;
      });
      domU.putBlock(some(0, 1, 2, 3, 255), some(HDA, HDA, 0x811, 0, 0xffff), some(0, 1, 63, 64, 2 ** 40), segments);
      guest.send(domU.blkPort);
      guest.advance(some(1, 60_000));
    }
  }
}

test('nothing that a front end does breaks the host, another domain, or the count of frames', () => {
  const seen = { reports: 0, reads: 0, frames: 0 };
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = new Random(seed);
    const domU = new FakeXenU();
    const other = domU.guest.machine.newDomain('other');
    const theirs = domU.guest.machine.ram.frame(domU.guest.machine.mfn(40, other)).slice();
    domU.addDisk(HDA);
    domU.addDisk(0x811, 64, true);
    domU.addVif(0);
    domU.connectBlock();
    domU.connectNet();
    for (let count = 0; count < STEPS; count++) step(domU, domU.guest.machine.mfn(40, other), random);
    const state = domU.controller.save();
    expect(structuredClone(state)).toEqual(state);
    domU.controller.describe();
    domU.controller.rings();
    expect(findViolations(domU.xen)).toEqual([]);
    expect(domU.guest.machine.ram.frame(domU.guest.machine.mfn(40, other))).toEqual(theirs);
    seen.reports += domU.reports.length;
    seen.reads += domU.controller.disks[0]?.statistics.reads ?? 0;
    seen.frames += domU.received.length;
    domU.controller.disconnect();
    expect(findViolations(domU.xen)).toEqual([]);
    domU.xen.destroy(domU.guest.domain);
    expect(findViolations(domU.xen)).toEqual([]);
  }
  // Some of it must be right, or nothing was tried.
  expect(seen.reads).toBeGreaterThan(20);
  expect(seen.frames).toBeGreaterThan(10);
  expect(seen.reports).toBeGreaterThan(100);
}, 60_000);
