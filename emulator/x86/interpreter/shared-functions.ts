import { addFpuFunctions } from '../fpu/functions.ts';
import type { Imports } from '../isa/emitter.ts';
import { type ModuleBuilder, TYPE_I32 } from '../wasm/module-builder.ts';
import { addHighProduct, addQuotient128 } from './helpers.ts';

/** What TypeScript gives to generated code. */
const CALLBACKS = ['slowRead', 'slowWrite', 'slowModify', 'system'] as const;

/** Declares the callbacks and adds the functions that rows call, before any other function of the module. */
export function addSharedFunctions(builder: ModuleBuilder): Imports {
  const three = [TYPE_I32, TYPE_I32, TYPE_I32] as const;
  const slowRead = builder.importFunction('slowRead', three, [TYPE_I32]);
  const slowWrite = builder.importFunction('slowWrite', three, [TYPE_I32]);
  const slowModify = builder.importFunction('slowModify', three, [TYPE_I32]);
  const system = builder.importFunction('system', [TYPE_I32, TYPE_I32], [TYPE_I32]);
  const highProduct = addHighProduct(builder);
  const quotient128 = addQuotient128(builder);
  const fpu = addFpuFunctions(builder, highProduct, quotient128);
  return { slowRead, slowWrite, slowModify, system, highProduct, quotient128, fpu };
}

/** Functions of the interpreter that regions import from it, under these names. */
export function sharedNames(imports: Imports): [name: string, index: number][] {
  return leaves('', imports).filter(([name]) => !CALLBACKS.some((callback) => callback === name));
}

/** The same set of functions, imported by another module that `builder` makes; `signatures` is where they were built. */
export function importSharedFunctions(builder: ModuleBuilder, signatures: ModuleBuilder, shared: Imports): Imports {
  const numbers = new Map<number, number>();
  for (const [name, index] of leaves('', shared)) {
    const { parameters, results } = signatures.signature(index);
    if (!numbers.has(index)) numbers.set(index, builder.importFunction(name, parameters, results));
  }
  return renumber(shared, numbers) as Imports;
}

function leaves(prefix: string, value: object): [name: string, index: number][] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]): [string, number][] =>
    typeof inner === 'number' ? [[prefix + key, inner]] : leaves(`${prefix}${key}.`, inner as object),
  );
}

function renumber(value: object, numbers: ReadonlyMap<number, number>): object {
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]: [string, unknown]) => [
      key,
      typeof inner === 'number' ? numbers.get(inner) : renumber(inner as object, numbers),
    ]),
  );
}
