import type { CodeBuffer } from './code-buffer.ts';
import type { FunctionBody } from './function-body.ts';
import { Int } from './int.ts';
import { TYPE_V128 } from './module-builder.ts';

/** Opcodes of the fixed-width SIMD instructions (WebAssembly core specification 2.0, section 5.4.8). */
const OPCODES = {
  swizzle: 14,
  splat8: 15,
  splat16: 16,
  splat32: 17,
  splat64: 18,
  eq8: 35,
  gtS8: 39,
  eq16: 45,
  gtS16: 49,
  eq32: 55,
  gtS32: 59,
  not: 77,
  and: 78,
  andNot: 79,
  or: 80,
  xor: 81,
  bitselect: 82,
  anyTrue: 83,
  abs8: 96,
  neg8: 97,
  bitmask8: 100,
  narrow16S: 101,
  narrow16U: 102,
  add8: 110,
  addSatS8: 111,
  addSatU8: 112,
  sub8: 113,
  subSatS8: 114,
  subSatU8: 115,
  minS8: 118,
  minU8: 119,
  maxS8: 120,
  maxU8: 121,
  average8: 123,
  pairsU8: 125,
  pairsU16: 127,
  abs16: 128,
  neg16: 129,
  narrow32S: 133,
  narrow32U: 134,
  extendLowS8: 135,
  extendHighS8: 136,
  extendLowU8: 137,
  extendHighU8: 138,
  shl16: 139,
  shrS16: 140,
  shrU16: 141,
  add16: 142,
  addSatS16: 143,
  addSatU16: 144,
  sub16: 145,
  subSatS16: 146,
  subSatU16: 147,
  mul16: 149,
  minS16: 150,
  minU16: 151,
  maxS16: 152,
  maxU16: 153,
  average16: 155,
  abs32: 160,
  neg32: 161,
  bitmask32: 164,
  extendLowS16: 167,
  extendHighS16: 168,
  extendLowU16: 169,
  extendHighU16: 170,
  shl32: 171,
  shrS32: 172,
  shrU32: 173,
  add32: 174,
  sub32: 177,
  mul32: 181,
  minS32: 182,
  minU32: 183,
  maxS32: 184,
  maxU32: 185,
  dot16: 186,
  multiplyLowS16: 188,
  multiplyHighS16: 189,
  multiplyLowU16: 190,
  multiplyHighU16: 191,
  bitmask64: 196,
  extendLowS32: 199,
  extendLowU32: 201,
  shl64: 203,
  shrU64: 205,
  add64: 206,
  sub64: 209,
  mul64: 213,
  eq64: 214,
  gtS64: 217,
  multiplyLowS32: 220,
  multiplyLowU32: 222,
} as const;

export type VectorOperation = keyof typeof OPCODES;

function opcode(code: CodeBuffer, number: number): void {
  code.u8(0xfd);
  code.unsigned(number);
}

/** A v128 expression. Like Int it is code: evaluated as often as it is used, so share through `hold`. */
export class Vec {
  private constructor(readonly emit: (code: CodeBuffer) => void) {}

  static constant(bytes: readonly number[]): Vec {
    return new Vec((code) => {
      opcode(code, 12);
      for (let i = 0; i < 16; i++) code.u8(bytes[i] ?? 0);
    });
  }

  /** The same 16-bit number in all lanes. */
  static words(value: number): Vec {
    return Vec.constant(Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? value : value >> 8) & 0xff));
  }

  static load(address: Int, offset = 0): Vec {
    return Vec.memory(0, address, offset);
  }

  /** Low lane from memory, the rest zero. */
  static loadLow(bits: 32 | 64, address: Int, offset = 0): Vec {
    return Vec.memory(bits === 64 ? 93 : 92, address, offset);
  }

  private static memory(number: number, address: Int, offset: number): Vec {
    return new Vec((code) => {
      address.emit(code);
      opcode(code, number);
      code.u8(0);
      code.unsigned(offset);
    });
  }

  store(body: FunctionBody, address: Int, offset = 0): void {
    address.emit(body.code);
    this.emit(body.code);
    opcode(body.code, 11);
    body.code.u8(0);
    body.code.unsigned(offset);
  }

  /** Stores the low 64 bits. */
  storeLow(body: FunctionBody, address: Int, offset = 0): void {
    address.emit(body.code);
    this.emit(body.code);
    opcode(body.code, 91);
    body.code.u8(0);
    body.code.unsigned(offset);
    body.code.u8(0);
  }

  /** Evaluates now, into a local. */
  hold(body: FunctionBody): Vec {
    const local = body.temporary(TYPE_V128);
    this.emit(body.code);
    body.code.u8(0x21);
    body.code.unsigned(local.index);
    return new Vec((code) => {
      code.u8(0x20);
      code.unsigned(local.index);
    });
  }

  static splat(bits: 8 | 16 | 32 | 64, value: Int): Vec {
    return new Vec((code) => {
      value.emit(code);
      opcode(code, OPCODES[`splat${bits}`]);
    });
  }

  unary(operation: VectorOperation): Vec {
    return new Vec((code) => {
      this.emit(code);
      opcode(code, OPCODES[operation]);
    });
  }

  binary(operation: VectorOperation, other: Vec): Vec {
    return new Vec((code) => {
      this.emit(code);
      other.emit(code);
      opcode(code, OPCODES[operation]);
    });
  }

  /** Lane-wise shift by a scalar, which WebAssembly takes modulo the lane width. */
  shift(operation: VectorOperation, count: Int): Vec {
    return new Vec((code) => {
      this.emit(code);
      count.emit(code);
      opcode(code, OPCODES[operation]);
    });
  }

  /** Bytes 0–15 of this and 16–31 of the other, picked by constant indices. */
  shuffle(other: Vec, indices: readonly number[]): Vec {
    return new Vec((code) => {
      this.emit(code);
      other.emit(code);
      opcode(code, 13);
      for (const index of indices) code.u8(index);
    });
  }

  /** (this & mask) | (other & ~mask). */
  select(mask: Vec, other: Vec): Vec {
    return new Vec((code) => {
      this.emit(code);
      other.emit(code);
      mask.emit(code);
      opcode(code, OPCODES.bitselect);
    });
  }

  /** One bit from each lane's sign, or a truth value. */
  bits(operation: 'bitmask8' | 'bitmask32' | 'bitmask64' | 'anyTrue'): Int {
    return Int.of(32, (code) => {
      this.emit(code);
      opcode(code, OPCODES[operation]);
    });
  }

  lane64(lane: 0 | 1): Int {
    return Int.of(64, (code) => {
      this.emit(code);
      opcode(code, 29);
      code.u8(lane);
    });
  }
}

/** `count` consecutive indices from `first`. */
export const run = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);
