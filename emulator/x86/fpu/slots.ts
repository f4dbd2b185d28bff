import { STATE_FPU_SCRATCH } from '../cpu/layout.ts';

/**
 * Numbers that are being worked on, unpacked, in the FPU's work area: sign, unbiased exponent and a mantissa of 64 bits
 * whose top bit is one, followed by 64 bits more for exact sums, products and the stickiness of what was cut off.
 * The value is mantissa × 2^(exponent - 63). A NaN keeps its payload left-aligned, as in the 80-bit format.
 */
export const SLOT_A = STATE_FPU_SCRATCH;
export const SLOT_B = STATE_FPU_SCRATCH + 0x20;
export const SLOT_R = STATE_FPU_SCRATCH + 0x40;

/** Fields of a slot; 32-bit ones first. */
export const CLASS = 0;
export const SIGN = 4;
export const EXPONENT = 8;
/** 1 for a number that was denormal in its own format. */
export const DENORMAL = 12;
export const MANTISSA = 16;
export const LOW = 24;

/** Values of CLASS. From QUIET on nothing can be computed. */
export const ZERO = 0;
export const FINITE = 1;
export const INFINITE = 2;
export const QUIET = 3;
export const SIGNALLING = 4;
/** 80-bit patterns that are no number: unnormals, pseudo-infinities, pseudo-NaNs. */
export const UNSUPPORTED = 5;

/** Exceptions found so far, in the places that they have in MXCSR and in the x87 status word. */
export const EXCEPTIONS = STATE_FPU_SCRATCH + 0x60;
export const INVALID = 1;
export const DENORMAL_OPERAND = 2;
export const DIVIDE_BY_ZERO = 4;
export const OVERFLOW = 8;
export const UNDERFLOW = 16;
export const PRECISION = 32;
/** x87 only: stack fault, in its place in the status word. */
export const STACK_FAULT = 0x40;
/** 1 when the last rounding went away from zero: C1 of the status word. */
export const ROUNDED_UP = STATE_FPU_SCRATCH + 0x64;

/** How results are rounded: set before an operation. Direction as in MXCSR.RC and FCW.RC. */
export const DIRECTION = STATE_FPU_SCRATCH + 0x68;
export const NEAREST = 0;
export const DOWN = 1;
export const UP = 2;
export const TRUNCATE = 3;
/** Exceptions that are masked (1: masked), and the modes DAZ and FTZ as 0 or 1. */
export const MASKS = STATE_FPU_SCRATCH + 0x6c;
export const FLUSH = STATE_FPU_SCRATCH + 0x70;
export const DENORMALS_ARE_ZERO = STATE_FPU_SCRATCH + 0x74;

/** Vectors of an SSE instruction on its way: source, destination, result. */
export const VECTOR_SOURCE = STATE_FPU_SCRATCH + 0x80;
export const VECTOR_DESTINATION = STATE_FPU_SCRATCH + 0x90;
export const VECTOR_RESULT = STATE_FPU_SCRATCH + 0xa0;

/** Operations of `compute`. */
export const ADD = 0;
export const SUBTRACT = 1;
export const MULTIPLY = 2;
export const DIVIDE = 3;
