import { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';

const RAX = 0;
const RDX = 2;
const VECTOR_DE = 0;

/** rDX:rAX = rAX × operand. CF and OF tell whether the upper half matters. */
function multiplyWide(signed: boolean): Semantics {
  return (e) => {
    const { size } = e;
    const source = e.let(e.read(0));
    const accumulator = e.let(e.register(RAX, size));
    let low: Int;
    let high: Int;
    if (size === 64) {
      low = e.let(source.mul(accumulator));
      high = e.let(e.highProduct(source, accumulator, signed));
    } else if (size === 32) {
      const wide = (value: Int): Int => (signed ? value.toI64S() : value.toI64U());
      const product = e.let(wide(source).mul(wide(accumulator)));
      low = e.let(product.toI32());
      high = e.let(product.shrU(32).toI32());
    } else {
      const wide = (value: Int): Int => (signed ? e.signExtend(value, size) : value);
      const product = e.let(wide(source).mul(wide(accumulator)));
      low = e.let(e.truncate(product, size));
      high = e.let(e.truncate(product.shrU(size), size));
    }
    if (size === 8) e.setRegister(RAX, 16, low.or(high.shl(8)));
    else {
      e.setRegister(RAX, size, low);
      e.setRegister(RDX, size, high);
    }
    const sign = e.truncate(e.signExtend(low, size).shrS(size === 64 ? 63 : 31), size);
    const overflow = e.let(high.ne(signed ? sign : 0));
    e.flags.explicit(size, low, overflow, overflow);
  };
}

/** Two- and three-operand IMUL. */
function multiplySigned(first: number, second: number): Semantics {
  return (e) => {
    const { size } = e;
    const left = e.let(e.read(first));
    const right = e.let(e.read(second));
    let result: Int;
    let overflow: Int;
    if (size === 64) {
      result = e.let(left.mul(right));
      overflow = e.highProduct(left, right, true).ne(result.shrS(63));
    } else if (size === 32) {
      const product = e.let(left.toI64S().mul(right.toI64S()));
      result = e.let(product.toI32());
      overflow = product.ne(result.toI64S());
    } else {
      const product = e.let(left.extend16S().mul(right.extend16S()));
      result = e.let(product.and(0xffff));
      overflow = product.ne(product.extend16S());
    }
    const lost = e.let(overflow);
    e.write(0, result);
    e.flags.explicit(size, result, lost, lost);
  };
}

function divideUnsigned(e: Emitter): void {
  const { size } = e;
  const divisor = e.let(e.read(0));
  e.raiseIf(divisor.eqz(), VECTOR_DE);
  if (size === 64) {
    const high = e.let(e.register(RDX, 64));
    const low = e.let(e.register(RAX, 64));
    e.raiseIf(high.geU(divisor), VECTOR_DE);
    const quotient = e.let(e.quotient128(high, low, divisor));
    e.setRegister(RAX, 64, quotient);
    e.setRegister(RDX, 64, low.sub(quotient.mul(divisor)));
    return;
  }
  const wide = e.let(divisor.toI64U());
  const dividend = e.let(dividendOf(e, false));
  const quotient = e.let(dividend.divU(wide));
  e.raiseIf(quotient.shrU(size).ne(0), VECTOR_DE);
  storeQuotient(e, quotient, dividend.remU(wide));
}

function divideSigned(e: Emitter): void {
  const { size } = e;
  const divisor = e.let(e.read(0));
  e.raiseIf(divisor.eqz(), VECTOR_DE);
  if (size === 64) {
    const high = e.let(e.register(RDX, 64));
    const low = e.let(e.register(RAX, 64));
    const negative = e.let(high.ltS(0));
    const borrow = low.ne(0).toI64U();
    const magnitudeHigh = e.let(high.not().add(1).sub(borrow).select(negative, high));
    const magnitudeLow = e.let(low.negate().select(negative, low));
    const magnitude = e.let(divisor.negate().select(divisor.ltS(0), divisor));
    e.raiseIf(magnitudeHigh.geU(magnitude), VECTOR_DE);
    const quotient = e.let(e.quotient128(magnitudeHigh, magnitudeLow, magnitude));
    const minus = e.let(negative.xor(divisor.ltS(0)));
    const signed = e.let(quotient.negate().select(minus, quotient));
    // The quotient's sign must be the one that the operands ask for (or the quotient zero).
    e.raiseIf(signed.ltS(0).ne(minus).and(signed.ne(0)), VECTOR_DE);
    e.setRegister(RAX, 64, signed);
    e.setRegister(RDX, 64, low.sub(signed.mul(divisor)));
    return;
  }
  const wide = e.let(e.signExtend(divisor, size).toI64S());
  const dividend = e.let(dividendOf(e, true));
  e.raiseIf(wide.eq(-1).and(dividend.eq(Int.constant64(0, 0x80000000))), VECTOR_DE);
  const quotient = e.let(dividend.divS(wide));
  const kept = size === 8 ? quotient.extend8S() : size === 16 ? quotient.extend16S() : quotient.extend32S();
  e.raiseIf(quotient.ne(kept), VECTOR_DE);
  storeQuotient(e, quotient, dividend.remS(wide));
}

/** AX, DX:AX or EDX:EAX as i64. */
function dividendOf(e: Emitter, signed: boolean): Int {
  if (e.size === 8) {
    const value = e.register(RAX, 16);
    return signed ? value.extend16S().toI64S() : value.toI64U();
  }
  const joined = e.register(RDX, e.size).toI64U().shl(e.size).or(e.register(RAX, e.size).toI64U());
  return signed && e.size === 16 ? joined.extend32S() : joined;
}

function storeQuotient(e: Emitter, quotient: Int, remainder: Int): void {
  const rest = e.let(remainder.toI32());
  if (e.size === 8) e.setRegister(RAX, 16, quotient.toI32().and(0xff).or(rest.and(0xff).shl(8)));
  else {
    e.setRegister(RAX, e.size, quotient.toI32());
    e.setRegister(RDX, e.size, rest);
  }
}

export const MULTIPLY: readonly Row[] = [
  row('F6 /4', 'mul', 'Eb', multiplyWide(false)),
  row('F7 /4', 'mul', 'Ev', multiplyWide(false)),
  row('F6 /5', 'imul', 'Eb', multiplyWide(true)),
  row('F7 /5', 'imul', 'Ev', multiplyWide(true)),
  row('F6 /6', 'div', 'Eb', divideUnsigned),
  row('F7 /6', 'div', 'Ev', divideUnsigned),
  row('F6 /7', 'idiv', 'Eb', divideSigned),
  row('F7 /7', 'idiv', 'Ev', divideSigned),
  row('0F AF /r', 'imul', 'Gv Ev', multiplySigned(0, 1)),
  row('69 /r', 'imul', 'Gv Ev Iz', multiplySigned(1, 2)),
  row('6B /r', 'imul', 'Gv Ev sIb', multiplySigned(1, 2)),
];
