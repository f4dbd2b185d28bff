import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { EventFilter } from '../../emulator/debug/target.ts';
import { ExpressionError } from '../expression/error.ts';
import { type HitCondition, parseHitCondition } from '../expression/hit-condition.ts';
import { parseExpression } from '../expression/parser.ts';
import type { BreakpointEntry, BreakpointSpec, Origin } from './breakpoint-table.ts';
import type { SessionContext } from './context.ts';
import { resolveFunction } from './function-breakpoint.ts';
import { moved, parseReference } from './memory-reference.ts';

/** Filters of `setExceptionBreakpoints`, as `initialize` announces them. */
export const EXCEPTION_FILTERS: readonly Dap.ExceptionBreakpointsFilter[] = [
  {
    filter: 'hypercall-error',
    label: 'Refused hypercalls',
    description: 'Stops when a hypercall returns an error, and says why it was refused.',
    supportsCondition: true,
    conditionDescription: 'Expression over registers and arguments, such as: number == 1 && result == -22',
  },
  {
    filter: 'shutdown',
    label: 'Domain shutdown',
    description: 'Stops when a domain powers off, reboots or suspends. Crashes always stop.',
    supportsCondition: false,
  },
];

interface Conditions {
  readonly condition?: string;
  readonly hitCondition?: string;
  /** Not in DAP for these kinds, but some clients have it to give. */
  readonly logMessage?: string;
}

/** Source breakpoints: none can be set as long as no source is known. */
export function setBreakpoints(args: Dap.SetBreakpointsArguments): Promise<Dap.SetBreakpointsResponse['body']> {
  const message = 'Xenoscope has no line numbers yet. Break on a function, an address (*0x…) or hypercall:NAME.';
  const breakpoints = (args.breakpoints ?? []).map(({ line }) => ({ verified: false, line, message }));
  return Promise.resolve({ breakpoints });
}

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
  const filters = new Map<string, string | undefined>();
  const breakpoints = asked.map(({ filterId, condition }) => {
    if (!known.has(filterId)) return { verified: false, message: `There is no exception filter "${filterId}".` };
    const problem = conditionProblem(condition);
    if (problem !== undefined) return { verified: false, message: problem };
    filters.set(filterId, condition);
    return { verified: true };
  });
  context.filters = filters;
  if (context.hasTarget && context.configuration?.noDebug !== true) await armFilters(context);
  return { breakpoints };
}

export async function armFilters(context: SessionContext): Promise<void> {
  await context.target.setEventFilters([...context.filters.keys()] as EventFilter[]);
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
  for (const breakpoint of await replaceAndArm(context, 'function', specs)) {
    if (former.get(breakpoint.id ?? 0)?.verified !== breakpoint.verified) {
      context.send('breakpoint', { reason: 'changed', breakpoint });
    }
  }
  await armFilters(context);
}

async function functionSpec(context: SessionContext, text: string, conditions: Conditions): Promise<BreakpointSpec> {
  // DAP has no log message for function breakpoints, so the name may carry one: "hypercall:mmu_update log: {rdi}".
  const match = /^(.*?)\s+log:\s*(.*)$/.exec(text);
  const name = (match?.[1] ?? text).trim();
  const logMessage = conditions.logMessage ?? match?.[2];
  const all = logMessage === undefined ? conditions : { ...conditions, logMessage };
  return withConditions(text, all, await resolveFunction(context, name));
}

export function withConditions(
  name: string,
  { condition, hitCondition, logMessage }: Conditions,
  place: Pick<BreakpointSpec, 'addresses' | 'hypercall' | 'message' | 'verified' | 'watch'>,
): BreakpointSpec {
  const given = {
    name,
    condition: textOrNothing(condition),
    hitText: textOrNothing(hitCondition),
    logMessage: textOrNothing(logMessage),
  };
  const hit = hitProblem(given.hitText);
  const problem = conditionProblem(given.condition) ?? hit.problem;
  if (problem !== undefined) {
    return {
      ...given,
      hitCondition: undefined,
      addresses: [],
      hypercall: undefined,
      message: problem,
      verified: false,
    };
  }
  return { ...given, hitCondition: hit.condition, ...place };
}

const unresolved = (name: string, conditions: Conditions, message: string): BreakpointSpec =>
  withConditions(name, conditions, { addresses: [], hypercall: undefined, message, verified: false });

const textOrNothing = (text: string | undefined): string | undefined => (text?.trim() === '' ? undefined : text);

function conditionProblem(condition: string | undefined): string | undefined {
  if (condition === undefined) return undefined;
  try {
    parseExpression(condition);
    return undefined;
  } catch (error) {
    if (error instanceof ExpressionError) return `Condition: ${error.message}`;
    throw error;
  }
}

function hitProblem(text: string | undefined): { readonly condition?: HitCondition; readonly problem?: string } {
  if (text === undefined) return {};
  try {
    return { condition: parseHitCondition(text) };
  } catch (error) {
    if (error instanceof ExpressionError) return { problem: error.message };
    throw error;
  }
}

export async function replaceAndArm(
  context: SessionContext,
  origin: Origin,
  specs: readonly BreakpointSpec[],
): Promise<Dap.Breakpoint[]> {
  const entries = context.breakpoints.replace(origin, specs);
  if (context.configuration?.noDebug === true) {
    return entries.map(({ id }) => ({ id, verified: false, message: 'Started without debugging.' }));
  }
  const verdicts = await context.breakpoints.arm(context.target);
  return entries.map((entry) => toDap(entry, verdicts.get(entry.id)));
}

function toDap(entry: BreakpointEntry, verdict: { verified: boolean; message: string } | undefined): Dap.Breakpoint {
  const verified = verdict === undefined ? entry.verified : entry.verified && verdict.verified;
  const message = verdict === undefined || verdict.message === '' ? entry.message : verdict.message;
  const address = entry.addresses[0];
  return {
    id: entry.id,
    verified,
    ...(message === '' ? {} : { message }),
    ...(address === undefined ? {} : { instructionReference: address }),
  };
}
