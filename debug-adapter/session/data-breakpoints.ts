import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { WatchpointRequest } from '../../emulator/debug/target.ts';
import { ExpressionError } from '../expression/error.ts';
import { evaluate } from '../expression/evaluator.ts';
import { sizeOf } from '../expression/types.ts';
import { replaceAndArm, withConditions } from './breakpoint-spec.ts';
import type { BreakpointSpec } from './breakpoint-table.ts';
import type { SessionContext } from './context.ts';
import { symbolEnvironment } from './environment.ts';
import { frameEnvironment } from './frame-environment.ts';
import { frameOrInnermost } from './stack.ts';

type Access = WatchpointRequest['access'];

const ACCESSES: readonly Access[] = ['read', 'write', 'readWrite'];
const DEFAULT_LENGTH = 8;
/** As long as a page table: beyond it a watch is a mistake more often than a wish. */
const MAXIMUM_LENGTH = 4096;

/** Where an expression's value lies in memory, or the memory it points to, as something that can be watched. */
export async function dataBreakpointInfo(
  context: SessionContext,
  args: Dap.DataBreakpointInfoArguments,
): Promise<Dap.DataBreakpointInfoResponse['body']> {
  const nothing = (description: string): Dap.DataBreakpointInfoResponse['body'] => ({ dataId: null, description });
  try {
    const place = await placeOf(context, args);
    const length = args.bytes ?? place.length;
    if (!Number.isSafeInteger(length) || length < 1 || length > MAXIMUM_LENGTH) {
      return nothing(`From 1 to ${MAXIMUM_LENGTH} bytes can be watched.`);
    }
    const address = `0x${place.address.toString(16)}`;
    const symbol = (await context.symbols()).describe(place.address);
    const description = `${length} bytes at ${address}${symbol === undefined ? '' : ` <${symbol}>`}`;
    return { dataId: `${address}/${length}`, description, accessTypes: [...ACCESSES], canPersist: true };
  } catch (error) {
    if (error instanceof ExpressionError) return nothing(error.message);
    throw error;
  }
}

export async function setDataBreakpoints(
  context: SessionContext,
  args: Dap.SetDataBreakpointsArguments,
): Promise<Dap.SetDataBreakpointsResponse['body']> {
  const specs = args.breakpoints.map((point): BreakpointSpec => {
    const match = /^(0x[0-9a-f]{1,16})\/([0-9]{1,4})$/.exec(point.dataId);
    const access = point.accessType ?? 'write';
    const place = { addresses: [], hypercall: undefined };
    if (match?.[1] === undefined || !ACCESSES.includes(access)) {
      return withConditions(point.dataId, point, {
        ...place,
        message: `"${point.dataId}" cannot be watched.`,
        verified: false,
      });
    }
    const watch = { address: match[1], length: Number(match[2]), access };
    return withConditions(`${point.dataId} ${access}`, point, { ...place, watch, message: '', verified: true });
  });
  return { breakpoints: await replaceAndArm(context, 'data', specs) };
}

const notInMemory = (name: string): ExpressionError =>
  new ExpressionError(`${name} is not in memory and cannot be watched; watch an address or an expression.`);

/** A value that lies in memory is watched there; any other number is taken for an address. */
async function placeOf(
  context: SessionContext,
  args: Dap.DataBreakpointInfoArguments,
): Promise<{ readonly address: bigint; readonly length: number }> {
  const environment =
    context.stop === undefined
      ? symbolEnvironment(await context.symbols())
      : frameEnvironment(context, await frameOrInnermost(context, args.frameId));
  if (args.variablesReference !== undefined && args.variablesReference !== 0) {
    const variables = await context.stopped.findContainer(args.variablesReference)?.list();
    const place = variables?.find(({ name }) => name === args.name)?.place;
    if (place === undefined) throw notInMemory(args.name);
    return { address: place.address, length: place.size };
  }
  const value = await evaluate(args.name, environment);
  if (value.kind === 'object' && value.place !== undefined) {
    return { address: value.place.address, length: sizeOf(value.type) };
  }
  if (value.kind !== 'number') throw new ExpressionError('A structure of a hypercall cannot be watched.');
  if (value.place?.kind === 'memory' && args.asAddress !== true) {
    return { address: value.place.address, length: sizeOf(value.type) };
  }
  return { address: BigInt.asUintN(64, value.bits), length: DEFAULT_LENGTH };
}
