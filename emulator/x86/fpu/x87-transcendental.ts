import {
  STATE_ERROR_CODE,
  STATE_FPU_OFF,
  STATE_VECTOR,
  STATE_X87,
  STATE_X87_CONTROL,
  STATE_X87_STATUS,
  STATE_X87_TAGS,
} from '../cpu/layout.ts';
import { ROUTINE_FAULT, ROUTINE_NEXT } from '../interpreter/record.ts';
import { type BigFloat, big, bitLength, divide, magnitude, multiply } from './big-float.ts';
import { DENORMAL_OPERAND, DIVIDE_BY_ZERO, INVALID, OVERFLOW, PRECISION, STACK_FAULT, UNDERFLOW } from './slots.ts';
import { arcTangent2, log2, log2Plus1, PI, power2Minus1, sineAndCosine } from './transcendental.ts';

/** An 80-bit number as it stands in a register. */
interface Extended {
  readonly high: number;
  readonly mantissa: bigint;
}

const TOP_BIT = 1n << 63n;
const INDEFINITE: Extended = { high: 0xffff, mantissa: 3n << 62n };
const ONE: Extended = { high: 0x3fff, mantissa: TOP_BIT };
const C1 = 0x200;
const C2 = 0x400;

const exponentOf = (value: Extended): number => value.high & 0x7fff;
const isNegative = (value: Extended): boolean => (value.high & 0x8000) !== 0;
const isZero = (value: Extended): boolean => exponentOf(value) === 0 && value.mantissa === 0n;
const isDenormal = (value: Extended): boolean => exponentOf(value) === 0 && value.mantissa !== 0n;
const isInfinite = (value: Extended): boolean => exponentOf(value) === 0x7fff && value.mantissa === TOP_BIT;
const isUnsupported = (value: Extended): boolean => exponentOf(value) !== 0 && value.mantissa < TOP_BIT;
const isNan = (value: Extended): boolean => exponentOf(value) === 0x7fff && value.mantissa > TOP_BIT;
const isSignalling = (value: Extended): boolean => isNan(value) && (value.mantissa & (1n << 62n)) === 0n;
const quiet = (value: Extended): Extended => ({ high: value.high, mantissa: value.mantissa | (1n << 62n) });
const infinity = (negative: boolean): Extended => ({ high: negative ? 0xffff : 0x7fff, mantissa: TOP_BIT });
const zero = (negative: boolean): Extended => ({ high: negative ? 0x8000 : 0, mantissa: 0n });
const toBig = (value: Extended): BigFloat =>
  big(isNegative(value) ? -value.mantissa : value.mantissa, Math.max(exponentOf(value), 1) - 16383 - 63);

/** What an instruction comes to; `undefined`: the operand is out of range, nothing but C2 changes. */
type Outcome = BigFloat | Extended | undefined;
const isExtended = (outcome: BigFloat | Extended): outcome is Extended => 'high' in outcome;

/**
 * F2XM1, FYL2X, FYL2XP1, FPTAN, FPATAN, FSIN, FCOS, FSINCOS: rare enough to be computed here, in arbitrary precision.
 * Results are correctly rounded, where the manual promises less than one unit in the last place (SDM vol. 1, 8.3.10).
 */
export class X87Transcendental {
  private readonly view: DataView;
  private exceptions = 0;
  private roundedUp = false;

  constructor(memory: WebAssembly.Memory) {
    this.view = new DataView(memory.buffer);
  }

  /** System rows by name: each returns ROUTINE_NEXT, or ROUTINE_FAULT with the exception recorded. */
  get rows(): Readonly<Record<string, () => number>> {
    return {
      f2xm1: () => this.run(() => this.one(0, (x) => this.f2xm1(x))),
      fsin: () => this.run(() => this.trigonometric((x) => [isZero(x) ? x : sineAndCosine(toBig(x)).sine])),
      fcos: () => this.run(() => this.trigonometric((x) => [isZero(x) ? ONE : sineAndCosine(toBig(x)).cosine])),
      fsincos: () => this.run(() => this.trigonometric((x) => this.fsincos(x), true)),
      fptan: () => this.run(() => this.trigonometric((x) => this.fptan(x), true)),
      fpatan: () => this.run(() => this.two((y, x) => this.fpatan(y, x))),
      fyl2x: () => this.run(() => this.two((y, x) => this.fyl2x(y, x))),
      fyl2xp1: () => this.run(() => this.two((y, x) => this.fyl2xp1(y, x))),
    };
  }

