/**
 * Binary floating-point numbers with 256-bit mantissas, for the few x87 instructions whose results need more than
 * 64 bits on the way. Results of operations are cut off, so the last bits are not exact.
 */
export interface BigFloat {
  /** Signed; the value is mantissa × 2^exponent. */
  readonly mantissa: bigint;
  readonly exponent: number;
}

const PRECISION = 256;

export const bitLength = (value: bigint): number => {
  const text = (value < 0n ? -value : value).toString(16);
  return text === '0' ? 0 : text.length * 4 - Math.clz32(Number.parseInt(text[0] as string, 16)) + 28;
};

function cut(mantissa: bigint, exponent: number): BigFloat {
  const excess = bitLength(mantissa) - PRECISION;
  if (excess <= 0) return { mantissa, exponent };
  return { mantissa: mantissa >> BigInt(excess), exponent: exponent + excess };
}

export const big = (mantissa: bigint | number, exponent = 0): BigFloat => ({ mantissa: BigInt(mantissa), exponent });
export const ONE = big(1);

export function add(a: BigFloat, b: BigFloat): BigFloat {
  if (a.mantissa === 0n) return b;
  if (b.mantissa === 0n) return a;
  const [upper, lower] = a.exponent >= b.exponent ? [a, b] : [b, a];
  const distance = upper.exponent - lower.exponent;
  // Far below the last bit that counts.
  if (distance > 2 * PRECISION + bitLength(lower.mantissa)) return upper;
  return cut((upper.mantissa << BigInt(distance)) + lower.mantissa, lower.exponent);
}

export const negate = (a: BigFloat): BigFloat => ({ mantissa: -a.mantissa, exponent: a.exponent });
export const subtract = (a: BigFloat, b: BigFloat): BigFloat => add(a, negate(b));
export const multiply = (a: BigFloat, b: BigFloat): BigFloat => cut(a.mantissa * b.mantissa, a.exponent + b.exponent);

export function divide(a: BigFloat, b: BigFloat): BigFloat {
  const shift = PRECISION + bitLength(b.mantissa);
  return cut((a.mantissa << BigInt(shift)) / b.mantissa, a.exponent - b.exponent - shift);
}

/** -1, 0, 1. */
export function compare(a: BigFloat, b: BigFloat): number {
  const difference = subtract(a, b).mantissa;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Position of the top bit: 2^n ≤ |a| < 2^(n+1). */
export const magnitude = (a: BigFloat): number => bitLength(a.mantissa) + a.exponent - 1;

/** Nearest integer, halves away from zero. */
export function nearestInteger(a: BigFloat): bigint {
  if (a.exponent >= 0) return a.mantissa << BigInt(a.exponent);
  const shift = BigInt(-a.exponent);
  const half = 1n << (shift - 1n);
  return a.mantissa < 0n ? -((-a.mantissa + half) >> shift) : (a.mantissa + half) >> shift;
}
