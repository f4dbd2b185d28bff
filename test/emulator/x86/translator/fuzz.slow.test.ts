import { expect, it } from 'vitest';
import { EAGER_OPTIONS } from '../../../../emulator/x86/translator/translator.ts';
import { type Difference, EngineFuzz } from './fuzz.ts';

const PROGRAMS = 25;

it.each([
  [64, 0],
  [64, 3],
  [32, 0],
  [32, 3],
] as const)(
  'both engines do the same with random %i-bit code, translated after %i runs',
  async (mode, threshold) => {
    const fuzz = await EngineFuzz.create(mode, { ...EAGER_OPTIONS, threshold });
    const found: Difference[] = [];
    for (let seed = 1; seed <= PROGRAMS && found.length < 3; seed++) {
      const difference = fuzz.program(seed);
      if (difference !== undefined) found.push(difference);
    }
    expect(found).toEqual([]);
  },
  120_000,
);
