import { nearestName } from '../base/nearest-name.ts';
import type { AbiVersion } from '../xen/common/domain.ts';
import type { ArmedHypercall } from '../xen/common/hypervisor.ts';
import type { DecodedArgument, HypercallRecord } from '../xen/common/trace.ts';
import { HYPERCALL_COLUMNS } from '../xen/hypercall/columns.ts';
import type { BreakpointVerdict, HypercallName } from './target.ts';

export interface SuboperationEntry {
  readonly name: string;
  readonly number: number;
}

export interface HypercallEntry {
  readonly name: string;
  readonly number: number;
  readonly documentation: string;
  /** Of the sub-operations' names in Xen's headers: "SCHEDOP_". */
  readonly prefix: string;
  readonly suboperations: readonly SuboperationEntry[];
}

export interface Resolved {
  readonly verdict: BreakpointVerdict;
  /** What to arm; empty when the name is wrong. */
  readonly armed: readonly ArmedHypercall[];
  /** Whether a call that is about to run is meant. */
  readonly matches: (call: HypercallRecord) => boolean;
}

/** The hypercalls of Xen 4. */
export function xen4Catalogue(): HypercallCatalogue {
  return abiCatalogue('4');
}

/** Those of the interfaces that a machine's domains have. */
export function machineCatalogue(versions: Iterable<AbiVersion>): HypercallCatalogue {
  const distinct = [...new Set(versions)];
  const [only = '4'] = distinct;
  return distinct.length < 2 ? abiCatalogue(only) : new MixedCatalogue(distinct.map(abiCatalogue));
}

function abiCatalogue(abi: AbiVersion): HypercallCatalogue {
  const rows = HYPERCALL_COLUMNS[abi].table.filter((row) => row !== undefined);
  return new HypercallCatalogue(
    rows.map(({ name, number, documentation, prefix, suboperations, elementCommands }) => ({
      name,
      number,
      documentation,
      prefix: prefix ?? '',
      suboperations:
        suboperations?.map((sub) => ({ name: sub.name, number: sub.number })) ??
        Object.entries(elementCommands ?? {}).map(([key, value]) => ({ name: value, number: Number(key) })),
    })),
    abi,
  );
}

/** Names of an ABI's hypercalls, for breakpoints and pick lists. */
export class HypercallCatalogue {
  constructor(
    private readonly entries: readonly HypercallEntry[],
    private readonly abi: AbiVersion = '4',
  ) {}

  names(): readonly HypercallName[] {
    return this.entries.map(({ name, number, documentation, suboperations }) => ({
      name,
      number,
      suboperations: suboperations.map((sub) => sub.name),
      documentation,
    }));
  }

  /**
   * "mmu_update", "29", "sched_op.shutdown", "mmuext_op.0", "*". Prefixes and case of Xen's headers are forgiven:
   * `__HYPERVISOR_sched_op`, `SCHEDOP_shutdown`.
   */
  resolve(text: string): Resolved {
    const { abi } = this;
    const { verdict, armed, matches } = this.resolveName(text);
    if (abi === '4') return { verdict, armed, matches };
    return {
      verdict,
      armed: armed.map((call) => ({ ...call, abi })),
      matches: (call) => call.domain.abiVersion === abi && matches(call),
    };
  }

  private resolveName(text: string): Resolved {
    const [callText = '', ...rest] = text.trim().split('.');
    const subText = rest.join('.');
    if (callText === '*') {
      if (subText !== '') return wrong('"*" has no sub-operations.');
      return found(
        this.entries.map(({ number }) => ({ number })),
        () => true,
      );
    }
    const name = callText.replace(/^(__HYPERVISOR_|HYPERVISOR_)/, '').toLowerCase();
    const entry = /^(0x[0-9a-f]+|\d+)$/.test(name)
      ? this.entries.find(({ number }) => number === Number(name))
      : this.entries.find((candidate) => candidate.name === name);
    if (entry === undefined) return wrong(`There is no hypercall "${callText}"${suggestion(name, '', this.entries)}`);
    if (subText === '')
      return found(
        [{ number: entry.number }],
        (call) => call.number === entry.number || inMulticall(call, entry.number, undefined),
      );
    return resolveSuboperation(entry, subText);
  }
}