  // ---- State

  private get status(): number {
    return this.view.getUint32(STATE_X87_STATUS, true);
  }
  private set status(value: number) {
    this.view.setUint32(STATE_X87_STATUS, value, true);
  }
  private get masks(): number {
    return this.view.getUint32(STATE_X87_CONTROL, true) & 0x3f;
  }

  private physical(index: number): number {
    return ((this.status >> 11) + index) & 7;
  }
  private isEmpty(index: number): boolean {
    return this.view.getUint8(STATE_X87_TAGS + this.physical(index)) === 0;
  }
  private register(index: number): Extended {
    const at = STATE_X87 + 16 * this.physical(index);
    return { high: this.view.getUint16(at + 8, true), mantissa: this.view.getBigUint64(at, true) };
  }
  private setRegister(index: number, value: Extended): void {
    const at = STATE_X87 + 16 * this.physical(index);
    this.view.setBigUint64(at, value.mantissa, true);
    this.view.setUint16(at + 8, value.high, true);
    this.view.setUint8(STATE_X87_TAGS + this.physical(index), 1);
  }
  private moveTop(by: number): void {
    this.status = (this.status & ~0x3800) | ((this.status + (by << 11)) & 0x3800);
  }
  private pop(): void {
    this.view.setUint8(STATE_X87_TAGS + this.physical(0), 0);
    this.moveTop(1);
  }

  /** Exceptions of these kinds that are not masked. */
  private unmasked(kinds: number): number {
    return this.exceptions & kinds & ~this.masks;
  }

  private run(work: () => void): number {
    const pending = (this.status & 0x80) !== 0;
    if (this.view.getUint32(STATE_FPU_OFF, true) !== 0 || pending) {
      this.view.setInt32(STATE_VECTOR, pending && this.view.getUint32(STATE_FPU_OFF, true) === 0 ? 16 : 7, true);
      this.view.setInt32(STATE_ERROR_CODE, -1, true);
      return ROUTINE_FAULT;
    }
    this.exceptions = 0;
    this.roundedUp = false;
    work();
    let status = (this.status & ~C1) | this.exceptions | (this.roundedUp ? C1 : 0);
    status = (status & ~0x8080) | ((status & 0x3f & ~this.masks) !== 0 ? 0x8080 : 0);
    this.status = status;
    return ROUTINE_NEXT;
  }

  /** The NaN that an instruction yields for operands of which some are NaNs or unsupported; else undefined. */
  private nanOf(values: readonly Extended[]): Extended | undefined {
    if (values.some(isUnsupported)) {
      this.exceptions |= INVALID;
      return INDEFINITE;
    }
    const nans = values.filter(isNan);
    if (nans.length === 0) return undefined;
    if (nans.some(isSignalling)) this.exceptions |= INVALID;
    const [first, second] = nans as [Extended, Extended | undefined];
    if (second === undefined) return quiet(first);
    if (isSignalling(first) !== isSignalling(second)) return quiet(isSignalling(first) ? second : first);
    if (first.mantissa !== second.mantissa) return quiet(first.mantissa > second.mantissa ? first : second);
    return quiet(isNegative(first) ? second : first);
  }

  private invalid(): Extended {
    this.exceptions |= INVALID;
    return INDEFINITE;
  }

  /** Rounds to 64 bits. As on real processors, even what happens to be exact raises PRECISION. */
  private round(value: BigFloat): Extended {
    const negative = value.mantissa < 0n;
    const absolute = negative ? -value.mantissa : value.mantissa;
    let exponent = magnitude(value);
    // Tininess is judged after rounding: what is rounded up to the smallest normal number is not tiny.
    if (exponent === -16383) {
      const unbounded = this.rounded(absolute, value.exponent, exponent, negative);
      if (exponentOf(unbounded) === 1) return unbounded;
    }
    if (exponent < -16382 && (this.masks & UNDERFLOW) === 0) {
      this.exceptions |= UNDERFLOW;
      return this.rounded(absolute, value.exponent + 24576, exponent + 24576, negative);
    }
    if (exponent < -16382) {
      this.exceptions |= UNDERFLOW;
      exponent = -16382;
    }
    const result = this.rounded(absolute, value.exponent, exponent, negative);
    if (exponentOf(result) !== 0x7fff) return result;
    this.exceptions |= OVERFLOW;
    return result;
  }

