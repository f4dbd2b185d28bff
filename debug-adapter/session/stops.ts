import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { DebugTarget, DomainEnd, EventFilter, StopEvent, XenEventInfo } from '../../emulator/debug/target.ts';
import { filterId } from '../../emulator/debug/xen-events/filter-id.ts';
import { ExpressionError } from '../expression/error.ts';
import { type Environment, evaluateNumber } from '../expression/evaluator.ts';
import { formatLogMessage } from '../expression/log-message.ts';
import type { BreakpointEntry } from './breakpoint-table.ts';
import { type SessionContext, toThreadId } from './context.ts';
import { stoppedEnvironment } from './environment.ts';
import { filterLabel, filterOf } from './exception-filters.ts';
import { sourceOf } from './source/loaded-sources.ts';
import { sourceEnvironmentOfStop } from './source/source-environment.ts';

/** Exit codes of `xenoscope run` that make sense here. */
const EXIT_CLEAN = 0;
const EXIT_FAILURE = 1;
const EXIT_CRASH = 4;

/**
 * The machine stopped. Breakpoints whose condition or hit count says no, and those that only log, let it go on
 * without the client seeing a stop.
 */
export async function handleStop(context: SessionContext, target: DebugTarget, event: StopEvent): Promise<void> {
  const current = (): boolean => context.hasTarget && context.target === target;
  try {
    await considerStop(context, target, event, current);
  } catch (error) {
    // A machine that has been let go of meanwhile refuses to answer: nobody waits for this stop any more.
    if (current()) handleFailure(context, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

async function considerStop(
  context: SessionContext,
  target: DebugTarget,
  event: StopEvent,
  current: () => boolean,
): Promise<void> {
  const wanted = await wantedStop(context, target, event);
  if (!current()) return;
  if (wanted === undefined && !context.pausing && !event.final) return await target.resume(true);
  const step = context.lineStep;
  if (step !== undefined && !event.final) {
    const done = await step.next(event);
    if (!current() || !done) return;
  }
  context.lineStep = undefined;
  if (event.final && event.reason === 'shutdown' && !context.filters.has('shutdown')) return;
  if (event.reason === 'crash' && !stopsAtCrashes(context)) {
    if (!event.final) await target.resume();
    return;
  }
  const xenSource = await hasSource(context, event);
  if (!current()) return;
  context.setStopped(event, wanted?.filters ?? []);
  context.logs.flush();
  context.send('stopped', { ...stoppedBody(context, event, wanted ?? NOBODY), ...(xenSource ? { xenSource } : {}) });
}

const stopsAtCrashes = ({ configuration, filters }: SessionContext): boolean =>
  configuration?.noDebug !== true && filters.has('crash');

/** Whether the client can open the source of the instruction stopped at. */
async function hasSource(context: SessionContext, { rip }: StopEvent): Promise<boolean> {
  const line = (await context.modules()).place(BigInt(rip))?.line;
  return line !== undefined && line.line > 0 && (await sourceOf(context, line.file)) !== undefined;
}

/** A domain ended. When it was the last one the session is over, except after a crash, which is there to be looked at. */
export function handleEnd(context: SessionContext, end: DomainEnd & { readonly last: boolean }): void {
  const { domain, kind, code, reason } = end;
  context.sendXen('xenDomainEnded', { domain, kind, code, reason });
  context.output('important', `Domain ${domain} ended (${kind}): ${reason}\n`);
  const crashed = kind === 'crash';
  const keep = crashed ? stopsAtCrashes(context) : context.filters.has('shutdown');
  context.logs.flush();
  if (end.last && !keep) reportExit(context, crashed ? EXIT_CRASH : EXIT_CLEAN);
}

/** Xenoscope itself failed. What can still be seen stays until the client disconnects. */
export function handleFailure(context: SessionContext, reason: string): void {
  context.output('stderr', `Xenoscope failed; this is a bug in it, not in your kernel. Please report it:\n${reason}\n`);
  reportExit(context, EXIT_FAILURE);
}

function reportExit(context: SessionContext, exitCode: number): void {
  if (context.terminated) return;
  context.send('exited', { exitCode });
  reportTerminated(context);
}

/** Sends `terminated` once. */
export function reportTerminated(context: SessionContext): void {
  if (context.terminated) return;
  context.terminated = true;
  context.send('terminated');
}

/** Why the client is told of a stop. */
interface WantedStop {
  /** Breakpoints that want it. */
  readonly hit: readonly number[];
  /** Filters that do. */
  readonly filters: readonly EventFilter[];
  /** What happened, where one of them waited for that. */
  readonly event: XenEventInfo | undefined;
}

const NOBODY: WantedStop = { hit: [], filters: [], event: undefined };

/** Stops that happen because of breakpoints and filters alone. */
const CONDITIONAL = new Set<StopEvent['reason']>([
  'breakpoint',
  'hypercall',
  'watchpoint',
  'hypercall-error',
  'xen-event',
]);

/** Who wants the stop; undefined when nobody does. */
async function wantedStop(
  context: SessionContext,
  target: DebugTarget,
  event: StopEvent,
): Promise<WantedStop | undefined> {
  const environment = (events: readonly XenEventInfo[]): Environment => ({
    ...stoppedEnvironment({
      target,
      registers: () => target.registers(event.vcpu),
      symbols: () => context.symbols(),
      hypercall: () => target.currentHypercall(event.vcpu),
      events,
    }),
    ...sourceEnvironmentOfStop(context, target, event.vcpu),
    // A condition on a hypercall is about its arguments, whatever the code around it calls them.
    argumentsFirst: events.length > 0 || event.reason === 'hypercall' || event.reason === 'hypercall-error',
  });
  const hit: number[] = [];
  const filters: EventFilter[] = [];
  let first: XenEventInfo | undefined;
  const consider = async (ids: readonly string[], events: readonly XenEventInfo[]): Promise<boolean> => {
    const names = environment(events);
    let wanted = false;
    for (const id of ids) {
      const filter = filterOf(id);
      if (filter !== undefined) {
        if (!(await holds(context, context.filters.get(filter), names))) continue;
        filters.push(filter);
      } else {
        const entry = context.breakpoints.byId(Number(id));
        if (entry === undefined || !(await wants(context, entry, names))) continue;
        hit.push(entry.id);
      }
      wanted = true;
    }
    return wanted;
  };
  if (event.reason === 'hypercall-error') await consider([filterId('hypercall-error')], []);
  await consider(event.breakpoints, []);
  for (const happened of event.events ?? []) {
    if (await consider(happened.breakpoints, [happened])) first ??= happened;
  }
  if (hit.length === 0 && filters.length === 0) return CONDITIONAL.has(event.reason) ? undefined : NOBODY;
  return { hit, filters, event: first };
}

async function wants(context: SessionContext, entry: BreakpointEntry, environment: Environment): Promise<boolean> {
  if (!(await holds(context, entry.condition, environment))) return false;
  entry.hits++;
  if (entry.hitCondition !== undefined && !entry.hitCondition(entry.hits)) return false;
  if (entry.logMessage === undefined) return true;
  context.logs.add(await formatLogMessage(entry.logMessage, environment));
  return false;
}

/** A condition that cannot be evaluated stops, and says why: silence would hide the mistake. */
async function holds(
  context: SessionContext,
  condition: string | undefined,
  environment: Environment,
): Promise<boolean> {
  if (condition === undefined) return true;
  try {
    return (await evaluateNumber(condition, environment)) !== 0n;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    context.output('important', `Condition "${condition}": ${error.message}\n`);
    return true;
  }
}

function stoppedBody(context: SessionContext, event: StopEvent, wanted: WantedStop): Dap.StoppedEvent['body'] {
  const { hit } = wanted;
  return {
    ...stopWords(context, event, wanted),
    text: event.reason === 'xen-event' ? (wanted.event?.text ?? event.text) : event.text,
    threadId: toThreadId(event.vcpu),
    allThreadsStopped: true,
    ...(hit.length === 0 ? {} : { hitBreakpointIds: [...hit] }),
  };
}

function stopWords(
  context: SessionContext,
  event: StopEvent,
  { hit, filters }: WantedStop,
): { readonly reason: string; readonly description: string } {
  switch (event.reason) {
    case 'entry':
      return { reason: 'entry', description: 'Paused on entry' };
    case 'pause':
      return { reason: 'pause', description: 'Paused' };
    case 'step':
      return { reason: 'step', description: 'Paused on step' };
    case 'hypercall':
      return { reason: 'function breakpoint', description: 'Paused on hypercall' };
    case 'breakpoint': {
      const source = hit.some((id) => context.breakpoints.byId(id)?.source !== undefined);
      if (source) return { reason: 'breakpoint', description: 'Paused on breakpoint' };
      const named = context.breakpoints.all('function').some(({ id }) => hit.includes(id));
      if (named) return { reason: 'function breakpoint', description: 'Paused on function breakpoint' };
      return { reason: 'instruction breakpoint', description: 'Paused on instruction breakpoint' };
    }
    case 'xen-event':
      if (hit.length > 0) return { reason: 'function breakpoint', description: 'Paused on Xen breakpoint' };
      return { reason: 'exception', description: `Paused on ${filterLabel(filters[0] ?? 'exception').toLowerCase()}` };
    case 'watchpoint':
      return { reason: 'data breakpoint', description: 'Paused on watchpoint' };
    case 'hypercall-error':
      return { reason: 'exception', description: 'Paused on refused hypercall' };
    case 'crash':
      return { reason: 'exception', description: 'Domain crashed' };
    case 'shutdown':
      return { reason: 'exception', description: 'Domain shut down' };
  }
}
