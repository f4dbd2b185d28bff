import type { Row } from '../isa/row.ts';

/** Where the interpreter finds an operand of a form. */
export type OperandKind =
  /** Register whose state offset is in the record's first or second register field. */
  | 'first'
  | 'second'
  /** The form's memory operand. */
  | 'memory'
  | 'immediate'
  /** Second immediate, in the record's extra byte. */
  | 'immediate2'
  /** One register that the form fixes. */
  | 'fixed'
  /** The constant 1 of the D0/D1 shifts. */
  | 'one'
  /** Relative target, far pointer, implicit operand: rows deal with it themselves. */
  | 'none';

export interface FormOperand {
  readonly kind: OperandKind;
  /** 8, 16, 32, 64, 128; 0 when it has none. */
  readonly size: number;
  /** Register number of a fixed operand. */
  readonly register: number;
  /** Letter of the operand notation. */
  readonly letter: string;
}

/** One row at one operand size, with its ModRM operand in a register or in memory. */
export interface Form {
  readonly row: Row;
  readonly size: 8 | 16 | 32 | 64;
  readonly memory: boolean;
  readonly operands: readonly FormOperand[];
  /** Handler number in the interpreter's big function. */
  readonly handler: number;
  /** Table index of a routine, or number of a system form. */
  readonly routine: number;
}

const SIZES: Readonly<Record<string, number>> = { b: 8, w: 16, d: 32, q: 64, x: 128 };

/** Size in bits of an operand's suffix at this operand size. */
export function suffixSize(suffix: string, size: number): number {
  if (suffix === 'v') return size;
  if (suffix === 'z') return size === 64 ? 32 : size;
  if (suffix === 'y') return size === 64 ? 64 : 32;
  return SIZES[suffix] ?? 0;
}

/** Letters that stand for a register in ModRM.rm or memory, memory only, register only. */
const EITHER = 'EQW';
const MEMORY_ONLY = 'M';
const REGISTER_ONLY = 'RNU';

export type Flavour = 'register' | 'memory' | 'none';

/** What the ModRM.rm operand of a row may be. */
export function flavours(row: Row): readonly Flavour[] {
  for (const operand of operandsOf(row)) {
    const letter = operand[0] as string;
    if (operand === 'AL' || operand === 'CL' || operand === 'DX') continue;
    if (EITHER.includes(letter)) return ['register', 'memory'];
    if (MEMORY_ONLY.includes(letter)) return ['memory'];
    if (REGISTER_ONLY.includes(letter)) return ['register'];
    if (letter === 'O' || operand === 'XL') return ['memory'];
  }
  return ['none'];
}

export function operandsOf(row: Row): readonly string[] {
  return row.operands === '' ? [] : row.operands.split(' ');
}

/** Operand sizes at which a row has forms in this mode. */
export function sizesOf(row: Row, mode: 32 | 64): readonly (8 | 16 | 32 | 64)[] {
  if (row.traits.force64 === true) return [mode];
  const suffixes = operandsOf(row).map((operand) =>
    operand === 'rAX' ? 'v' : operand.startsWith('sI') ? operand.slice(2) : operand.slice(1),
  );
  if (suffixes.some((suffix) => suffix === 'v' || suffix === 'z' || suffix === 'p')) {
    if (mode === 32) return [16, 32];
    return row.traits.default64 === true ? [16, 64] : [16, 32, 64];
  }
  if (suffixes.includes('y')) return mode === 32 ? [32] : [32, 64];
  const first = operandsOf(row)[0];
  if (first === undefined) return [32];
  if (first === 'AL') return [8];
  const size = suffixSize(first.slice(1), 32);
  return [size === 8 || size === 16 || size === 64 ? size : 32];
}

export function formOperands(row: Row, size: number, memory: boolean, mode: 32 | 64): readonly FormOperand[] {
  let registers = 0;
  let immediates = 0;
  const next = (): OperandKind => (registers++ === 0 ? 'first' : 'second');
  return operandsOf(row).map((operand): FormOperand => {
    const letter = operand[0] as string;
    const fixed = (register: number, bits: number): FormOperand => ({ kind: 'fixed', size: bits, register, letter });
    const plain = (kind: OperandKind, bits: number): FormOperand => ({ kind, size: bits, register: 0, letter });
    if (operand === 'AL') return fixed(0, 8);
    if (operand === 'CL') return fixed(1, 8);
    if (operand === 'DX') return fixed(2, 16);
    if (operand === 'rAX') return fixed(0, size);
    if (operand === '1') return plain('one', 8);
    if (operand === 'XL') return plain('memory', 8);
    const signedImmediate = operand.startsWith('sI');
    const bits = suffixSize(signedImmediate ? operand.slice(2) : operand.slice(1), size);
    if (letter === 'I' || letter === 'K' || signedImmediate) {
      // An immediate is as wide as the operation it takes part in, except the plain bytes and words of counts.
      const wide = signedImmediate || operand === 'Iz' || operand === 'Iv' ? size : bits;
      return plain(immediates++ === 0 ? 'immediate' : 'immediate2', wide);
    }
    if (EITHER.includes(letter)) return plain(memory ? 'memory' : next(), bits);
    if (letter === 'M') return plain('memory', bits);
    if (letter === 'O') return plain('memory', bits);
    if ('GZPVRNUSCD'.includes(letter)) return plain(next(), letter === 'C' || letter === 'D' ? mode : bits);
    return plain('none', bits);
  });
}
