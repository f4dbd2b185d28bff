import { ARITHMETIC } from './arithmetic.ts';
import { BITS } from './bits.ts';
import { CONTROL } from './control.ts';
import { CONTROL_16 } from './control-16.ts';
import { DATA_MOVEMENT } from './data-movement.ts';
import { DECIMAL } from './decimal.ts';
import { MMX } from './mmx.ts';
import { MULTIPLY } from './multiply.ts';
import type { Row } from './row.ts';
import { SHIFTS } from './shifts.ts';
import { conversionRows } from './sse-conversions.ts';
import { SSE_FLOAT } from './sse-float.ts';
import { SSE_INTEGER } from './sse-integer.ts';
import { SSE_MOVES } from './sse-moves.ts';
import { SSE_STRINGS } from './sse-strings.ts';
import { STACK } from './stack.ts';
import { STRINGS } from './strings.ts';
import { SYSTEM } from './system.ts';
import { X87 } from './x87.ts';

/** Every instruction form that the processor knows. Order matters only for the numbers of handlers. */
export const ROWS: readonly Row[] = [
  ...ARITHMETIC,
  ...DATA_MOVEMENT,
  ...SHIFTS,
  ...BITS,
  ...MULTIPLY,
  ...STACK,
  ...STRINGS,
  ...CONTROL_16,
  ...CONTROL,
  ...DECIMAL,
  ...SYSTEM,
  ...SSE_MOVES,
  ...MMX,
  ...SSE_INTEGER,
  ...SSE_FLOAT,
  ...conversionRows(),
  ...SSE_STRINGS,
  ...X87,
];
