import type { DebugTarget, HypercallInfo, Registers, XenEventInfo } from '../../emulator/debug/target.ts';
import type { Environment, NamedValue } from '../expression/evaluator.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import { readRegister } from './register-names.ts';

/** For places known before anything runs: symbols and numbers only. */
export function symbolEnvironment(symbols: SymbolTable): Environment {
  return {
    register: () => Promise.resolve(undefined),
    symbol: (name) => Promise.resolve(symbols.byName(name)?.address),
    argument: () => Promise.resolve(undefined),
    readMemory: () => Promise.resolve(new Uint8Array()),
  };
}

export interface EnvironmentOptions {
  readonly target: DebugTarget;
  readonly registers: () => Promise<Registers>;
  readonly symbols: () => Promise<SymbolTable>;
  readonly hypercall: () => Promise<HypercallInfo | undefined>;
  /** What happened at this stop; its names come before those of a hypercall. */
  readonly events?: readonly XenEventInfo[];
  /** Registers of an outer frame that differ from the vCPU's. */
  readonly overrides?: Readonly<Record<string, bigint>>;
}

/** For a stopped vCPU. Everything is fetched only when an expression asks for it. */
export function stoppedEnvironment(options: EnvironmentOptions): Environment {
  let hypercall: Promise<readonly NamedValue[]> | undefined;
  return {
    async register(name) {
      const override = options.overrides?.[name.toLowerCase()];
      return override ?? readRegister(await options.registers(), name);
    },
    symbol: async (name) => (await options.symbols()).byName(name)?.address,
    async argument(name) {
      for (const event of options.events ?? []) {
        const found = event.arguments.find((value) => value.name === name);
        if (found !== undefined) return found;
      }
      hypercall ??= options.hypercall().then(hypercallNames);
      return (await hypercall).find((value) => value.name === name);
    },
    readMemory: (address, length) => options.target.readMemory('virtual', `0x${address.toString(16)}`, length),
  };
}

/** Arguments by name, and "number" and "result" of the call itself. */
function hypercallNames(call: HypercallInfo | undefined): readonly NamedValue[] {
  if (call === undefined) return [];
  const leaf = (name: string, value: string): NamedValue => ({ name, value, children: [] });
  const result = call.result === undefined ? [] : [leaf('result', call.result.value)];
  return [...call.arguments, leaf('number', String(call.number)), ...result];
}
