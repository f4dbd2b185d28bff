import { ExpressionError } from '../../expression/error.ts';
import { evaluateNumber, type Value } from '../../expression/evaluator.ts';
import { formatNumber } from '../../expression/format.ts';
import { convert, sizeOf } from '../../expression/types.ts';
import { badExpression, notSettable, unreadableMemory } from '../../protocol/errors.ts';
import type { SessionContext } from '../context.ts';
import { frameEnvironment } from '../frame-environment.ts';
import { memoryChanged } from '../invalidate.ts';
import { setRegister } from '../set-register.ts';
import type { FrameHandle } from '../stop-data.ts';
import { hexadecimal } from './modules.ts';

/** Stores the value of an expression where `old` lies, in memory, in bits of it, or in a register. New value as text. */
export async function assign(
  context: SessionContext,
  frame: FrameHandle,
  name: string,
  old: Value | undefined,
  text: string,
): Promise<string> {
  if (old?.kind !== 'number' || old.place === undefined || old.type.kind === 'float') throw notSettable(name);
  const { type, place } = old;
  const wanted = convert(await evaluated(context, frame, text), type);
  if (place.kind === 'register') {
    const size = sizeOf(type);
    const bits = BigInt.asUintN(8 * size, wanted);
    await setRegister(context, frame, place.name, hexadecimal(bits));
  } else if (place.kind === 'memory') {
    await write(context, place.address, bytesOf(wanted, sizeOf(type)));
  } else {
    const { address, bytes, shift, size } = place;
    const reference = hexadecimal(address);
    const current = await context.target.readMemory('virtual', reference, bytes);
    if (current.length < bytes) throw unreadableMemory(reference);
    const mask = ((1n << BigInt(size)) - 1n) << BigInt(shift);
    await write(context, address, bytesOf((numberOf(current) & ~mask) | ((wanted << BigInt(shift)) & mask), bytes));
    const kept = type.kind !== 'pointer' && 'signed' in type && type.signed ? BigInt.asIntN : BigInt.asUintN;
    return formatNumber(kept(size, wanted), type);
  }
  return formatNumber(wanted, type);
}

async function evaluated(context: SessionContext, frame: FrameHandle, text: string): Promise<bigint> {
  // The value as shown may carry a symbol, a string or the decimal behind it.
  const expression = text.replace(/^(-?[0-9]\w*)\s+[<"('].*$/, '$1');
  try {
    if (/^(true|false)$/.test(expression)) return expression === 'true' ? 1n : 0n;
    return await evaluateNumber(expression, frameEnvironment(context, frame));
  } catch (error) {
    if (error instanceof ExpressionError) throw badExpression(error.message);
    throw error;
  }
}

async function write(context: SessionContext, address: bigint, bytes: Uint8Array): Promise<void> {
  const reference = hexadecimal(address);
  if ((await context.target.writeMemory('virtual', reference, bytes)) < bytes.length) throw unreadableMemory(reference);
  memoryChanged(context, reference, 0, bytes.length);
}

function bytesOf(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = Number(BigInt.asUintN(8, value >> BigInt(8 * at)));
  return bytes;
}

function numberOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at] as number);
  return value;
}
