import type { CaseDraft } from './case.ts';
import type { Random } from './random.ts';

export const CF = 0x001;
export const PF = 0x004;
export const AF = 0x010;
export const ZF = 0x040;
export const SF = 0x080;
export const DF = 0x400;
export const OF = 0x800;
export const STATUS_FLAGS = CF | PF | AF | ZF | SF | OF;

/** What kind of register file a case has to set up and compare beyond the general registers. */
export type Unit = 'integer' | 'x87' | 'mmx' | 'sse';

/** One instruction form: how to encode it, what operands to try, what the manual leaves undefined. */
export interface Form {
  /** Unique; also the seed of the form's cases. */
  readonly name: string;
  /** Opcode bytes without prefixes. */
  readonly opcode: readonly number[];
  /** A prefix that is part of the opcode. */
  readonly mandatory?: 0x66 | 0xf2 | 0xf3;
  /** Operand size: 16 takes a 66 prefix, 64 REX.W (unless `default64`). */
  readonly size?: 8 | 16 | 32 | 64;
  readonly default64?: boolean;
  /** ModRM follows: a register in reg, or an opcode digit. */
  readonly modrm?: 'register' | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
  /** What r/m may be; 'either' unless said. */
  readonly rm?: 'either' | 'memory' | 'register';
  /** Whole bytes that the memory operand has, for placing it near page ends; size / 8 unless said. */
  readonly memoryBytes?: number;
  /** A ModRM byte fixed as a whole (x87 register forms, fences). */
  readonly fixedModrm?: number;
  /** Required alignment: most cases obey it. */
  readonly align?: number;
  /** Bytes of immediate; 'moffs' is an absolute address. */
  readonly immediate?: 1 | 2 | 3 | 4 | 8 | 'moffs';
  /** The immediate's bytes, when random ones make no sense. */
  readonly immediates?: readonly number[];
  /** The low three opcode bits are a register. */
  readonly plusRegister?: boolean;
  /** LOCK is allowed with a memory operand; elsewhere it is tried for its #UD. */
  readonly lock?: boolean;
  /** String instruction: F3/F2 prefixes to try, besides none. */
  readonly repeat?: readonly (0xf3 | 0xf2)[];
  /** RSP (and RBP) point into the window. */
  readonly stack?: boolean;
  /** Address arithmetic only: operands need not be mapped. */
  readonly noAccess?: boolean;
  /** Registers and words of the window hold code addresses. */
  readonly targets?: boolean;
  /** No 66, 67 or segment prefix is added at random (branches, where vendors differ). */
  readonly noPrefixes?: boolean;
  /** Never at the end of the code area: whether #UD or the fetch of more bytes comes first is not architectural. */
  readonly keepInside?: boolean;
  /** The bit offset in the register operand moves the memory operand. */
  readonly bitOffset?: boolean;
  readonly unit?: Unit;
  /** The instruction itself changes or shows TF: it is followed by INT3 instead of being single-stepped. */
  readonly untilBreak?: boolean;
  /** Cases to make; 160 unless said. */
  readonly cases?: number;
  /** Last changes to the registers, flags and window before the code is encoded. */
  readonly prepare?: (draft: CaseDraft, random: Random) => void;
  /** Status flags that the manual leaves undefined, for all operands or by operands. */
  readonly undefinedFlags?: number | ((draft: CaseDraft) => number);
  /** True for operands with which the result itself is undefined. */
  readonly skip?: (draft: CaseDraft) => boolean;
  /** The stack, instruction size or encoding differs in 32-bit mode: never replayed there. */
  readonly only64?: boolean;
  /** Bytes of the window when 128 are too few. */
  readonly windowBytes?: number;
  /** Bytes stored that are not compared: offset from the memory operand, and length. */
  readonly ignoredMemory?: readonly (readonly [number, number])[];
  /** Single-precision results are approximations: relative error below 1.5 × 2^-12 (SDM: RCPPS, RSQRTPS). */
  readonly approximate?: boolean;
  /** Largest difference of an x87 result from the real CPU's, in units of its last place (transcendentals). */
  readonly tolerance?: number;
  /** x87 condition codes (bits of the status word) that the manual leaves undefined. */
  readonly undefinedConditions?: number;
}

/** The forms of one file of results (data/<name>.bin). */
export interface FormGroup {
  readonly name: string;
  readonly forms: readonly Form[];
}
