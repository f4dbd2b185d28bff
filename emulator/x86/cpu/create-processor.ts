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
  const instantiate = async (mode: 32 | 64): Promise<(at: number) => number> => {
    const instance = await WebAssembly.instantiate(await WebAssembly.compile(interpreterBytes(mode)), { x });
    return instance.exports.run as (at: number) => number;
  };
  const [run32, run64] = await Promise.all([instantiate(32), instantiate(64)]);
  const forms = { 32: buildForms(32), 64: buildForms(64) };
  const decoders = { 32: new Decoder(ram.memory, 32, forms[32]), 64: new Decoder(ram.memory, 64, forms[64]) };
  return new X86Processor(ram, { run: { 32: run32, 64: run64 }, forms, decoders, imports }, idleHooks);
}
