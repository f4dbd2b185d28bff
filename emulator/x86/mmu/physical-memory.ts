import type { Mfn } from '../../base/numbers.ts';

/** What the processor needs to know of the machine's RAM (machine/ram.ts is one). */
export interface PhysicalMemory {
  readonly memory: WebAssembly.Memory;
  readonly base: number;
  readonly firstMfn: number;
  readonly frameCount: number;
  /** 1 for a frame that holds decoded code. */
  readonly codeFrames: Uint8Array;
  onCodeWrite: (mfn: Mfn) => void;
  hasFrame(mfn: number): mfn is Mfn;
  offset(mfn: Mfn): number;
}
