import type { Row } from './row.ts';
import { arithmeticRows } from './x87-arithmetic.ts';
import { comparisonRows } from './x87-comparison.ts';
import { registerRows } from './x87-registers.ts';
import { X87_STATE } from './x87-state.ts';
import { constantRows, loadRows, storeRows } from './x87-transfers.ts';

/**
 * The x87 instructions: 80-bit arithmetic in the functions of fpu/, stack and exceptions included.
 */
export const X87: readonly Row[] = [
  ...arithmeticRows(),
  ...comparisonRows(),
  ...loadRows(),
  ...storeRows(),
  ...registerRows(),
  ...constantRows(),
  ...X87_STATE,
];