  /** Mantissa of 64 bits whose top bit stands for 2^exponent. */
  private rounded(absolute: bigint, scale: number, exponent: number, negative: boolean): Extended {
    const shift = exponent - 63 - scale;
    const widened = shift > 0 ? absolute : absolute << BigInt(1 - shift);
    const drop = BigInt(shift > 0 ? shift : 1);
    const kept = widened >> drop;
    const rest = widened & ((1n << drop) - 1n);
    const half = 1n << (drop - 1n);
    const direction = (this.view.getUint32(STATE_X87_CONTROL, true) >> 10) & 3;
    let up = false;
    if (direction === 0) up = rest > half || (rest === half && (kept & 1n) === 1n);
    else if (rest !== 0n && direction !== 3) up = negative === (direction === 1);
    this.exceptions |= PRECISION;
    this.roundedUp = up;
    let mantissa = up ? kept + 1n : kept;
    let biased = exponent + 16383;
    if (bitLength(mantissa) > 64) {
      mantissa >>= 1n;
      biased++;
    }
    if (mantissa < TOP_BIT) biased = 0;
    if (biased >= 0x7fff) return infinity(negative);
    return { high: biased | (negative ? 0x8000 : 0), mantissa };
  }

  private finished(outcome: BigFloat | Extended): Extended {
    if (isExtended(outcome)) return outcome;
    return outcome.mantissa === 0n ? zero(false) : this.round(outcome);
  }

  // ---- Shapes of instructions

  private underflow(): boolean {
    this.exceptions |= INVALID | STACK_FAULT;
    return this.unmasked(INVALID) === 0;
  }

  private noteDenormals(...values: Extended[]): void {
    if (values.some(isDenormal) && (this.exceptions & (INVALID | DIVIDE_BY_ZERO)) === 0) {
      this.exceptions |= DENORMAL_OPERAND;
    }
  }

  /** ST(index) becomes a function of itself. */
  private one(index: number, compute: (x: Extended) => Outcome): void {
    if (this.isEmpty(index)) {
      if (this.underflow()) this.setRegister(index, INDEFINITE);
      return;
    }
    const x = this.register(index);
    const outcome = this.nanOf([x]) ?? compute(x);
    this.noteDenormals(x);
    if (outcome === undefined || this.unmasked(INVALID | DENORMAL_OPERAND | DIVIDE_BY_ZERO) !== 0) return;
    this.setRegister(index, this.finished(outcome));
  }

  /** ST(1) becomes a function of ST(1) and ST(0), which is popped. */
  private two(compute: (y: Extended, x: Extended) => BigFloat | Extended): void {
    if (this.isEmpty(0) || this.isEmpty(1)) {
      if (!this.underflow()) return;
      this.setRegister(1, INDEFINITE);
      this.pop();
      return;
    }
    const x = this.register(0);
    const y = this.register(1);
    const nan = this.nanOf([x, y]);
    const outcome = nan ?? compute(y, x);
    if (nan === undefined) this.noteDenormals(x, y);
    if (this.unmasked(INVALID | DENORMAL_OPERAND | DIVIDE_BY_ZERO) !== 0) return;
    this.setRegister(1, this.finished(outcome));
    this.pop();
  }

