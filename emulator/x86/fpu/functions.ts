import type { ModuleBuilder } from '../wasm/module-builder.ts';
import { addSoftFloat, type SoftFloat } from './soft-float.ts';
import { addSseFunctions, type SseFunctions } from './sse-functions.ts';
import { addStringComparison } from './string-comparison.ts';
import { addX87Functions, type X87Functions } from './x87-functions.ts';

/** The floating-point functions of a module, shared by its rows. */
export interface FpuFunctions {
  readonly soft: SoftFloat;
  readonly sse: SseFunctions;
  readonly x87: X87Functions;
  readonly stringComparison: number;
}

export function addFpuFunctions(builder: ModuleBuilder, highProduct: number, quotient128: number): FpuFunctions {
  const soft = addSoftFloat(builder, highProduct, quotient128);
  return {
    soft,
    sse: addSseFunctions(builder, soft),
    x87: addX87Functions(builder, soft),
    stringComparison: addStringComparison(builder),
  };
}