/** Domains of several interfaces: a name means the call of that name in each that has it. */
class MixedCatalogue extends HypercallCatalogue {
  constructor(private readonly parts: readonly HypercallCatalogue[]) {
    super([]);
  }

  override names(): readonly HypercallName[] {
    const all = this.parts.flatMap((part) => part.names());
    return all.filter(({ name }, index) => all.findIndex((other) => other.name === name) === index);
  }

  override resolve(text: string): Resolved {
    const resolved = this.parts.map((part) => part.resolve(text));
    const meant = resolved.filter(({ verdict }) => verdict.verified);
    return {
      verdict: (meant[0] ?? (resolved[0] as Resolved)).verdict,
      armed: meant.flatMap(({ armed }) => armed),
      matches: (call) => meant.some(({ matches }) => matches(call)),
    };
  }
}

function resolveSuboperation(entry: HypercallEntry, text: string): Resolved {
  if (entry.suboperations.length === 0) return wrong(`The hypercall ${entry.name} has no sub-operations.`);
  const wanted = fold(text, entry.prefix);
  const sub = /^(0x[0-9a-f]+|\d+)$/i.test(text)
    ? entry.suboperations.find(({ number }) => number === Number(text))
    : entry.suboperations.find(({ name }) => fold(name, entry.prefix) === wanted);
  if (sub !== undefined) {
    return found([{ number: entry.number, suboperation: sub.number }], (call) =>
      call.number === entry.number ? makes(call, sub.name, entry.prefix) : inMulticall(call, entry.number, sub.number),
    );
  }
  return wrong(`${entry.name} has no sub-operation "${text}"${suggestion(text, entry.prefix, entry.suboperations)}`);
}

/**
 * Whether a multicall carries the call. A sub-operation that is not in the first argument (mmuext_op) counts as meant:
 * the hypervisor, which armed it, has looked closer.
 */
function inMulticall(call: HypercallRecord, number: number, suboperation: number | undefined): boolean {
  if (call.name !== 'multicall') return false;
  return (call.arguments[0]?.children ?? []).some(({ children }) => {
    const field = (name: string): DecodedArgument | undefined => children.find((child) => child.name === name);
    if (Number.parseInt(field('op')?.value ?? '', 10) !== number) return false;
    const first = Number(field('args')?.children[0]?.value);
    return suboperation === undefined || Number.isNaN(first) || first === suboperation || first > 0xffff;
  });
}

/** A batch (mmuext_op with several elements) has no sub-operation of its own: its elements say which they are. */
function makes({ suboperation, arguments: list }: HypercallRecord, name: string, prefix: string): boolean {
  if (suboperation !== undefined) return suboperation === name;
  const named = (value: string): boolean =>
    value.split(/[ ()=]/).some((word) => fold(word, prefix) === fold(name, prefix));
  return (list[0]?.children ?? []).some(
    ({ value, children }) => named(value) || children.some((field) => named(field.value)),
  );
}

/** "SCHEDOP_shutdown", "shutdown" and "SHUTDOWN" mean the same. */
function fold(name: string, prefix: string): string {
  const lower = name.toLowerCase();
  return prefix !== '' && lower.startsWith(prefix.toLowerCase()) ? lower.slice(prefix.length) : lower;
}

const found = (armed: readonly ArmedHypercall[], matches: Resolved['matches']): Resolved => ({
  verdict: { verified: true, message: '' },
  armed,
  matches,
});
const wrong = (text: string): Resolved => ({
  verdict: { verified: false, message: /[.?]$/.test(text) ? text : `${text}.` },
  armed: [],
  matches: () => false,
});

function suggestion(name: string, prefix: string, candidates: readonly { readonly name: string }[]): string {
  const byFolded = new Map(candidates.map((candidate) => [fold(candidate.name, prefix), candidate.name] as const));
  const nearest = nearestName(fold(name, prefix), [...byFolded.keys()]);
  return nearest === undefined ? '' : `; did you mean ${byFolded.get(nearest)}?`;
}
