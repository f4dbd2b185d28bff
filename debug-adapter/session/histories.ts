import { badArguments, xenstoreRefused } from '../protocol/errors.ts';
import type {
  XenHistoryArguments,
  XenHypercallHistoryBody,
  XenPlaceArguments,
  XenPlaceBody,
  XenXenstoreConnectionsBody,
  XenXenstoreHistoryBody,
  XenXenstoreNodeArguments,
  XenXenstoreNodeBody,
  XenXenstoreWriteArguments,
} from '../protocol/view-data.ts';
import type { SessionContext } from './context.ts';
import { disassemble } from './disassembly.ts';
import { look } from './inspections.ts';
import { sourceOf } from './source/loaded-sources.ts';

/** Requests of views that show what has happened, and of the xenstore view. */

const DEFAULT_COUNT = 2000;
const DEFAULT_INSTRUCTIONS = 16;
const MAXIMUM_KEPT = 1_000_000;

export async function hypercallHistory(
  context: SessionContext,
  args: XenHistoryArguments | undefined,
): Promise<XenHypercallHistoryBody> {
  await keep(context, 'hypercalls', args?.keep);
  const found = await context.target.inspect('hypercall-history', window(args));
  const symbols = await context.symbols();
  const entries = found.entries.map(({ top, ...entry }) => {
    const at = BigInt(entry.rip) - 2n;
    const stub = symbols.describe(at);
    // Kernels make hypercalls in stubs of one page; whoever called the stub is meant.
    const isStub = stub === undefined || /hypercall|hyp_/i.test(stub);
    const address = isStub && top !== undefined && symbols.describe(BigInt(top)) !== undefined ? BigInt(top) : at;
    const callerAddress = `0x${BigInt.asUintN(64, address).toString(16)}`;
    return { ...entry, callerAddress, caller: symbols.describe(address) ?? callerAddress };
  });
  return { ...found, entries };
}

export async function xenstoreHistory(
  context: SessionContext,
  args: XenHistoryArguments | undefined,
): Promise<XenXenstoreHistoryBody> {
  await keep(context, 'xenstore', args?.keep);
  return await context.target.inspect('xenstore-history', window(args));
}

const window = (args: XenHistoryArguments | undefined): { since: number; count: number } => ({
  since: args?.since ?? 0,
  count: Math.max(0, args?.count ?? DEFAULT_COUNT),
});

async function keep(
  context: SessionContext,
  which: 'hypercalls' | 'xenstore',
  wanted: number | undefined,
): Promise<void> {
  const limits = context.historyLimits;
  if (wanted === undefined || wanted === limits[which]) return;
  if (!Number.isSafeInteger(wanted) || wanted < 0 || wanted > MAXIMUM_KEPT) {
    throw badArguments(`"keep" is from 0 to ${MAXIMUM_KEPT}`);
  }
  context.historyLimits = { ...limits, [which]: wanted };
  await context.target.setHistoryLimits(context.historyLimits);
}

/** What lies at an address, for jumping there. */
export async function place(context: SessionContext, args: XenPlaceArguments): Promise<XenPlaceBody> {
  if (!/^0x[0-9a-f]{1,16}$/i.test(args.address)) throw badArguments('"address" must be a hexadecimal number with 0x');
  const address = BigInt(args.address);
  const line = (await context.modules()).place(address)?.line;
  const source = line === undefined || line.line === 0 ? undefined : await sourceOf(context, line.file);
  const instructionCount = Math.min(args.count ?? DEFAULT_INSTRUCTIONS, 256);
  const { instructions } = await disassemble(context, { memoryReference: args.address, instructionCount });
  return {
    address: args.address,
    symbol: (await context.symbols()).describe(address),
    source: source?.path === undefined || line === undefined ? undefined : { path: source.path, line: line.line },
    instructions: instructions.map(({ address: at, instruction }) => ({ address: at, text: instruction })),
  };
}

export async function xenstoreNode(
  context: SessionContext,
  args: XenXenstoreNodeArguments,
): Promise<XenXenstoreNodeBody> {
  return await look(context, 'xenstore-node', { path: args.path }, 'xenstore node');
}

export async function xenstoreConnections(context: SessionContext): Promise<XenXenstoreConnectionsBody> {
  return { connections: await context.target.inspect('xenstore-connections', undefined) };
}

export async function xenstoreWrite(context: SessionContext, args: XenXenstoreWriteArguments): Promise<undefined> {
  const problem = await context.target.changeXenstore(args.path, args.value);
  if (problem !== undefined) throw xenstoreRefused(problem);
  return undefined;
}
