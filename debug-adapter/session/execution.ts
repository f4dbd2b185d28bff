import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { noCrash } from '../protocol/errors.ts';
import { type SessionContext, toThreadId } from './context.ts';
import { LineStep } from './source/line-step.ts';
import { framesOf } from './stack.ts';
import type { StopData } from './stop-data.ts';
import { reportTerminated } from './stops.ts';

export async function threads(context: SessionContext): Promise<Dap.ThreadsResponse['body']> {
  if (!context.hasTarget) return { threads: [] };
  const list = await context.target.threads();
  return {
    threads: list.map(({ vcpu, name, state }) => ({
      id: toThreadId(vcpu),
      name: state === 'running' || state === 'runnable' ? name : `${name} (${state})`,
    })),
  };
}

/** DAP `continue`. After the last domain's end there is nothing to continue: the session ends. */
export async function resume(context: SessionContext): Promise<Dap.ContinueResponse['body']> {
  const stop = context.stop;
  if (stop === undefined) return { allThreadsContinued: true };
  context.setRunning();
  context.lineStep = undefined;
  if (stop.event.final) reportTerminated(context);
  else await context.target.resume();
  return { allThreadsContinued: true };
}

export async function pause(context: SessionContext): Promise<undefined> {
  if (context.stop !== undefined) return undefined;
  context.pausing = true;
  await context.target.pause();
  return undefined;
}

export async function step(
  context: SessionContext,
  args: { readonly threadId: number; readonly granularity?: Dap.SteppingGranularity },
  kind: 'in' | 'over' | 'out',
): Promise<undefined> {
  const stop = context.stopped;
  const { vcpu } = await context.thread(args.threadId);
  const frames = kind === 'out' ? await framesOf(context, stop, vcpu) : [];
  const caller = frames.find(({ level }) => level > 0);
  context.setRunning();
  if (!stop.event.final && args.granularity !== 'instruction') {
    context.lineStep = await LineStep.begin(context, vcpu, kind);
    if (context.lineStep !== undefined) return undefined;
  }
  if (stop.event.final) reportTerminated(context);
  // A scanned frame may be a leftover: its address is no place to wait for.
  else if (caller === undefined || caller.frame.source === 'scan') await context.target.step(vcpu, kind);
  else await context.target.step(vcpu, kind, `0x${caller.frame.rip.toString(16)}`);
  return undefined;
}

const EXCEPTIONS: Readonly<Record<string, { readonly id: string; readonly mode: Dap.ExceptionBreakMode }>> = {
  crash: { id: 'domain-crash', mode: 'always' },
  shutdown: { id: 'domain-shutdown', mode: 'always' },
  'hypercall-error': { id: 'hypercall-error', mode: 'always' },
};

/** A stop that a filter asked for, by the filter's name. */
function filteredException({ filters }: StopData): (typeof EXCEPTIONS)[string] | undefined {
  const [filter] = filters;
  return filter === undefined ? undefined : { id: filter, mode: 'always' };
}

export async function exceptionInfo(
  context: SessionContext,
  args: Dap.ExceptionInfoArguments,
): Promise<Dap.ExceptionInfoResponse['body']> {
  const { event } = context.stopped;
  const exception = EXCEPTIONS[event.reason] ?? filteredException(context.stopped);
  if (exception === undefined || toThreadId(event.vcpu) !== args.threadId) throw noCrash();
  const call = event.reason === 'hypercall-error' ? await context.stopped.hypercall(event.vcpu) : undefined;
  const name =
    call === undefined ? '' : `${call.name}${call.suboperation === undefined ? '' : `.${call.suboperation}`}`;
  const typeName = call?.result?.errno === undefined ? exception.id : `${name}: ${call.result.errno}`;
  return {
    exceptionId: exception.id,
    description: event.text,
    breakMode: exception.mode,
    details: { message: event.text, typeName },
  };
}
