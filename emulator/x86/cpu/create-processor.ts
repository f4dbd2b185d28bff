import { Decoder } from '../decoder/decoder.ts';
import { interpreterBytes } from '../generated/interpreter.ts';
import { buildForms } from '../interpreter/forms.ts';
import type { PhysicalMemory } from '../mmu/physical-memory.ts';
import type { RegionCallbacks } from '../translator/region-callbacks.ts';
import type { RegionTable } from '../translator/region-compiler.ts';
import type { TranslatorOptions } from '../translator/translator.ts';
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

/**
 * A processor over this RAM; its linear memory must leave the space below RAM_BASE to the engine. Hot code is translated
 * if `options` are given, which nothing but the time it takes tells.
 */
export async function createProcessor(ram: PhysicalMemory, options?: TranslatorOptions): Promise<Processor> {
  const imports: EngineImports = { slowRead: unset, slowWrite: unset, slowModify: unset, system: unset };
  const callbacks: RegionCallbacks = { slowRead: unset, slowWrite: unset, slowModify: unset };
  const system = (routine: number, at: number): number => imports.system(routine, at);
  const x = { memory: ram.memory, system, ...late(imports) };
  const instantiate = (module: WebAssembly.Module): WebAssembly.Exports =>
    new WebAssembly.Instance(module, { x }).exports;
  // Nearly all guests are 64-bit; 32-bit code has its interpreter made when it first runs.
  const wide = instantiate(await WebAssembly.compile(interpreterBytes(64)));
  const exports = perMode((mode) => (mode === 64 ? wide : instantiate(new WebAssembly.Module(interpreterBytes(32)))));
  const run = perMode((mode) => exports[mode].run as (at: number) => number);
  const forms = perMode((mode) => buildForms(mode));
  const decoders = perMode((mode) => new Decoder(ram.memory, mode, forms[mode]));
  const engine = { run, forms, decoders, imports };
  if (options === undefined) return new X86Processor(ram, engine, idleHooks);
  const host = {
    memory: ram.memory,
    tables: perMode((mode): RegionTable => {
      return { table: exports[mode].table as WebAssembly.Table, base: forms[mode].routines.length };
    }),
    imports: perMode(
      (mode) => ({ ...exports[mode], system, ...late(callbacks) }) as Record<string, WebAssembly.ImportValue>,
    ),
  };
  return new X86Processor(ram, { ...engine, translation: { host, callbacks, options } }, idleHooks);
}

/** Callbacks that are looked up when they are called. */
function late(callbacks: RegionCallbacks): RegionCallbacks {
  return {
    slowRead: (low, high, bytes) => callbacks.slowRead(low, high, bytes),
    slowWrite: (low, high, bytes) => callbacks.slowWrite(low, high, bytes),
    slowModify: (low, high, bytes) => callbacks.slowModify(low, high, bytes),
  };
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
