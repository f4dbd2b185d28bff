import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { notSettable, staleVariables } from '../../protocol/errors.ts';
import type { SessionContext } from '../context.ts';
import { invalidate } from '../invalidate.ts';
import { fromLine, toLine } from '../line-numbers.ts';
import { filesOf } from './line-breakpoints.ts';
import { fromPc, hexadecimal } from './modules.ts';

/** DAP `gotoTargets`: the statements of a line in the function that the vCPU stands in; elsewhere nothing would work. */
export async function gotoTargets(
  context: SessionContext,
  args: Dap.GotoTargetsArguments,
): Promise<Dap.GotoTargetsResponse['body']> {
  const stop = context.stopped;
  const { path } = args.source;
  const line = toLine(context, args.line);
  const here = (await context.modules()).place(BigInt(stop.event.rip));
  const around = here?.functions.at(-1);
  if (typeof path !== 'string' || here === undefined || around === undefined) return { targets: [] };
  const targets: Dap.GotoTarget[] = [];
  for (const { module, files } of await filesOf(context, path)) {
    if (module !== here.module) continue;
    for (const pc of module.info.statements(files, line)) {
      if (!around.ranges.some(({ low, high }) => pc >= low && pc < high)) continue;
      const address = fromPc(pc);
      targets.push({
        id: stop.addTarget(address),
        label: `${around.name} at ${hexadecimal(address)}`,
        line: fromLine(context, line),
        instructionPointerReference: hexadecimal(address),
      });
    }
  }
  return { targets };
}

/** DAP `goto`: sets the program counter, and nothing else. */
export async function goTo(context: SessionContext, args: Dap.GotoArguments): Promise<undefined> {
  const stop = context.stopped;
  const address = stop.targetAddress(args.targetId);
  if (address === undefined) throw staleVariables();
  const { vcpu } = await context.thread(args.threadId);
  if (!(await context.target.setRegister(vcpu, 'rip', hexadecimal(address)))) throw notSettable('rip');
  invalidate(context, ['all']);
  context.setStopped({ ...stop.event, rip: hexadecimal(address) });
  context.send('stopped', { reason: 'goto', description: 'Paused', threadId: args.threadId, allThreadsStopped: true });
  return undefined;
}
