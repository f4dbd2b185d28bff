import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { SessionContext } from './context.ts';
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
  const symbols = await context.symbols();
  return {
    stackFrames: all.slice(first, first + count).map(({ id, frame }) => {
      const address = `0x${frame.rip.toString(16)}`;
      const name = describeFrame(symbols, frame) ?? address;
      return {
        id,
        name: `${name}${frameMark(frame)}`,
        line: 0,
        column: 0,
        instructionPointerReference: address,
        moduleId: 1,
        presentationHint: frame.source === 'scan' ? 'subtle' : 'normal',
      };
    }),
    totalFrames: all.length,
  };
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
    return await unwind({
      rip: registers.rip ?? 0n,
      rsp: registers.rsp ?? 0n,
      rbp: registers.rbp ?? 0n,
      registers,
      bits,
      symbols: await context.symbols(),
      orc: await context.orcTable(),
      read: (address, length) => target.readMemory('virtual', `0x${BigInt.asUintN(64, address).toString(16)}`, length),
    });
  });
}

/** The frame of an id, or the innermost one of the vCPU that stopped. */
export async function frameOrInnermost(context: SessionContext, id: number | undefined): Promise<FrameHandle> {
  const stop = context.stopped;
  if (id !== undefined) return stop.frame(id);
  const [innermost] = await framesOf(context, stop, stop.event.vcpu);
  if (innermost === undefined) throw new Error('a stopped vCPU has an innermost frame');
  return innermost;
}
