import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { tryMutations } from './mutations.ts';
import { grubLike, linuxLike, machLike, wrapBzImage } from './synthetic-kernels.ts';

const images = [
  linuxLike(),
  grubLike(64),
  grubLike(32),
  machLike(),
  wrapBzImage(new Uint8Array(gzipSync(grubLike(64))), undefined),
];

test('5,000 damaged images: each is refused in words or still a domain', () => {
  const verdicts = tryMutations(images, 1000, 4711);
  expect(verdicts.tried).toBe(5000);
  expect(verdicts.slowestMilliseconds).toBeLessThan(1000);
  expect(verdicts.accepted).toBeGreaterThan(50);
  // The damage is varied enough to reach many different checks.
  expect(verdicts.refusals.size).toBeGreaterThan(15);
});
