import type {
  DebugTarget,
  HypercallBreakpoint,
  InstructionBreakpoint,
  WatchpointRequest,
  XenBreakpoint,
} from '../../emulator/debug/target.ts';
import type { HitCondition } from '../expression/hit-condition.ts';

/** Where a breakpoint comes from: its DAP request replaces all of the same origin. */
export type Origin = 'function' | 'instruction' | 'data' | `source:${string}`;

export interface BreakpointSpec {
  /** What the client called it: function name, or address for instruction breakpoints. */
  readonly name: string;
  readonly condition: string | undefined;
  readonly hitText: string | undefined;
  readonly hitCondition: HitCondition | undefined;
  readonly logMessage: string | undefined;
  /** Hexadecimal; several for a static function that exists more than once. Empty for hypercalls and the unresolved. */
  readonly addresses: readonly string[];
  /** Name for the target, for breakpoints on hypercalls. */
  readonly hypercall: string | undefined;
  /** Name for the target, for breakpoints on other things that Xen knows: "evtchn:3". */
  readonly xen?: string;
  /** What a data breakpoint watches. */
  readonly watch?: Omit<WatchpointRequest, 'id'>;
  /** Of a line: the client's path, the line asked for, and the one that has code. */
  readonly source?: { readonly path: string; readonly asked: number; readonly line: number };
  /** Why it cannot be set, or a remark; empty when there is nothing to say. */
  readonly message: string;
  readonly verified: boolean;
}

export interface BreakpointEntry extends BreakpointSpec {
  readonly id: number;
  hits: number;
}

/** All breakpoints of a session, under stable ids. */
export class BreakpointTable {
  private entries: readonly (BreakpointEntry & { readonly origin: Origin })[] = [];
  private nextId = 1;

  /** Replaces those of one origin. One with the same name and conditions keeps its id and hit count. */
  replace(origin: Origin, specs: readonly BreakpointSpec[]): readonly BreakpointEntry[] {
    const old = [...this.entries.filter((entry) => entry.origin === origin)];
    const fresh = specs.map((spec) => {
      const index = old.findIndex((entry) => sameText(entry, spec));
      const former = index < 0 ? undefined : old.splice(index, 1)[0];
      return { ...spec, origin, id: former?.id ?? this.nextId++, hits: former?.hits ?? 0 };
    });
    this.entries = [...this.entries.filter((entry) => entry.origin !== origin), ...fresh];
    return fresh;
  }

  all(origin: Origin): readonly BreakpointEntry[] {
    return this.entries.filter((entry) => entry.origin === origin);
  }

  /** Client's paths of the source files that have breakpoints. */
  sourcePaths(): readonly string[] {
    return [...new Set(this.entries.flatMap(({ source }) => source?.path ?? []))];
  }

  byId(id: number): BreakpointEntry | undefined {
    return this.entries.find((entry) => entry.id === id);
  }

  resetHits(): void {
    for (const entry of this.entries) entry.hits = 0;
  }

  /** Hands the whole set to the machine. Its verdicts on hypercall and Xen breakpoints, by id. */
  async arm(target: DebugTarget): Promise<ReadonlyMap<number, { verified: boolean; message: string }>> {
    const instructions: InstructionBreakpoint[] = [];
    const hypercalls: HypercallBreakpoint[] = [];
    const watches: WatchpointRequest[] = [];
    const events: XenBreakpoint[] = [];
    for (const { id, addresses, hypercall, watch, xen } of this.entries) {
      if (watch !== undefined) watches.push({ id: String(id), ...watch });
      for (const address of addresses) instructions.push({ id: String(id), address });
      if (xen !== undefined) events.push({ id: String(id), name: xen });
      if (hypercall !== undefined) hypercalls.push({ id: String(id), name: hypercall });
    }
    await target.setInstructionBreakpoints(instructions);
    await target.setWatchpoints(watches);
    const verdicts = [
      ...(await target.setHypercallBreakpoints(hypercalls)),
      ...(await target.setXenBreakpoints(events)),
    ];
    const points = [...hypercalls, ...events];
    return new Map(verdicts.map((verdict, index) => [Number(points[index]?.id), verdict] as const));
  }
}

const sameText = (left: BreakpointSpec, right: BreakpointSpec): boolean =>
  left.name === right.name &&
  left.condition === right.condition &&
  left.hitText === right.hitText &&
  left.logMessage === right.logMessage;
