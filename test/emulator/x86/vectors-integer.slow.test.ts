import { INTEGER_GROUPS } from '../../cpu-vectors/groups.ts';
import { replay } from '../../cpu-vectors/replay.ts';

replay(INTEGER_GROUPS, 210_000);
