import type { CodeBuffer } from './code-buffer.ts';
import { I32_OPCODES, I32_WRAP_I64, I64_EXTEND_I32_S, I64_EXTEND_I32_U, I64_OPCODES } from './opcodes.ts';

type Emit = (code: CodeBuffer) => void;

/** Emits the constant as i32 or i64; numbers beyond 2^53 need `Int.constant64`. */
function constantEmitter(width: 32 | 64, low: number, high: number): Emit {
  return (code) => {
    if (width === 32) {
      code.u8(0x41);
      code.signed32(low);
    } else {
      code.u8(0x42);
      code.signed64(low, high);
    }
  };
}

/**
 * An integer expression of i32 or i64: what a semantics row computes with. It is code, not a value: used twice, it is
 * evaluated twice, so put what is shared into a local (`let`). Plain numbers may stand for constants.
 */
export class Int {
  private constructor(
    readonly width: 32 | 64,
    readonly emit: Emit,
    /** Known value, for folding; only for i32. */
    readonly known: number | undefined = undefined,
  ) {}

  static of(width: 32 | 64, emit: Emit): Int {
    return new Int(width, emit);
  }

  static constant(width: 32 | 64, value: number): Int {
    return new Int(
      width,
      constantEmitter(width, width === 32 ? value | 0 : (value % 4294967296) | 0, Math.floor(value / 4294967296)),
      width === 32 ? value | 0 : undefined,
    );
  }

  static constant64(low: number, high: number): Int {
    return new Int(64, constantEmitter(64, low, high));
  }

  private lift(other: Int | number): Int {
    return typeof other === 'number' ? Int.constant(this.width, other) : other;
  }

  private binary(name: string, other: Int | number, width: 32 | 64 = this.width): Int {
    const right = this.lift(other);
    if (right.width !== this.width) throw new Error(`${name}: i${this.width} with i${right.width}`);
    const opcode = (this.width === 32 ? I32_OPCODES : I64_OPCODES)[name] as number;
    return new Int(width, (code) => {
      this.emit(code);
      right.emit(code);
      code.u8(opcode);
    });
  }

  private unary(name: string, width: 32 | 64 = this.width): Int {
    const opcode = (this.width === 32 ? I32_OPCODES : I64_OPCODES)[name] as number;
    return new Int(width, (code) => {
      this.emit(code);
      code.u8(opcode);
    });
  }

  add(other: Int | number): Int {
    return other === 0 ? this : this.binary('add', other);
  }
  sub(other: Int | number): Int {
    return other === 0 ? this : this.binary('sub', other);
  }
  mul(other: Int | number): Int {
    return this.binary('mul', other);
  }
  divS(other: Int | number): Int {
    return this.binary('divS', other);
  }
  divU(other: Int | number): Int {
    return this.binary('divU', other);
  }
  remS(other: Int | number): Int {
    return this.binary('remS', other);
  }
  remU(other: Int | number): Int {
    return this.binary('remU', other);
  }
  and(other: Int | number): Int {
    return this.binary('and', other);
  }
  or(other: Int | number): Int {
    return this.binary('or', other);
  }
  xor(other: Int | number): Int {
    return this.binary('xor', other);
  }
  shl(other: Int | number): Int {
    return other === 0 ? this : this.binary('shl', other);
  }
  shrS(other: Int | number): Int {
    return other === 0 ? this : this.binary('shrS', other);
  }
  shrU(other: Int | number): Int {
    return other === 0 ? this : this.binary('shrU', other);
  }
  rotl(other: Int | number): Int {
    return this.binary('rotl', other);
  }
  rotr(other: Int | number): Int {
    return this.binary('rotr', other);
  }
  not(): Int {
    return this.xor(-1);
  }
  negate(): Int {
    return Int.constant(this.width, 0).sub(this);
  }
  /** Comparisons yield an i32 of 0 or 1. */
  eq(other: Int | number): Int {
    return this.binary('eq', other, 32);
  }
  ne(other: Int | number): Int {
    return this.binary('ne', other, 32);
  }
  ltS(other: Int | number): Int {
    return this.binary('ltS', other, 32);
  }
  ltU(other: Int | number): Int {
    return this.binary('ltU', other, 32);
  }
  gtS(other: Int | number): Int {
    return this.binary('gtS', other, 32);
  }
  gtU(other: Int | number): Int {
    return this.binary('gtU', other, 32);
  }
  leU(other: Int | number): Int {
    return this.binary('leU', other, 32);
  }
  leS(other: Int | number): Int {
    return this.binary('leS', other, 32);
  }
  geU(other: Int | number): Int {
    return this.binary('geU', other, 32);
  }
  geS(other: Int | number): Int {
    return this.binary('geS', other, 32);
  }
  eqz(): Int {
    return this.unary('eqz', 32);
  }
  clz(): Int {
    return this.unary('clz');
  }
  ctz(): Int {
    return this.unary('ctz');
  }
  popcnt(): Int {
    return this.unary('popcnt');
  }
  extend8S(): Int {
    return this.unary('extend8S');
  }
  extend16S(): Int {
    return this.unary('extend16S');
  }
  extend32S(): Int {
    return this.unary('extend32S');
  }

  /** To i64: sign- or zero-extended; an i64 stays as it is. */
  toI64S(): Int {
    return this.convert(64, I64_EXTEND_I32_S);
  }
  toI64U(): Int {
    return this.convert(64, I64_EXTEND_I32_U);
  }
  /** To i32: the low half; an i32 stays as it is. */
  toI32(): Int {
    return this.convert(32, I32_WRAP_I64);
  }
  /** To the given width, zero-extending or wrapping. */
  toWidth(width: 32 | 64): Int {
    return width === 32 ? this.toI32() : this.toI64U();
  }

  private convert(width: 32 | 64, opcode: number): Int {
    if (this.width === width) return this;
    return new Int(width, (code) => {
      this.emit(code);
      code.u8(opcode);
    });
  }

  /** `condition ? this : other`, both evaluated. */
  select(condition: Int, other: Int | number): Int {
    const right = this.lift(other);
    return new Int(this.width, (code) => {
      this.emit(code);
      right.emit(code);
      condition.emit(code);
      code.u8(0x1b);
    });
  }
}
