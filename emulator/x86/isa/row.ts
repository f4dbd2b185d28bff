import type { Emitter } from './emitter.ts';

/** Emits what the instruction does, in WebAssembly, for the operands that the emitter stands for. */
export type Semantics = (e: Emitter) => void;

/**
 * One row per instruction form.
 *
 * `encoding` is in the manual's notation: mandatory prefix (`NP`, `66`, `F2`, `F3`; `NFx`: neither of the last two) if any, opcode bytes, then `/r`,
 * `/0`…`/7`, or `+r`. A ninth-bit constraint follows where the ModRM byte is fixed: `0F 01 D0`.
 *
 * `operands` uses the letters of the SDM's opcode map (vol. 2, A.2), destination first:
 * E register or memory by ModRM.rm, G register by ModRM.reg, Z register in the opcode, M memory only, R register only
 * (by rm), I immediate, J relative target, O memory offset, S segment register, C/D control/debug register,
 * P/Q MMX by reg/rm, N MMX register by rm, V/W XMM by reg/rm, U XMM register by rm; sizes b 8, w 16, d 32, q 64, x 128,
 * v 16/32/64 by operand size (`_`: an implicit operand that only brings its size), z 16/32 (immediate), y 32/64; bare `M` has no size. Fixed registers: AL, CL, rAX, DX, 1.
 */
export interface Row {
  readonly encoding: string;
  readonly name: string;
  readonly operands: string;
  readonly run: Semantics;
  readonly traits: Traits;
}

export interface Traits {
  /** Only in 64-bit mode, or only outside it. */
  readonly mode?: 64 | 32;
  /** LOCK is allowed when the destination is memory. */
  readonly lock?: true;
  /** Operand size is 64 bits in 64-bit mode without REX.W; 16 with 66. */
  readonly default64?: true;
  /** Only with a 16-bit operand size (66 prefix); stands before the row that it takes precedence over. */
  readonly size16?: true;
  /** Operand size is 64 bits in 64-bit mode whatever the prefixes (near branches). */
  readonly force64?: true;
  /** Ends a block: control may not go to the next instruction, or execution mode may change. */
  readonly ends?: true;
  /** Own function instead of a case in the interpreter's big one: for rare or bulky rows. */
  readonly routine?: true;
  /** Carried out by TypeScript: the name in the system table. `run` is not called. */
  readonly system?: string;
  /** REP prefixes repeat it (string instructions). */
  readonly repeats?: true;
}

export function row(encoding: string, name: string, operands: string, run: Semantics, traits: Traits = {}): Row {
  return { encoding, name, operands, run, traits };
}

const nothing: Semantics = () => {};

/** A row carried out by TypeScript, under this name. */
export function systemRow(encoding: string, name: string, operands: string, system: string, traits: Traits = {}): Row {
  return { encoding, name, operands, run: nothing, traits: { ...traits, system } };
}

/** Condition codes in encoding order (SDM vol. 1, appendix B). */
export const CONDITIONS = [
  'o',
  'no',
  'b',
  'ae',
  'e',
  'ne',
  'be',
  'a',
  's',
  'ns',
  'p',
  'np',
  'l',
  'ge',
  'le',
  'g',
] as const;
