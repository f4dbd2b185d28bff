import { STATE_REGION_OUTCOME, STATE_REGION_STALE } from '../cpu/layout.ts';
import { REGION_CONTINUE, REGION_FAULT } from '../interpreter/record.ts';
import type { Mmu } from '../mmu/mmu.ts';
import type { Translator } from './translator.ts';

type Access = (low: number, high: number, bytes: number) => number;

/** Slow paths of regions; handed out before the processor exists. */
export interface RegionCallbacks {
  slowRead: Access;
  slowWrite: Access;
  slowModify: Access;
}

/**
 * The slow paths of the interpreter, for regions. A region cannot stop in the middle of an instruction whose store
 * drops the region itself: such a store is refused before anything has changed, and the interpreter does the instruction
 * again. 0 is a fault or a refusal, as STATE_REGION_OUTCOME tells.
 */
export function connectRegions(callbacks: RegionCallbacks, mmu: Mmu, translator: Translator): void {
  const i32 = new Int32Array(translator.memory.buffer);
  const refused = (): number => {
    i32[STATE_REGION_OUTCOME >> 2] = REGION_CONTINUE;
    return 0;
  };
  const isStale = (): boolean => i32[STATE_REGION_STALE >> 2] !== 0;
  const guard = (offset: number): boolean => {
    if (!isStale() && !translator.hasRegions(offset - (offset % 4096))) return false;
    refused();
    return true;
  };
  // A page walk alone can make the region stale: it marks entries as accessed.
  const unlessStale = (result: number): number => (result !== 0 && isStale() ? refused() : result);
  callbacks.slowRead = (low, high, bytes) => {
    i32[STATE_REGION_OUTCOME >> 2] = REGION_FAULT;
    return unlessStale(mmu.slowRead(low, high, bytes));
  };
  callbacks.slowModify = (low, high, bytes) => {
    i32[STATE_REGION_OUTCOME >> 2] = REGION_FAULT;
    return unlessStale(mmu.slowModify(low, high, bytes));
  };
  callbacks.slowWrite = (low, high, bytes) => {
    i32[STATE_REGION_OUTCOME >> 2] = REGION_FAULT;
    mmu.storeGuard = guard;
    const result = mmu.slowWrite(low, high, bytes);
    mmu.storeGuard = undefined;
    return result;
  };
}
