import { FPU_GROUPS } from '../../cpu-vectors/groups.ts';
import { replay } from '../../cpu-vectors/replay.ts';

replay(FPU_GROUPS, 190_000);
