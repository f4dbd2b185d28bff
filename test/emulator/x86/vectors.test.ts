import { FPU_GROUPS, INTEGER_GROUPS } from '../../cpu-vectors/groups.ts';
import { replay } from '../../cpu-vectors/replay.ts';

// A sample of each form; the whole is in vectors-*.slow.test.ts.
replay([...INTEGER_GROUPS, ...FPU_GROUPS], 20_000, 16);
