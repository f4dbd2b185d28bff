import { expect, it } from 'vitest';
import { EAGER_OPTIONS } from '../../../../emulator/x86/translator/translator.ts';
import { EngineFuzz } from './fuzz.ts';

/** Some 28 regions a program. */
const PROGRAMS = 10_000;

it.each([
  [64, 0, 1_000_000],
  [64, 3, 2_000_000],
  [32, 0, 3_000_000],
  [32, 3, 4_000_000],
] as const)(
  'both engines do the same with random %i-bit code, translated after %i runs',
  async (mode, threshold, first) => {
    const fuzz = await EngineFuzz.create(mode, { ...EAGER_OPTIONS, threshold });
    for (let seed = first; seed < first + PROGRAMS; seed++) expect(fuzz.program(seed)).toBeUndefined();
  },
  7_200_000,
);
