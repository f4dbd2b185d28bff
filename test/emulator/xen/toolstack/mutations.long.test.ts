import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { grub } from '../../../support/guests.ts';
import { orSkip } from '../../../support/skip.ts';
import { bootMutants } from './mutated-boot.ts';
import { tryMutations } from './mutations.ts';
import { grubLike, linuxLike, machLike, wrapBzImage } from './synthetic-kernels.ts';

test('100,000 damaged images of our own', () => {
  const bzImage = wrapBzImage(new Uint8Array(gzipSync(grubLike(64))), undefined);
  const verdicts = tryMutations([linuxLike(), grubLike(64), grubLike(32), machLike(), bzImage], 20_000, 1);
  expect(verdicts.tried).toBe(100_000);
  expect(verdicts.slowestMilliseconds).toBeLessThan(1000);
});

test('20,000 damaged GRUBs', (context) => {
  const image = new Uint8Array(readFileSync(orSkip(context, () => grub())));
  const verdicts = tryMutations([image], 20_000, 2);
  expect(verdicts.tried).toBe(20_000);
  expect(verdicts.slowestMilliseconds).toBeLessThan(1000);
});

test('1,500 damaged GRUBs, booted', async (context) => {
  const image = new Uint8Array(readFileSync(orSkip(context, () => grub())));
  const { counts } = await bootMutants(image, 1500, 4);
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(1500);
});
