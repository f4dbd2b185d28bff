import { Ram } from '../../../../emulator/machine/ram.ts';
import type { Processor } from '../../../../emulator/x86/cpu/processor.ts';
import type { CreateMachine } from '../../../../emulator/xen/toolstack/machine-boot.ts';

/** RAM with a processor that runs nothing: enough to build domains and to look at what was built. */
export const createIdleMachine: CreateMachine = (frames) => {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((frames + 1) / 16) });
  const processor = {
    instructions: 0,
    exit: {},
    low: () => 0,
    high: () => 0,
    selector: () => 0,
    segmentBaseLow: () => 0,
    segmentBaseHigh: () => 0,
    rip: 0,
    rflags: 2,
    saveFpu: () => new Uint8Array(512),
    flushTlb: () => {},
    setRoot: () => {},
    invalidatePage: () => {},
  } as unknown as Processor;
  return Promise.resolve({ ram: new Ram(memory, 4096, frames, 0x40000), processor });
};
