import type { Refusal } from '../common/refusal.ts';
import type { StructDefinition, StructView, Width } from '../public/struct.ts';
import type { HypercallArguments, HypercallContext, HypercallHandler, HypercallResult } from './call.ts';

/** How one argument is shown, and what it points to. */
export interface ArgumentSpec {
  readonly name: string;
  readonly format?: 'hex' | 'decimal' | 'address' | 'domid' | 'pte' | 'uvm-flags';
  /** It points to one of these, or to an array of as many as argument number `count` says. */
  readonly struct?: StructDefinition<string>;
  readonly count?: number;
  /** Names of values. */
  readonly values?: Readonly<Record<number, string>>;
}

/** One sub-operation: the structure that the second argument points to, and what carries it out. */
export interface SuboperationRow {
  readonly number: number;
  /** As in Xen's headers, without the prefix that repeats the hypercall: "send" of EVTCHNOP_send. */
  readonly name: string;
  readonly documentation: string;
  /** Argument 1 (or what `argument` says) points to it. */
  readonly struct?: StructDefinition<string>;
  /** Which argument is the pointer. */
  readonly argument?: number;
  /** The pointer leads to an array of as many as this argument says. */
  readonly count?: number;
  /** Copies the structure in, runs, and copies it out when it has out fields and the call succeeded. */
  readonly op?: (call: HypercallContext, view: StructView<string>) => HypercallResult;
  /** Takes the arguments as they are. Neither: answers ENOSYS. */
  readonly run?: HypercallHandler;
}

/** One hypercall. Everything else follows: dispatch, decoding, names for breakpoints, documentation. */
export interface HypercallRow {
  readonly number: number;
  readonly name: string;
  readonly documentation: string;
  readonly arguments: readonly ArgumentSpec[];
  /** What 32-bit guests give instead, where that is more than other sizes. */
  readonly arguments32?: readonly ArgumentSpec[];
  /** Arguments of 64 bits, which 32-bit guests pass in two words, low one first. By position in `arguments`. */
  readonly wide?: readonly number[];
  /** Chosen by argument 0. */
  readonly suboperations?: readonly SuboperationRow[];
  /** Bits of argument 0 that are the command (memory_op keeps a place to go on at in the others). */
  readonly commandMask?: number;
  /** Answers commands that are none of `suboperations`; undefined, and by default, ENOSYS. */
  readonly unknown?: (call: HypercallContext) => Refusal | undefined;
  /** The command is not argument 0, but the first word of the structure that it points to (Xen 2.0). */
  readonly commandInMemory?: boolean;
  /** Names that the elements of an array argument carry as their own command (mmuext_op). */
  readonly elementCommands?: Readonly<Record<number, string>>;
  /** That command by the first two words of an element; the first word by default. */
  readonly elementCommand?: (first: number, second: number) => number;
  /** Prefix of the sub-operations in Xen's headers: "EVTCHNOP_". */
  readonly prefix?: string;
  /** Absent with `suboperations`: those run. Absent without: ENOSYS. */
  readonly run?: HypercallHandler;
}

/** A sub-operation with a structure, with the types of its handler checked against the structure's fields. */
export function withStruct<Names extends string>(
  number: number,
  name: string,
  struct: StructDefinition<Names>,
  op: (call: HypercallContext, view: StructView<Names>) => HypercallResult,
  documentation: string,
  argument = 1,
): SuboperationRow {
  return {
    number,
    name,
    documentation,
    struct,
    argument,
    op: op as unknown as (call: HypercallContext, view: StructView<string>) => HypercallResult,
  };
}

/** A sub-operation that reads its arguments itself. `struct` is for showing only. */
export function plain(
  number: number,
  name: string,
  run: HypercallHandler | undefined,
  documentation: string,
  shown: { readonly struct?: StructDefinition<string>; readonly argument?: number; readonly count?: number } = {},
): SuboperationRow {
  return { number, name, documentation, ...shown, ...(run === undefined ? {} : { run }) };
}

/** A sub-operation that exists in Xen but is out of a domU's reach, or not implemented here: the errno says which. */
export function refused(number: number, name: string, run: HypercallHandler, documentation: string): SuboperationRow {
  return { number, name, documentation, run };
}

export function argumentsOf(row: HypercallRow, width: Width): readonly ArgumentSpec[] {
  return (width === 32 ? row.arguments32 : undefined) ?? row.arguments;
}

/** Brings the words of a 32-bit guest's call into the places that handlers look at. */
export function joinWideArguments(args: HypercallArguments, width: Width, row: HypercallRow | undefined): void {
  if (width === 32) for (const index of row?.wide ?? []) args.joinWords(index);
}
