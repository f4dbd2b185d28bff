import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { SessionContext } from './context.ts';
import { fromColumn, fromLine } from './line-numbers.ts';
import { callerByTables } from './source/frame-view.ts';
import { sourceOf } from './source/loaded-sources.ts';
import { byNumber } from './source/registers.ts';
import { expandFrames } from './source/source-frames.ts';
import type { FrameHandle, StopData } from './stop-data.ts';
import { type Frame, unwind } from './unwinder.ts';

export async function stackTrace(
  context: SessionContext,
  args: Dap.StackTraceArguments,
): Promise<Dap.StackTraceResponse['body']> {
  const stop = context.stopped;
  const { vcpu } = await context.thread(args.threadId);
  const all = await framesOf(context, stop, vcpu);
  const first = args.startFrame ?? 0;
  const count = args.levels === undefined || args.levels === 0 ? all.length : args.levels;
  const stackFrames: Dap.StackFrame[] = [];
  for (const handle of all.slice(first, first + count)) stackFrames.push(await stackFrame(context, handle));
  await context.reportProblems();
  return { stackFrames, totalFrames: all.length };
}

async function stackFrame(context: SessionContext, handle: FrameHandle): Promise<Dap.StackFrame> {
  const { id, frame, source } = handle;
  const address = hexadecimal(frame.rip);
  const file = source?.file;
  const found = file === undefined || source?.line === 0 ? undefined : await sourceOf(context, file);
  const common = {
    id,
    instructionPointerReference: address,
    moduleId: 1,
    presentationHint: frame.source === 'scan' ? ('subtle' as const) : ('normal' as const),
  };
  const inlined = source?.instance?.call !== undefined;
  const name = `${await frameName(context, handle, found !== undefined)}${inlined ? '' : frameMark(frame)}`;
  if (source === undefined || found === undefined) return { ...common, name, line: 0, column: 0 };
  return {
    ...common,
    name,
    source: found,
    line: fromLine(context, source.line),
    column: fromColumn(context, source.column),
  };
}

/** The function, and where no line is shown, how far in it the frame stands. */
async function frameName(context: SessionContext, { frame, source }: FrameHandle, hasLine: boolean): Promise<string> {
  const symbols = await context.symbols();
  const symbol = describeFrame(symbols, frame) ?? hexadecimal(frame.rip);
  if (source?.instance === undefined) return hasLine ? symbol.replace(/\+0x[0-9a-f]+$/, '') : symbol;
  const { name, call } = source.instance;
  if (call !== undefined) return `${name} (inlined)`;
  return hasLine ? name : symbol;
}

/** What there is to say about a frame beside its place. */
export function frameMark({ source, interrupted }: Frame): string {
  // It may be a leftover of a call that has returned.
  if (source === 'scan') return ' (best effort)';
  return interrupted && source !== 'registers' ? ' (interrupted)' : '';
}

/**
 * "start_kernel+0x64". A return address is looked up by the call before it: a call that never returns may be the last
 * instruction of its function.
 */
export function describeFrame(symbols: SymbolTable, { rip, interrupted }: Frame): string | undefined {
  if (interrupted) return symbols.describe(rip);
  const located = symbols.at(rip - 1n);
  return located === undefined ? undefined : `${located.symbol.name}+0x${(located.offset + 1).toString(16)}`;
}

export async function framesOf(context: SessionContext, stop: StopData, vcpu: number): Promise<readonly FrameHandle[]> {
  return await stop.frameList(vcpu, async () => {
    const { general } = await stop.registers(vcpu);
    const registers = Object.fromEntries(Object.entries(general).map(([name, value]) => [name, BigInt(value)]));
    const { bits } = (await context.target.threads()).find((thread) => thread.vcpu === vcpu) ?? { bits: 64 as const };
    const target = context.target;
    const addressSize = bits === 64 ? 8 : 4;
    const modules = await context.modules();
    const read = (address: bigint, length: number): Promise<Uint8Array> =>
      target.readMemory('virtual', hexadecimal(address), length);
    const known = modules.list.length > 0;
    const frames = await unwind({
      rip: registers.rip ?? 0n,
      rsp: registers.rsp ?? 0n,
      rbp: registers.rbp ?? 0n,
      registers,
      bits,
      symbols: await context.symbols(),
      orc: await context.orcTable(),
      ...(known ? { numbered: byNumber(registers, addressSize) } : {}),
      ...(known ? { callerByTables: (frame: Frame) => callerByTables(modules, frame, read, addressSize) } : {}),
      read,
    });
    return expandFrames(modules, frames, read);
  });
}

const hexadecimal = (address: bigint): string => `0x${BigInt.asUintN(64, address).toString(16)}`;

/** The frame of an id, or the innermost one of the vCPU that stopped. */
export async function frameOrInnermost(context: SessionContext, id: number | undefined): Promise<FrameHandle> {
  const stop = context.stopped;
  if (id !== undefined) return stop.frame(id);
  const [innermost] = await framesOf(context, stop, stop.event.vcpu);
  if (innermost === undefined) throw new Error('a stopped vCPU has an innermost frame');
  return innermost;
}
