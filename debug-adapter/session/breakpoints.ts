import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { EventFilter } from '../../emulator/debug/target.ts';
import { type Conditions, conditionProblem, replaceAndArm, withConditions } from './breakpoint-spec.ts';
import type { BreakpointEntry, BreakpointSpec } from './breakpoint-table.ts';
import type { SessionContext } from './context.ts';
import { EXCEPTION_FILTERS } from './exception-filters.ts';
import { resolveFunction } from './function-breakpoint.ts';
import { fromLine } from './line-numbers.ts';
import { moved, parseReference } from './memory-reference.ts';
import { originOf, resolveAgain } from './source/line-breakpoints.ts';

export async function setFunctionBreakpoints(
  context: SessionContext,
  args: Dap.SetFunctionBreakpointsArguments,
): Promise<Dap.SetFunctionBreakpointsResponse['body']> {
  const specs: BreakpointSpec[] = [];
  for (const point of args.breakpoints) specs.push(await functionSpec(context, point.name, point));
  return { breakpoints: await replaceAndArm(context, 'function', specs) };
}

export async function setInstructionBreakpoints(
  context: SessionContext,
  args: Dap.SetInstructionBreakpointsArguments,
): Promise<Dap.SetInstructionBreakpointsResponse['body']> {
  const specs = args.breakpoints.map((point): BreakpointSpec => {
    const reference = parseReference(point.instructionReference);
    if (reference === undefined || reference.space !== 'virtual') {
      return unresolved(point.instructionReference, point, `"${point.instructionReference}" is not an address.`);
    }
    const address = `0x${moved(reference.address, point.offset).toString(16)}`;
    return withConditions(address, point, { addresses: [address], hypercall: undefined, message: '', verified: true });
  });
  return { breakpoints: await replaceAndArm(context, 'instruction', specs) };
}

export async function setExceptionBreakpoints(
  context: SessionContext,
  args: Dap.SetExceptionBreakpointsArguments,
): Promise<Dap.SetExceptionBreakpointsResponse['body']> {
  const asked = [
    ...args.filters.map((filter) => ({ filterId: filter, condition: undefined })),
    ...(args.filterOptions ?? []),
  ];
  const known = new Set(EXCEPTION_FILTERS.map(({ filter }) => filter));
  const filters = new Map<EventFilter, string | undefined>();
  const breakpoints = asked.map(({ filterId, condition }) => {
    if (!known.has(filterId)) return { verified: false, message: `There is no exception filter "${filterId}".` };
    const problem = conditionProblem(condition);
    if (problem !== undefined) return { verified: false, message: problem };
    filters.set(filterId as EventFilter, condition);
    return { verified: true };
  });
  context.filters = filters;
  if (context.hasTarget && context.configuration?.noDebug !== true) await armFilters(context);
  return { breakpoints };
}

export async function armFilters(context: SessionContext): Promise<void> {
  await context.target.setEventFilters([...context.filters.keys()]);
}

/** For a restarted machine: names are looked up anew, and the client hears of verdicts that changed. */
export async function rearm(context: SessionContext): Promise<void> {
  context.breakpoints.resetHits();
  const former = new Map(context.breakpoints.all('function').map((entry) => [entry.id, entry] as const));
  const specs: BreakpointSpec[] = [];
  for (const entry of former.values()) {
    specs.push(
      await functionSpec(context, entry.name, {
        ...(entry.condition === undefined ? {} : { condition: entry.condition }),
        ...(entry.hitText === undefined ? {} : { hitCondition: entry.hitText }),
        ...(entry.logMessage === undefined ? {} : { logMessage: entry.logMessage }),
      }),
    );
  }
  reportChanges(context, former, await replaceAndArm(context, 'function', specs));
  for (const path of context.breakpoints.sourcePaths()) {
    const lines = new Map(context.breakpoints.all(originOf(path)).map((entry) => [entry.id, entry] as const));
    const again: BreakpointSpec[] = [];
    for (const entry of lines.values()) again.push(await resolveAgain(context, entry));
    reportChanges(context, lines, await replaceAndArm(context, originOf(path), again));
  }
  await armFilters(context);
}

function reportChanges(
  context: SessionContext,
  former: ReadonlyMap<number, BreakpointEntry>,
  breakpoints: readonly Dap.Breakpoint[],
): void {
  for (const breakpoint of breakpoints) {
    const before = former.get(breakpoint.id ?? 0);
    const moved = before?.source !== undefined && fromLine(context, before.source.line) !== breakpoint.line;
    if (before?.verified !== breakpoint.verified || moved) {
      context.send('breakpoint', { reason: 'changed', breakpoint });
    }
  }
}

async function functionSpec(context: SessionContext, text: string, conditions: Conditions): Promise<BreakpointSpec> {
  // DAP has no log message for function breakpoints, so the name may carry one: "hypercall:mmu_update log: {rdi}".
  const match = /^(.*?)\s+log:\s*(.*)$/.exec(text);
  const name = (match?.[1] ?? text).trim();
  const logMessage = conditions.logMessage ?? match?.[2];
  const all = logMessage === undefined ? conditions : { ...conditions, logMessage };
  return withConditions(text, all, await resolveFunction(context, name));
}

const unresolved = (name: string, conditions: Conditions, message: string): BreakpointSpec =>
  withConditions(name, conditions, { addresses: [], hypercall: undefined, message, verified: false });
