import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { ExpressionError } from '../expression/error.ts';
import { evaluate as evaluateText, type Value } from '../expression/evaluator.ts';
import { formatType, formatValue } from '../expression/format.ts';
import { sizeOf, typeByName, type ValueType } from '../expression/types.ts';
import { badExpression, notSettable, unreadableMemory } from '../protocol/errors.ts';
import type { SessionContext } from './context.ts';
import { frameEnvironment } from './frame-environment.ts';
import { invalidate, memoryChanged } from './invalidate.ts';
import { runCommand } from './repl-commands.ts';
import { setRegister } from './set-register.ts';
import { assign } from './source/assign.ts';
import { ValueView } from './source/values.ts';
import { frameOrInnermost } from './stack.ts';
import type { FrameHandle } from './stop-data.ts';
import { argumentVariables, toDap } from './variables.ts';

export async function evaluate(
  context: SessionContext,
  args: Dap.EvaluateArguments,
): Promise<Dap.EvaluateResponse['body']> {
  const frame = await frameOrInnermost(context, args.frameId);
  if (args.context === 'repl') {
    const text = await explained(() => runCommand(context, frame, args.expression.trim()));
    if (text !== undefined) return { result: text, variablesReference: 0 };
  }
  const value = await explained(() => evaluateText(args.expression, frameEnvironment(context, frame)));
  if (value.kind === 'object' || value.kind === 'unavailable' || (value.kind === 'number' && isOfProgram(value.type))) {
    const view = new ValueView(context, (name, old, text) => assign(context, frame, name, old, text));
    const shown = toDap(context.stopped, await view.named(args.expression, value, args.expression));
    const { value: result, variablesReference, type, memoryReference, indexedVariables } = shown;
    return {
      result,
      variablesReference,
      ...(type === undefined ? {} : { type }),
      ...(memoryReference === undefined ? {} : { memoryReference }),
      ...(indexedVariables === undefined ? {} : { indexedVariables }),
    };
  }
  const type = formatType(value);
  return {
    result: await describe(context, value),
    variablesReference: children(context, value),
    ...(type === '' ? {} : { type }),
    ...memoryReferenceOf(value),
  };
}

/** Sets a register, or an integer in memory: `*(u32*)0x1000`. */
export async function setExpression(
  context: SessionContext,
  args: Dap.SetExpressionArguments,
): Promise<Dap.SetExpressionResponse['body']> {
  const frame = await frameOrInnermost(context, args.frameId);
  const left = await explained(() => evaluateText(args.expression, frameEnvironment(context, frame)));
  if (left.kind !== 'number' || left.place === undefined) throw notSettable(args.expression);
  if (left.place.kind === 'bits' || isOfProgram(left.type)) {
    const value = await assign(context, frame, args.expression, left, args.value);
    invalidate(context, ['variables', 'stacks']);
    return { value };
  }
  if (left.place.kind === 'register') {
    const value = await setRegister(context, frame, left.place.name, args.value);
    invalidate(context, ['variables', 'stacks']);
    return { value };
  }
  await storeInteger(context, frame, left.place.address, sizeOf(left.type), args.value);
  return { value: formatValue(await explained(() => evaluateText(args.expression, frameEnvironment(context, frame)))) };
}

async function storeInteger(
  context: SessionContext,
  frame: FrameHandle,
  address: bigint,
  size: number,
  text: string,
): Promise<void> {
  const value = await explained(() => evaluateText(text, frameEnvironment(context, frame)));
  if (value.kind !== 'number') throw notSettable(text);
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = Number(BigInt.asUintN(8, value.bits >> BigInt(8 * at)));
  const reference = `0x${address.toString(16)}`;
  if ((await context.target.writeMemory('virtual', reference, bytes)) < size) throw unreadableMemory(reference);
  memoryChanged(context, reference, 0, size);
  invalidate(context, ['variables', 'stacks']);
}

/** Types of debugging information are shown by it; the built-in ones as plain numbers with their symbol. */
const isOfProgram = (type: ValueType): boolean => {
  if (type.kind === 'pointer') return isOfProgram(type.to);
  return type.alias !== undefined || type.kind !== 'integer' || typeByName(type.name) !== type;
};

/** What is wrong with an expression, as a failed response. */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ExpressionError) throw badExpression(error.message);
    throw error;
  }
}

async function describe(context: SessionContext, value: Value): Promise<string> {
  const text = formatValue(value);
  if (value.kind !== 'number') return text;
  const symbol = (await context.symbols()).describe(BigInt.asUintN(64, value.bits));
  return symbol === undefined ? text : `${text} <${symbol}>`;
}

function children(context: SessionContext, value: Value): number {
  if (value.kind !== 'tree' || value.tree.children.length === 0) return 0;
  const list = argumentVariables(value.tree.children, value.tree.name);
  return context.stopped.reference({ list: () => Promise.resolve(list) });
}

/** A dereferenced value shows its own place; a plain number is taken for an address. */
function memoryReferenceOf(value: Value): { readonly memoryReference?: string } {
  if (value.kind !== 'number') return {};
  const address = value.place?.kind === 'memory' ? value.place.address : value.bits;
  return { memoryReference: `0x${BigInt.asUintN(64, address).toString(16)}` };
}
