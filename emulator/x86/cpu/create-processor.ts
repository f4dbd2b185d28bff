import { Decoder } from '../decoder/decoder.ts';
import { interpreterBytes } from '../generated/interpreter.ts';
import { buildForms } from '../interpreter/forms.ts';
import type { PhysicalMemory } from '../mmu/physical-memory.ts';
import type { Processor, ProcessorHooks } from './processor.ts';
import { STORE_FAULT } from './processor.ts';
import { type EngineImports, X86Processor } from './x86-processor.ts';

/** Until the hypervisor has taken over. */
const idleHooks: ProcessorHooks = {
  readOnlyStore: () => STORE_FAULT,
  descriptor: () => false,
  cpuid: (_leaf, _subleaf, out) => out.fill(0),
  readTsc: (out) => out.fill(0),
};

const unset = (): never => {
  throw new Error('generated code ran before the processor was made');
};

/** A processor over this RAM; its linear memory must leave the space below RAM_BASE to the engine. */
export async function createProcessor(ram: PhysicalMemory): Promise<Processor> {
  const imports: EngineImports = { slowRead: unset, slowWrite: unset, slowModify: unset, system: unset };
  const x = {
    memory: ram.memory,
    slowRead: (low: number, high: number, bytes: number) => imports.slowRead(low, high, bytes),
    slowWrite: (low: number, high: number, bytes: number) => imports.slowWrite(low, high, bytes),
    slowModify: (low: number, high: number, bytes: number) => imports.slowModify(low, high, bytes),
    system: (routine: number, at: number) => imports.system(routine, at),
  };
  const instantiate = (module: WebAssembly.Module): ((at: number) => number) =>
    new WebAssembly.Instance(module, { x }).exports.run as (at: number) => number;
  // Nearly all guests are 64-bit; 32-bit code has its interpreter made when it first runs.
  const run64 = instantiate(await WebAssembly.compile(interpreterBytes(64)));
  const run = perMode((mode) => (mode === 64 ? run64 : instantiate(new WebAssembly.Module(interpreterBytes(32)))));
  const forms = perMode((mode) => buildForms(mode));
  const decoders = perMode((mode) => new Decoder(ram.memory, mode, forms[mode]));
  return new X86Processor(ram, { run, forms, decoders, imports }, idleHooks);
}

/** One thing per mode, made when it is first asked for. */
function perMode<T>(make: (mode: 32 | 64) => T): Readonly<Record<32 | 64, T>> {
  let narrow: T | undefined;
  let wide: T | undefined;
  return {
    get 32() {
      narrow ??= make(32);
      return narrow;
    },
    get 64() {
      wide ??= make(64);
      return wide;
    },
  };
}
