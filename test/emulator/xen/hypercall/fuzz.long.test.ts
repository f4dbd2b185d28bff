import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { expectCoverage, report } from './fuzz-coverage.ts';

/** Ten million random hypercalls in runs with seeds of their own; FUZZ_CALLS and FUZZ_SEED change that. */
const CALLS = Number(process.env.FUZZ_CALLS ?? 10_000_000);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const RUN = 1_000_000;

it(`${CALLS} random hypercalls leave every count explained`, () => {
  const all = new Map<string, number>();
  for (let run = 0; run * RUN < CALLS; run++) {
    for (const [name, count] of fuzz(Math.min(RUN, CALLS - run * RUN), SEED + run))
      all.set(name, (all.get(name) ?? 0) + count);
  }
  console.log(report(all));
  expectCoverage(all);
  expect(all.size).toBeGreaterThan(0);
}, 7_200_000);
