import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { ExpressionError } from '../expression/error.ts';
import { type HitCondition, parseHitCondition } from '../expression/hit-condition.ts';
import { parseExpression } from '../expression/parser.ts';
import type { BreakpointEntry, BreakpointSpec, Origin } from './breakpoint-table.ts';
import type { SessionContext } from './context.ts';
import { fromLine } from './line-numbers.ts';

export interface Conditions {
  readonly condition?: string;
  readonly hitCondition?: string;
  /** Not in DAP for these kinds, but some clients have it to give. */
  readonly logMessage?: string;
}

export function withConditions(
  name: string,
  { condition, hitCondition, logMessage }: Conditions,
  place: Pick<BreakpointSpec, 'addresses' | 'hypercall' | 'message' | 'verified' | 'watch' | 'xen'>,
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

const textOrNothing = (text: string | undefined): string | undefined => (text?.trim() === '' ? undefined : text);

export function conditionProblem(condition: string | undefined): string | undefined {
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
  return entries.map((entry) => toDap(context, entry, verdicts.get(entry.id)));
}

function toDap(
  context: SessionContext,
  entry: BreakpointEntry,
  verdict: { verified: boolean; message: string } | undefined,
): Dap.Breakpoint {
  const verified = verdict === undefined ? entry.verified : entry.verified && verdict.verified;
  const message = verdict === undefined || verdict.message === '' ? entry.message : verdict.message;
  const address = entry.addresses[0];
  return {
    id: entry.id,
    verified,
    ...(message === '' ? {} : { message }),
    ...(address === undefined ? {} : { instructionReference: address }),
    ...(entry.source === undefined ? {} : { line: fromLine(context, entry.source.line) }),
  };
}
