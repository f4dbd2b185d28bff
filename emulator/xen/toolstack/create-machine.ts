import { UserError } from '../../base/user-error.ts';
import { Ram } from '../../machine/ram.ts';
import { createProcessor } from '../../x86/cpu/create-processor.ts';
import { RAM_BASE } from '../../x86/cpu/layout.ts';
import { DEFAULT_OPTIONS, type TranslatorOptions } from '../../x86/translator/translator.ts';
import type { CreateMachine } from './machine-boot.ts';

const WASM_PAGE = 65536;
const FRAMES_PER_WASM_PAGE = 16;
/** Machine memory begins at 1 GiB: no pseudo-physical frame number of a small domain is a valid machine one. */
const FIRST_MFN = 0x40000;

/** What runs guest code; which one did is never visible to the guest. */
export type Engine = 'auto' | 'interpreter' | 'translator';

/** Machines of the engine of this project: linear memory with the processor's own state below, RAM above. */
export function machineMaker(engine: Engine, translation: TranslatorOptions = DEFAULT_OPTIONS): CreateMachine {
  return async (frames) => {
    const pages = RAM_BASE / WASM_PAGE + Math.ceil(frames / FRAMES_PER_WASM_PAGE);
    const ram = new Ram(allocate(pages), RAM_BASE, frames, FIRST_MFN);
    return { ram, processor: await createProcessor(ram, engine === 'translator' ? translation : undefined) };
  };
}

export const createMachine: CreateMachine = machineMaker('auto');

function allocate(pages: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch {
    throw new UserError(
      'machine.no-memory',
      `This computer has no ${Math.ceil(pages / 16)} MB for the machine.`,
      'Give the domains less memory.',
    );
  }
}
