import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { grub } from '../../../support/guests.ts';
import { orSkip } from '../../../support/skip.ts';
import { bootMutants } from './mutated-boot.ts';

test('60 damaged GRUBs run, crash with a reason, or are refused', async (context) => {
  const image = new Uint8Array(readFileSync(orSkip(context, () => grub())));
  const { counts, reasons } = await bootMutants(image, 60, 3);
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(60);
  expect(counts.crash ?? 0).toBeGreaterThan(5);
  expect(reasons.size).toBeGreaterThan(2);
});
