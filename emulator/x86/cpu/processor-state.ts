/** What the processor of this project saves of itself. */
import type { MmuState } from '../mmu/mmu.ts';
import {
  STATE_ADDRESS,
  STATE_BUDGET,
  STATE_DECODE,
  STATE_FPU_SCRATCH,
  STATE_PAGE_BASE,
  STATE_RECORD,
  STATE_SCRATCH,
  STATE_SELECTORS,
  STATE_TLB,
} from './layout.ts';
import type { Exit, ProcessorState } from './processor.ts';

export interface X86State extends ProcessorState {
  /** Linear memory from its start to the end of the registers. */
  readonly registers: Uint8Array;
  readonly segmentsLow: Uint32Array;
  readonly segmentsHigh: Uint32Array;
  readonly debugRegisters: Int32Array;
  readonly mmu: MmuState;
  readonly cr4: number;
  readonly viewFollowsPrivilege: boolean;
  readonly failed: boolean;
  readonly exit: Exit;
  readonly retired: number;
  readonly watchStep: boolean;
  readonly pendingDebug: number;
  readonly heldBack: boolean;
}

/** Of no use after a run. */
const TRANSIENT: readonly (readonly [from: number, bytes: number])[] = [
  [STATE_PAGE_BASE, 8],
  [STATE_ADDRESS, 8],
  [STATE_BUDGET, 4],
  [STATE_RECORD, 4],
  [STATE_TLB, 4],
  [STATE_FPU_SCRATCH, STATE_SCRATCH - STATE_FPU_SCRATCH],
  [STATE_SCRATCH, STATE_SELECTORS - STATE_SCRATCH],
];

/** Registers from the start of linear memory, equal for equal states. */
export function saveRegisters(memory: Uint8Array): Uint8Array {
  const registers = memory.slice(0, STATE_DECODE);
  for (const [from, bytes] of TRANSIENT) registers.fill(0, from, from + bytes);
  return registers;
}