  /** FSIN and relatives: C2 says that the operand is out of range. `pushes`: a second result goes on top. */
  private trigonometric(compute: (x: Extended) => readonly (BigFloat | Extended)[], pushes = false): void {
    const both = (value: Extended): void => {
      this.setRegister(0, value);
      if (!pushes) return;
      this.moveTop(-1);
      this.setRegister(0, value);
    };
    this.status &= ~C2;
    if (this.isEmpty(0)) {
      if (this.underflow()) both(INDEFINITE);
      return;
    }
    if (pushes && !this.isEmpty(-1)) {
      this.roundedUp = true;
      if (this.underflow()) both(INDEFINITE);
      return;
    }
    const x = this.register(0);
    const special = this.nanOf([x]) ?? (isInfinite(x) ? this.invalid() : undefined);
    if (special !== undefined) {
      if (this.unmasked(INVALID) === 0) both(special);
      return;
    }
    if (exponentOf(x) >= 16383 + 63) {
      this.status |= C2;
      return;
    }
    this.noteDenormals(x);
    if (this.unmasked(DENORMAL_OPERAND) !== 0) return;
    const results = compute(x).map((value) => this.finished(value)) as [Extended, Extended];
    this.setRegister(0, results[0]);
    if (!pushes) return;
    this.moveTop(-1);
    this.setRegister(0, results[1]);
  }

  // ---- Functions, with the special cases of the manual's tables

  private f2xm1(x: Extended): Outcome {
    if (isZero(x)) return x;
    if (isInfinite(x)) return isNegative(x) ? { high: 0xbfff, mantissa: TOP_BIT } : x;
    const value = toBig(x);
    // Outside -1 … 1 the result is undefined.
    if (exponentOf(x) > 0x3fff || (exponentOf(x) === 0x3fff && x.mantissa !== TOP_BIT)) return x;
    if (exponentOf(x) === 0x3fff) return big(isNegative(x) ? -1 : 2, -1);
    return power2Minus1(value);
  }

  private fsincos(x: Extended): readonly (BigFloat | Extended)[] {
    if (isZero(x)) return [x, ONE];
    const { sine, cosine } = sineAndCosine(toBig(x));
    return [sine, cosine];
  }

  private fptan(x: Extended): readonly (BigFloat | Extended)[] {
    if (isZero(x)) return [x, ONE];
    const { sine, cosine } = sineAndCosine(toBig(x));
    return [divide(sine, cosine), ONE];
  }

  private fpatan(y: Extended, x: Extended): BigFloat | Extended {
    const negative = isNegative(y);
    const angle = (numerator: number, halvings: number): BigFloat => {
      const scaled = multiply(PI, big(negative ? -numerator : numerator));
      return { mantissa: scaled.mantissa, exponent: scaled.exponent - halvings };
    };
    if (isInfinite(y)) return isInfinite(x) ? angle(isNegative(x) ? 3 : 1, 2) : angle(1, 1);
    if (isZero(y) || isInfinite(x)) return isNegative(x) ? angle(1, 0) : zero(negative);
    if (isZero(x)) return angle(1, 1);
    return arcTangent2(toBig(y), toBig(x));
  }

  private fyl2x(y: Extended, x: Extended): BigFloat | Extended {
    if (isNegative(x) && !isZero(x)) return this.invalid();
    if (isZero(x)) {
      if (isZero(y)) return this.invalid();
      if (!isInfinite(y)) this.exceptions |= DIVIDE_BY_ZERO;
      return infinity(!isNegative(y));
    }
    if (isInfinite(x)) return isZero(y) ? this.invalid() : infinity(isNegative(y));
    const logarithm = log2(toBig(x));
    return this.product(y, logarithm);
  }

  private fyl2xp1(y: Extended, x: Extended): BigFloat | Extended {
    if (isZero(x)) {
      if (isInfinite(y)) return this.invalid();
      return zero(isNegative(x) !== isNegative(y));
    }
    if (isInfinite(x)) return isNegative(x) || isZero(y) ? this.invalid() : infinity(isNegative(y));
    const value = toBig(x);
    // At -1 and below there is no logarithm; the manual leaves the result open there.
    if (isNegative(x) && exponentOf(x) >= 0x3fff) return this.invalid();
    return this.product(y, log2Plus1(value));
  }

  /** y × logarithm with their signs, infinities and zeros; exact powers of two stay exact. */
  private product(y: Extended, logarithm: BigFloat): BigFloat | Extended {
    const negative = logarithm.mantissa < 0n !== isNegative(y);
    if (logarithm.mantissa === 0n) return isInfinite(y) ? this.invalid() : zero(isNegative(y));
    if (isInfinite(y)) return infinity(negative);
    if (isZero(y)) return zero(negative);
    return multiply(toBig(y), logarithm);
  }
}
