import { Int } from './int.ts';

/** Opcodes of f32 and f64 arithmetic (WebAssembly core specification, section 5.4.7). */
const OPCODES = {
  32: { add: 0x92, subtract: 0x93, multiply: 0x94, divide: 0x95, squareRoot: 0x91, toBits: 0xbc, fromBits: 0xbe },
  64: { add: 0xa0, subtract: 0xa1, multiply: 0xa2, divide: 0xa3, squareRoot: 0x9f, toBits: 0xbd, fromBits: 0xbf },
} as const;

export type FloatOperation = 'add' | 'subtract' | 'multiply' | 'divide';

/** IEEE operation on the bits of two numbers as wide as they are, rounded to nearest. */
export function floatBinary(operation: FloatOperation, a: Int, b: Int): Int {
  const opcodes = OPCODES[a.width];
  return Int.of(a.width, (code) => {
    a.emit(code);
    code.u8(opcodes.fromBits);
    b.emit(code);
    code.u8(opcodes.fromBits);
    code.u8(opcodes[operation]);
    code.u8(opcodes.toBits);
  });
}

export function floatSquareRoot(a: Int): Int {
  const opcodes = OPCODES[a.width];
  return Int.of(a.width, (code) => {
    a.emit(code);
    code.u8(opcodes.fromBits);
    code.u8(opcodes.squareRoot);
    code.u8(opcodes.toBits);
  });
}

/** Bits of the double nearest to a signed integer. */
export function doubleFromInteger(value: Int): Int {
  return Int.of(64, (code) => {
    value.emit(code);
    code.u8(value.width === 32 ? 0xb7 : 0xb9);
    code.u8(0xbd);
  });
}
