import type { FormGroup } from './form.ts';
import { ARITHMETIC, SHIFTS_AND_BITS } from './forms/arithmetic.ts';
import { BRANCHES, REFUSED, STACK, STRINGS } from './forms/control.ts';
import { MOVES } from './forms/moves.ts';
import { SEGMENTS } from './forms/segments.ts';
import { MMX, SSE_FLOAT, SSE_INTEGER, SSE_MOVES } from './forms/simd.ts';
import { X87 } from './forms/x87.ts';

/** Each group has its file of results in data/. */
export const INTEGER_GROUPS: readonly FormGroup[] = [
  ARITHMETIC,
  SHIFTS_AND_BITS,
  MOVES,
  BRANCHES,
  STACK,
  STRINGS,
  REFUSED,
  SEGMENTS,
];
export const FPU_GROUPS: readonly FormGroup[] = [SSE_MOVES, SSE_INTEGER, SSE_FLOAT, MMX, X87];
export const GROUPS: readonly FormGroup[] = [...INTEGER_GROUPS, ...FPU_GROUPS];
