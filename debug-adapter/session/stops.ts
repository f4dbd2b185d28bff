import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { DebugTarget, DomainEnd, StopEvent } from '../../emulator/debug/target.ts';
import { ExpressionError } from '../expression/error.ts';
import { type Environment, evaluateNumber } from '../expression/evaluator.ts';
import { formatLogMessage } from '../expression/log-message.ts';
import type { BreakpointEntry } from './breakpoint-table.ts';
import { type SessionContext, toThreadId } from './context.ts';
import { stoppedEnvironment } from './environment.ts';
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
  const hit = await wantedStop(context, target, event);
  if (!current()) return;
  if (hit === undefined && !context.pausing && !event.final) return await target.resume(true);
  const step = context.lineStep;
  if (step !== undefined && !event.final) {
    const done = await step.next(event);
    if (!current() || !done) return;
  }
  context.lineStep = undefined;
  if (event.final && event.reason === 'shutdown' && !context.filters.has('shutdown')) return;
  if (event.reason === 'crash' && context.configuration?.noDebug === true) return;
  const xenSource = await hasSource(context, event);
  if (!current()) return;
  context.setStopped(event);
  context.send('stopped', { ...stoppedBody(context, event, hit ?? []), ...(xenSource ? { xenSource } : {}) });
}

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
  const keep = crashed ? context.configuration?.noDebug !== true : context.filters.has('shutdown');
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

/** Ids of the breakpoints that want the stop; undefined when nobody does. */
async function wantedStop(
  context: SessionContext,
  target: DebugTarget,
  event: StopEvent,
): Promise<readonly number[] | undefined> {
  const environment: Environment = {
    ...stoppedEnvironment({
      target,
      registers: () => target.registers(event.vcpu),
      symbols: () => context.symbols(),
      hypercall: () => target.currentHypercall(event.vcpu),
    }),
    ...sourceEnvironmentOfStop(context, target, event.vcpu),
    // A condition on a hypercall is about its arguments, whatever the code around it calls them.
    argumentsFirst: event.reason === 'hypercall' || event.reason === 'hypercall-error',
  };
  if (event.reason === 'hypercall-error') {
    const condition = context.filters.get('hypercall-error');
    return (await holds(context, condition, environment)) ? [] : undefined;
  }
  if (!['breakpoint', 'hypercall', 'watchpoint'].includes(event.reason)) return [];
  const wanted: number[] = [];
  for (const id of event.breakpoints) {
    const entry = context.breakpoints.byId(Number(id));
    if (entry !== undefined && (await wants(context, entry, environment))) wanted.push(entry.id);
  }
  return wanted.length === 0 ? undefined : wanted;
}

async function wants(context: SessionContext, entry: BreakpointEntry, environment: Environment): Promise<boolean> {
  if (!(await holds(context, entry.condition, environment))) return false;
  entry.hits++;
  if (entry.hitCondition !== undefined && !entry.hitCondition(entry.hits)) return false;
  if (entry.logMessage === undefined) return true;
  context.output('console', `${await formatLogMessage(entry.logMessage, environment)}\n`);
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

function stoppedBody(context: SessionContext, event: StopEvent, hit: readonly number[]): Dap.StoppedEvent['body'] {
  return {
    ...stopWords(context, event, hit),
    text: event.text,
    threadId: toThreadId(event.vcpu),
    allThreadsStopped: true,
    ...(hit.length === 0 ? {} : { hitBreakpointIds: [...hit] }),
  };
}

function stopWords(
  context: SessionContext,
  event: StopEvent,
  hit: readonly number[],
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
