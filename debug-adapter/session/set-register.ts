import { ExpressionError } from '../expression/error.ts';
import { evaluateNumber } from '../expression/evaluator.ts';
import { badExpression, notSettable } from '../protocol/errors.ts';
import type { SessionContext } from './context.ts';
import { frameEnvironment } from './frame-environment.ts';
import { composeRegister } from './register-names.ts';
import type { FrameHandle } from './stop-data.ts';

/** Sets a register, or a part of one, of the innermost frame; the text may be any expression. New value as text. */
export async function setRegister(
  context: SessionContext,
  handle: FrameHandle,
  name: string,
  text: string,
): Promise<string> {
  if (handle.level > 0) throw notSettable(`${name} of an outer frame`);
  const stop = context.stopped;
  // The value as shown may carry a symbol behind it.
  const expression = text.replace(/\s*<[^>]*>\s*$/, '');
  if (/^xmm\d+$/i.test(name)) return await storeRegister(context, handle, name.toLowerCase(), vectorValue(expression));
  let wanted: bigint;
  try {
    wanted = await evaluateNumber(expression, frameEnvironment(context, handle));
  } catch (error) {
    if (error instanceof ExpressionError) throw badExpression(error.message);
    throw error;
  }
  const whole = composeRegister(await stop.registers(handle.vcpu), name, wanted);
  if (whole === undefined) throw notSettable(name);
  return await storeRegister(context, handle, whole.name, whole.value);
}

async function storeRegister(
  context: SessionContext,
  handle: FrameHandle,
  name: string,
  value: bigint,
): Promise<string> {
  const text = `0x${value.toString(16)}`;
  if (!(await context.target.setRegister(handle.vcpu, name, text))) throw notSettable(name);
  context.stopped.forgetValues();
  return text;
}

/** Vector registers are wider than an expression: a plain number only. */
function vectorValue(text: string): bigint {
  if (!/^(0x[0-9a-f]{1,32}|[0-9]{1,39})$/i.test(text)) throw badExpression(`"${text}" is not a 128-bit number.`);
  return BigInt.asUintN(128, BigInt(text));
}
