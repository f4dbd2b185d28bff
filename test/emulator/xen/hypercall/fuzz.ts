import { Random } from '../../../../emulator/xen/common/random.ts';
import { SEQUENCES } from './fuzz-sequences.ts';
import { Fuzzer } from './fuzzer.ts';

/** Calls between walks of all frames; then the machine is made anew. */
const BATCH = 2_000;

/** Makes so many random calls; answers how often each operation succeeded. @throws when a count is not explained */
export function fuzz(calls: number, seed: number): ReadonlyMap<string, number> {
  const fuzzer = new Fuzzer(new Random(seed), SEQUENCES);
  while (fuzzer.calls < calls) {
    const end = fuzzer.calls + BATCH;
    while (fuzzer.calls < end) fuzzer.step();
    fuzzer.check();
    fuzzer.restart();
  }
  return fuzzer.successes;
}
