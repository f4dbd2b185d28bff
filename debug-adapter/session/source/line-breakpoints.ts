import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { badArguments } from '../../protocol/errors.ts';
import { type Conditions, replaceAndArm, withConditions } from '../breakpoint-spec.ts';
import type { BreakpointEntry, BreakpointSpec, Origin } from '../breakpoint-table.ts';
import type { SessionContext } from '../context.ts';
import { fromLine, toLine } from '../line-numbers.ts';
import { fromPc, hexadecimal, type Module } from './modules.ts';

/** Lines that `breakpointLocations` answers about at most. */
const MAXIMUM_LINES = 10_000;

/** DAP `setBreakpoints`: replaces those of one source file. */
export async function setBreakpoints(
  context: SessionContext,
  args: Dap.SetBreakpointsArguments,
): Promise<Dap.SetBreakpointsResponse['body']> {
  const path = args.source?.path;
  const wanted: readonly Dap.SourceBreakpoint[] = args.breakpoints ?? (args.lines ?? []).map((line) => ({ line }));
  if (typeof path !== 'string') {
    const message = 'Breakpoints need a source file with a path.';
    return { breakpoints: wanted.map(({ line }) => ({ verified: false, line, message })) };
  }
  const specs: BreakpointSpec[] = [];
  for (const point of wanted) specs.push(await lineSpec(context, path, toLine(context, point.line), point));
  return { breakpoints: await replaceAndArm(context, originOf(path), specs) };
}

/** Looks one up again, for a machine that was restarted. */
export async function resolveAgain(context: SessionContext, entry: BreakpointEntry): Promise<BreakpointSpec> {
  const { source, condition, hitText, logMessage } = entry;
  return await lineSpec(context, source?.path ?? '', source?.asked ?? 0, {
    ...(condition === undefined ? {} : { condition }),
    ...(hitText === undefined ? {} : { hitCondition: hitText }),
    ...(logMessage === undefined ? {} : { logMessage }),
  });
}

export const originOf = (path: string): Origin => `source:${path}`;

async function lineSpec(
  context: SessionContext,
  path: string,
  asked: number,
  conditions: Conditions,
): Promise<BreakpointSpec> {
  const { line, addresses, message } = await resolveLine(context, path, asked);
  const spec = withConditions(String(asked), conditions, {
    addresses: addresses.map(hexadecimal),
    hypercall: undefined,
    message,
    verified: addresses.length > 0,
  });
  return { ...spec, source: { path, asked, line } };
}

async function resolveLine(
  context: SessionContext,
  path: string,
  asked: number,
): Promise<{ readonly line: number; readonly addresses: readonly bigint[]; readonly message: string }> {
  const nowhere = (message: string) => ({ line: asked, addresses: [], message });
  if (!context.hasTarget) return nowhere('No kernel has been loaded yet.');
  const { list } = await context.modules();
  if (list.length === 0) {
    return nowhere('The kernel has no debugging information; compile with -g, or name an ELF file under "symbols".');
  }
  const known = await filesOf(context, path);
  if (known.length === 0) return nowhere('The kernel was not built from this file.');
  const found = known.flatMap(({ module, files }) => module.info.breakOn(files, asked) ?? []);
  if (found.length === 0) return nowhere('There is no code on this line or behind it.');
  const line = Math.min(...found.map((candidate) => candidate.line));
  const addresses = found.filter((candidate) => candidate.line === line).flatMap((candidate) => candidate.addresses);
  return { line, addresses: [...new Set(addresses)].map(fromPc), message: '' };
}

/** What debugging information calls the client's file. */
export async function filesOf(
  context: SessionContext,
  path: string,
): Promise<readonly { readonly module: Module; readonly files: readonly string[] }[]> {
  const sources = await context.sources();
  const found: { readonly module: Module; readonly files: readonly string[] }[] = [];
  for (const module of (await context.modules()).list) {
    const files = await sources.matching(path, module.info.files);
    if (files.length > 0) found.push({ module, files });
  }
  return found;
}

/** DAP `breakpointLocations`: lines that have code. */
export async function breakpointLocations(
  context: SessionContext,
  args: Dap.BreakpointLocationsArguments,
): Promise<NonNullable<Dap.BreakpointLocationsResponse['body']>> {
  const { path } = args.source;
  if (typeof path !== 'string' || !context.hasTarget) return { breakpoints: [] };
  const first = toLine(context, args.line);
  const last = Math.min(toLine(context, args.endLine ?? args.line), first + MAXIMUM_LINES);
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last)) throw badArguments('"line" must be a whole number');
  const lines = new Set<number>();
  for (const { module, files } of await filesOf(context, path)) {
    for (const line of module.info.linesWithCode(files)) if (line >= first && line <= last) lines.add(line);
  }
  return { breakpoints: [...lines].sort((a, b) => a - b).map((line) => ({ line: fromLine(context, line) })) };
}
