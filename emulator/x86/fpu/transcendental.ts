import type { BigFloat } from './big-float.ts';
import * as b from './big-float.ts';

/**
 * Elementary functions in 256-bit arithmetic; good to more than 200 bits, so that rounding to 64 is exact but for
 * practically impossible ties.
 */
const NEGLIGIBLE = 250;

/** Σ terms until they no longer count; `next` gives term n from term n-1. */
function series(
  first: BigFloat,
  next: (term: BigFloat, n: number) => BigFloat,
  weigh?: (n: number) => number,
): BigFloat {
  let term = first;
  let sum = weigh === undefined ? first : b.divide(first, b.big(weigh(0)));
  for (let n = 1; term.mantissa !== 0n && b.magnitude(term) > b.magnitude(sum) - NEGLIGIBLE; n++) {
    term = next(term, n);
    if (term.mantissa === 0n) break;
    sum = b.add(sum, weigh === undefined ? term : b.divide(term, b.big(weigh(n))));
  }
  return sum;
}

/** atan(1/n) × 2^precision by Gregory's series. */
function inverseTangent(n: bigint, precision: bigint): bigint {
  let power = (1n << precision) / n;
  let sum = power;
  for (let i = 1n; power !== 0n; i++) {
    power /= n * n;
    sum += (i % 2n === 1n ? -power : power) / (2n * i + 1n);
  }
  return sum;
}

/** Machin's formula. */
export const PI: BigFloat = b.big(4n * (4n * inverseTangent(5n, 320n) - inverseTangent(239n, 320n)), -320);
const HALF_PI: BigFloat = { mantissa: PI.mantissa, exponent: PI.exponent - 1 };
/** x87 processors reduce arguments by a π of 66 bits, 0xc90fdaa22168c234c / 2^66 × 4 (SDM vol. 1, 8.3.8). */
const HALF_PI_66: BigFloat = b.big(0xc90fdaa22168c234cn, -67);

/** ln((1 + z) / (1 - z)) = 2 (z + z³/3 + z⁵/5 …) */
function logarithmOfRatio(z: BigFloat): BigFloat {
  const square = b.multiply(z, z);
  const sum = series(
    z,
    (term) => b.multiply(term, square),
    (n) => 2 * n + 1,
  );
  return { mantissa: sum.mantissa, exponent: sum.exponent + 1 };
}

const LN2 = logarithmOfRatio(b.divide(b.ONE, b.big(3)));

/** log2(x) for x > 0. */
export function log2(x: BigFloat): BigFloat {
  let power = b.magnitude(x);
  let fraction: BigFloat = { mantissa: x.mantissa, exponent: x.exponent - power };
  // Into (0.7, 1.4]: no cancellation for x next to 1.
  if (b.compare(fraction, b.big(3, -1)) > 0) {
    fraction = { mantissa: fraction.mantissa, exponent: fraction.exponent - 1 };
    power++;
  }
  const z = b.divide(b.subtract(fraction, b.ONE), b.add(fraction, b.ONE));
  const logarithm = z.mantissa === 0n ? b.big(0) : b.divide(logarithmOfRatio(z), LN2);
  return b.add(b.big(power), logarithm);
}

/** log2(1 + x), accurate for small x. */
export function log2Plus1(x: BigFloat): BigFloat {
  if (b.magnitude(x) > -3) return log2(b.add(b.ONE, x));
  return b.divide(logarithmOfRatio(b.divide(x, b.add(b.big(2), x))), LN2);
}

/** 2^x - 1 for -1 ≤ x ≤ 1. */
export function power2Minus1(x: BigFloat): BigFloat {
  const t = b.multiply(x, LN2);
  return series(t, (term, n) => b.divide(b.multiply(term, t), b.big(n + 1)));
}

/** A little nearer to zero: sin x for so small an x that the cube does not reach the last bit. */
function justBelow(x: BigFloat): BigFloat {
  const bits = 130n;
  return { mantissa: (x.mantissa << bits) - (x.mantissa < 0n ? -1n : 1n), exponent: x.exponent - Number(bits) };
}

/** Sine and cosine as the x87 has them: of x less a multiple of its own π / 2. */
export function sineAndCosine(x: BigFloat): { readonly sine: BigFloat; readonly cosine: BigFloat } {
  const quarter = b.nearestInteger(b.divide(x, HALF_PI_66));
  const rest = b.subtract(x, b.multiply(b.big(quarter), HALF_PI_66));
  const square = b.negate(b.multiply(rest, rest));
  const sine =
    b.magnitude(rest) < -NEGLIGIBLE
      ? justBelow(rest)
      : series(rest, (term, n) => b.divide(b.multiply(term, square), b.big(2 * n * (2 * n + 1))));
  const cosine = series(b.ONE, (term, n) => b.divide(b.multiply(term, square), b.big((2 * n - 1) * (2 * n))));
  switch (Number(BigInt.asUintN(2, quarter))) {
    case 0:
      return { sine, cosine };
    case 1:
      return { sine: cosine, cosine: b.negate(sine) };
    case 2:
      return { sine: b.negate(sine), cosine: b.negate(cosine) };
    default:
      return { sine: b.negate(cosine), cosine: sine };
  }
}

/** atan(t) for 0 ≤ t ≤ 1: halved twice by atan(t) = 2 atan(t / (1 + √(1 + t²))) where the series would be slow. */
function arcTangentSmall(t: BigFloat, halvings: number): BigFloat {
  if (halvings > 0 && b.magnitude(t) > -4) {
    const root = squareRoot(b.add(b.ONE, b.multiply(t, t)));
    const half = arcTangentSmall(b.divide(t, b.add(b.ONE, root)), halvings - 1);
    return { mantissa: half.mantissa, exponent: half.exponent + 1 };
  }
  const square = b.negate(b.multiply(t, t));
  return series(
    t,
    (term) => b.multiply(term, square),
    (n) => 2 * n + 1,
  );
}

function squareRoot(x: BigFloat): BigFloat {
  const shift = 512 - b.bitLength(x.mantissa) + ((x.exponent - 512 + b.bitLength(x.mantissa)) & 1);
  const value = x.mantissa << BigInt(shift);
  let root = 1n << BigInt(Math.ceil(b.bitLength(value) / 2));
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) break;
    root = next;
  }
  return b.big(root, (x.exponent - shift) / 2);
}

/** Angle of the point (x, y), both not zero, in (-π, π). */
export function arcTangent2(y: BigFloat, x: BigFloat): BigFloat {
  const absoluteY = y.mantissa < 0n ? b.negate(y) : y;
  const absoluteX = x.mantissa < 0n ? b.negate(x) : x;
  let angle: BigFloat;
  if (b.compare(absoluteY, absoluteX) <= 0) angle = arcTangentSmall(b.divide(absoluteY, absoluteX), 5);
  else angle = b.subtract(HALF_PI, arcTangentSmall(b.divide(absoluteX, absoluteY), 5));
  if (x.mantissa < 0n) angle = b.subtract(PI, angle);
  return y.mantissa < 0n ? b.negate(angle) : angle;
}
