import { expect, test } from 'vitest';
import { orSkipAsync } from '../support/skip.ts';
import { killOnce, prepareKills } from './disks/kills.ts';

/** The same 200 times: disk-kills.long.test.ts. */
test('what the guest has flushed survives kill -9', async (context) => {
  const ground = await orSkipAsync(context, prepareKills);
  for (const milliseconds of [0, 50, 400]) {
    const { acknowledged, lost, damage } = await killOnce(ground, milliseconds);
    expect(acknowledged).toBeGreaterThan(0);
    expect(lost).toEqual([]);
    expect(damage).toBe('');
  }
}, 300_000);
