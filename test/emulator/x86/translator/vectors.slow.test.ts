import { FPU_GROUPS, INTEGER_GROUPS } from '../../../cpu-vectors/groups.ts';
import { replayTranslated } from '../../../cpu-vectors/replay.ts';

replayTranslated(INTEGER_GROUPS, 4);
replayTranslated(FPU_GROUPS, 2);
