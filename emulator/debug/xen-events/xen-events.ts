import type { Disposable } from '../../base/disposable.ts';
import type { HypercallRecord, TraceSink } from '../../xen/common/trace.ts';
import type { Machine } from '../../xen/toolstack/machine-boot.ts';
import type { Histories } from '../introspection/histories.ts';
import type { BreakpointVerdict, EventFilter, XenBreakpoint, XenEventInfo } from '../target.ts';
import { type Criterion, type PointLimits, parsePoint } from './criterion.ts';
import { filterId } from './filter-id.ts';
import { describeEvent, type MachineEvent, matches, PAGE_TABLE_NOTICES, refusedEntry } from './machine-event.ts';

interface Armed {
  readonly id: string;
  readonly criterion: Criterion;
}

/** What each exception filter waits for; those that are missing here are hypercall breakpoints or ends of domains. */
const FILTERS: Partial<Readonly<Record<EventFilter, Criterion>>> = {
  'page-fault': { kind: 'trap', vector: 14 },
  'general-protection': { kind: 'trap', vector: 13 },
  exception: { kind: 'trap', vector: undefined },
  failsafe: { kind: 'callback', name: 'failsafe callback' },
  'event-upcall': { kind: 'callback', name: 'event callback' },
  'pte-refused': { kind: 'refused-entry' },
  'grant-failure': { kind: 'grant', ref: undefined, action: 'fail' },
  'xenstore-watch': { kind: 'watch' },
  'back-end': { kind: 'back-end' },
};

/** More at one instruction boundary than anybody reads. */
const MAX_PENDING = 64;

/**
 * Breakpoints on event channels, grants, xenstore, traps, page-table roots and console text. What is armed decides who
 * listens; with nothing armed nobody does. A hit asks the machine to stop at the next instruction boundary.
 */
export class XenEvents implements Disposable {
  private points: readonly Armed[] = [];
  private filters: readonly Armed[] = [];
  private pending: XenEventInfo[] = [];
  private console: Disposable | undefined;
  private notices: Disposable | undefined;
  /** By domain: the latest console bytes, as many as the longest text waited for. */
  private readonly tails = new Map<number, string>();

  /** `isRunning`: what the debugger itself does to a stopped machine is no event. */
  constructor(
    private readonly machine: Machine,
    private readonly histories: Histories,
    private readonly isRunning: () => boolean,
  ) {}

  setBreakpoints(points: readonly XenBreakpoint[]): readonly BreakpointVerdict[] {
    const limits = this.limits();
    const parsed = points.map(({ id, name }) => ({ id, ...parsePoint(name, limits) }));
    this.points = parsed.flatMap(({ id, criterion }) => (criterion === undefined ? [] : [{ id, criterion }]));
    this.listen();
    return parsed.map(({ verdict }) => verdict);
  }

  setFilters(filters: readonly EventFilter[]): void {
    this.filters = filters.flatMap((filter) => {
      const criterion = FILTERS[filter];
      return criterion === undefined ? [] : [{ id: filterId(filter), criterion }];
    });
    this.listen();
  }

  /** Members of a trace sink that what is armed needs, and no others. */
  sink(): TraceSink {
    const wants = (...kinds: readonly Criterion['kind'][]): boolean =>
      this.armed().some(({ criterion }) => kinds.includes(criterion.kind));
    return {
      ...(wants('evtchn') && { event: (record) => this.happened({ kind: 'evtchn', record }) }),
      ...(wants('grant') && { grant: (record) => this.happened({ kind: 'grant', record }) }),
      ...(wants('trap', 'callback') && { exception: (record) => this.happened({ kind: 'exception', record }) }),
      ...(wants('cr3') && { root: (record) => this.happened({ kind: 'cr3', record }) }),
      ...(wants('refused-entry', 'back-end') && {
        notice: ({ domid }, text, what) => {
          if (what !== undefined && PAGE_TABLE_NOTICES.has(what))
            this.happened({ kind: 'refused-entry', domid, what, reason: text });
          else if (text.startsWith('xenstore: ')) this.happened({ kind: 'back-end', domid, text });
        },
      }),
    };
  }

  /** Wants every hypercall that has returned: where one led to a stop, it is shown. */
  get wantsHypercalls(): boolean {
    return this.armed().length > 0;
  }

  hypercallReturned(record: HypercallRecord): void {
    if (!this.armed().some(({ criterion }) => criterion.kind === 'refused-entry')) return;
    const event = refusedEntry(record);
    if (event !== undefined) this.happened(event);
  }

  get hasPending(): boolean {
    return this.pending.length > 0;
  }

  /** What has happened since the last call. */
  take(): readonly XenEventInfo[] {
    const taken = this.pending;
    this.pending = [];
    return taken;
  }

  dispose(): void {
    this.console?.dispose();
    this.notices?.dispose();
    this.machine.store.observer = undefined;
  }

  private armed(): readonly Armed[] {
    return [...this.points, ...this.filters];
  }

  private limits(): PointLimits {
    const domains = this.machine.domains.map(({ domain }) => domain);
    const grants = ({ maxFrames, entryBytes }: { maxFrames: number; entryBytes: number }): number =>
      Math.floor((maxFrames * 4096) / entryBytes);
    return {
      maxPort: Math.max(...domains.map(({ eventChannels }) => eventChannels.maxPort)),
      maxGrants: Math.max(...domains.map(({ grantTable }) => grants(grantTable))),
    };
  }

  /** Listens where trace sinks do not reach. */
  listen(): void {
    const has = (kind: Criterion['kind']): boolean => this.armed().some(({ criterion }) => criterion.kind === kind);
    const { machine } = this;
    machine.store.observer =
      has('xenstore') || has('watch') || this.histories.xenstore.isOn
        ? {
            changed: (change, domid) => {
              this.histories.storeChanged(change, domid);
              this.happened({ kind: 'xenstore', change, domid });
            },
            watchFired: (domid, watch, path) => {
              this.histories.watchFired(domid, watch, path);
              this.happened({ kind: 'watch', domid, watch, path });
            },
          }
        : undefined;
    this.console?.dispose();
    this.console = has('console')
      ? machine.onConsole(({ domain, bytes }) => this.printed(domain.domid, bytes))
      : undefined;
    this.notices?.dispose();
    this.notices = has('back-end')
      ? machine.onNotice(({ domain, text }) => this.happened({ kind: 'back-end', domid: domain.domid, text }))
      : undefined;
  }

  private happened(event: MachineEvent): void {
    if (!this.isRunning()) return;
    const breakpoints = this.armed()
      .filter(({ criterion }) => matches(criterion, event))
      .map(({ id }) => id);
    if (breakpoints.length === 0 || this.pending.length >= MAX_PENDING) return;
    this.pending.push({ breakpoints, ...describeEvent(this.machine.hypervisor, event) });
    this.machine.hypervisor.requestStop();
  }

  /** Texts are compared as bytes, one character for each. */
  private printed(domid: number, bytes: Uint8Array): void {
    const texts = new Map<string, string>();
    for (const { criterion } of this.armed()) {
      if (criterion.kind === 'console') texts.set(asBytes(criterion.text), criterion.text);
    }
    const longest = Math.max(...Array.from(texts.keys(), ({ length }) => length));
    let tail = this.tails.get(domid) ?? '';
    for (const byte of bytes) {
      tail = (tail + String.fromCharCode(byte)).slice(-longest);
      for (const [wanted, text] of texts) if (tail.endsWith(wanted)) this.happened({ kind: 'console', domid, text });
    }
    this.tails.set(domid, tail);
  }
}

const asBytes = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text));
