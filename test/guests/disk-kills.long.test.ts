import { expect, test } from 'vitest';
import { orSkipAsync } from '../support/skip.ts';
import { killOnce, prepareKills } from './disks/kills.ts';

const KILLS = 200;
const LONGEST = 1500;

test(`what the guest has flushed survives kill -9 at ${KILLS} moments`, async (context) => {
  const ground = await orSkipAsync(context, prepareKills);
  let acknowledged = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    // Any moment will do; the host's scheduler adds its own to it.
    const result = await killOnce(ground, Math.random() * LONGEST);
    expect(result.lost).toEqual([]);
    expect(result.damage).toBe('');
    acknowledged += result.acknowledged;
  }
  console.log(`${KILLS} kills, ${acknowledged} acknowledged records, none lost`);
}, 7_200_000);
