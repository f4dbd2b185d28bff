import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { MemorySpace } from '../../emulator/debug/target.ts';
import { ExpressionError } from '../expression/error.ts';
import { evaluateNumber } from '../expression/evaluator.ts';
import { decodeBase64, encodeBase64 } from '../protocol/base64.ts';
import type {
  XenReadMemoryArguments,
  XenReadMemoryBody,
  XenWriteMemoryArguments,
  XenWriteMemoryBody,
} from '../protocol/custom-requests.ts';
import { badArguments, badBase64, badExpression, badMemoryReference, unreadableMemory } from '../protocol/errors.ts';
import type { SessionContext } from './context.ts';
import { symbolEnvironment } from './environment.ts';
import { frameEnvironment } from './frame-environment.ts';
import { invalidate, memoryChanged } from './invalidate.ts';
import { formatReference, type MemoryReference, moved, parseReference } from './memory-reference.ts';
import { frameOrInnermost } from './stack.ts';

const PAGE = 4096n;
/** A client that asks for more gets as much. */
const MAXIMUM_READ = 16 * 1024 * 1024;

export async function readMemory(
  context: SessionContext,
  args: Dap.ReadMemoryArguments,
): Promise<NonNullable<Dap.ReadMemoryResponse['body']>> {
  const place = at(args.memoryReference, args.offset);
  const count = checkedCount(args.count);
  const bytes = await context.target.readMemory(place.space, hexadecimal(place.address), count);
  const address = formatReference(place);
  if (bytes.length === count) return { address, data: encodeBase64(bytes) };
  return {
    address,
    unreadableBytes: await holeSize(context, place, bytes.length, count),
    ...(bytes.length === 0 ? {} : { data: encodeBase64(bytes) }),
  };
}

export async function writeMemory(
  context: SessionContext,
  args: Dap.WriteMemoryArguments,
): Promise<NonNullable<Dap.WriteMemoryResponse['body']>> {
  const place = at(args.memoryReference, args.offset);
  const bytes = bytesOf(args.data);
  const bytesWritten = await write(context, place, bytes, args.allowPartial === true);
  return { offset: 0, bytesWritten };
}

export async function xenReadMemory(context: SessionContext, args: XenReadMemoryArguments): Promise<XenReadMemoryBody> {
  const address = await evaluateAddress(context, args.address, args.frameId);
  const count = checkedCount(args.count);
  const bytes = await context.target.readMemory(checkedSpace(args.space), hexadecimal(address), count);
  return { address: hexadecimal(address), base64: encodeBase64(bytes), unreadable: count - bytes.length };
}

export async function xenWriteMemory(
  context: SessionContext,
  args: XenWriteMemoryArguments,
): Promise<XenWriteMemoryBody> {
  const address = await evaluateAddress(context, args.address, args.frameId);
  const place = { space: checkedSpace(args.space), address };
  const bytesWritten = await write(context, place, bytesOf(args.base64), false);
  return { address: hexadecimal(address), bytesWritten };
}

async function write(
  context: SessionContext,
  place: MemoryReference,
  bytes: Uint8Array,
  partial: boolean,
): Promise<number> {
  const where = hexadecimal(place.address);
  if (!partial) {
    const readable = await context.target.readMemory(place.space, where, bytes.length);
    if (readable.length < bytes.length) {
      throw unreadableMemory(hexadecimal(place.address + BigInt(readable.length)));
    }
  }
  const written = await context.target.writeMemory(place.space, where, bytes);
  memoryChanged(context, formatReference(place), 0, written);
  invalidate(context, ['variables', 'stacks']);
  return written;
}

/** How many bytes after the readable ones are not, up to the next readable page or the end of the request. */
async function holeSize(
  context: SessionContext,
  place: MemoryReference,
  readable: number,
  count: number,
): Promise<number> {
  let probe = place.address + BigInt(readable);
  const end = place.address + BigInt(count);
  for (;;) {
    probe = (probe / PAGE + 1n) * PAGE;
    if (probe >= end) return count - readable;
    const bytes = await context.target.readMemory(place.space, hexadecimal(probe), 1);
    if (bytes.length > 0) return Number(probe - place.address) - readable;
  }
}

/** An address as any expression; registers are those of the frame. While the machine runs, symbols and numbers only. */
export async function evaluateAddress(
  context: SessionContext,
  text: string,
  frameId: number | undefined,
): Promise<bigint> {
  const reference = parseReference(text);
  if (reference !== undefined) return reference.address;
  try {
    const environment =
      context.stop === undefined
        ? symbolEnvironment(await context.symbols())
        : frameEnvironment(context, await frameOrInnermost(context, frameId));
    return BigInt.asUintN(64, await evaluateNumber(text, environment));
  } catch (error) {
    if (error instanceof ExpressionError) throw badExpression(error.message);
    throw error;
  }
}

function at(text: string, offset: number | undefined): MemoryReference {
  const reference = parseReference(text);
  if (reference === undefined) throw badMemoryReference(text);
  return { space: reference.space, address: moved(reference.address, offset) };
}

function checkedCount(count: number): number {
  if (!Number.isSafeInteger(count) || count < 0) throw badArguments('"count" must be a whole number');
  return Math.min(count, MAXIMUM_READ);
}

export function checkedSpace(space: string): MemorySpace {
  if (space === 'virtual' || space === 'pseudo-physical' || space === 'machine') return space;
  throw badArguments(`there is no memory space "${space}"`);
}

function bytesOf(base64: string): Uint8Array {
  const bytes = decodeBase64(base64);
  if (bytes === undefined) throw badBase64();
  return bytes;
}

const hexadecimal = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;
