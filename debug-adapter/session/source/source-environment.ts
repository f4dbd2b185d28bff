import type { DebugTarget } from '../../../emulator/debug/target.ts';
import type { Environment } from '../../expression/evaluator.ts';
import type { SessionContext } from '../context.ts';
import type { FrameHandle } from '../stop-data.ts';
import type { Frame } from '../unwinder.ts';
import { lookUp } from './frame-variables.ts';
import { callerByTables } from './frame-view.ts';
import { hexadecimal } from './modules.ts';
import { byNumber } from './registers.ts';
import { type SourceFrame, sourceFrames } from './source-frames.ts';
import { ValueView } from './values.ts';

type SourceNames = Pick<Environment, 'variable' | 'type' | 'describe'>;

/** Variables, types and values as a frame's source has them; where it has none, as the kernel's has them. */
export function sourceEnvironment(context: SessionContext, handle: FrameHandle): SourceNames {
  const view = new ValueView(context);
  const names = sourceNames(context, () => Promise.resolve(handle.source), handle.level === 0);
  return { ...names, describe: (value) => view.line(value) };
}

/** The same for a stop that has not been reported yet: of the innermost frame, looked for when a name is. */
export function sourceEnvironmentOfStop(context: SessionContext, target: DebugTarget, vcpu: number): SourceNames {
  let frame: Promise<SourceFrame | undefined> | undefined;
  const innermost = (): Promise<SourceFrame | undefined> => {
    frame ??= innermostFrame(context, target, vcpu);
    return frame;
  };
  return {
    ...sourceNames(context, innermost, true),
    describe: (value) => new ValueView(context).line(value),
  };
}

function sourceNames(
  context: SessionContext,
  frame: () => Promise<SourceFrame | undefined>,
  settable: boolean,
): Pick<Environment, 'variable' | 'type'> {
  return {
    variable: async (name) => {
      const source = await frame();
      return source === undefined ? undefined : await lookUp(source, name, await context.symbols(), settable);
    },
    type: async (name) => {
      const unit = (await frame())?.place.unit;
      for (const { info, types } of (await context.modules()).list) {
        const offset = info.typeNamed(name, unit);
        if (offset !== undefined) return types.of(offset);
      }
      return undefined;
    },
  };
}

async function innermostFrame(
  context: SessionContext,
  target: DebugTarget,
  vcpu: number,
): Promise<SourceFrame | undefined> {
  const modules = await context.modules();
  if (modules.list.length === 0) return undefined;
  const { general } = await target.registers(vcpu);
  const registers = Object.fromEntries(Object.entries(general).map(([name, value]) => [name, BigInt(value)]));
  const bits = (await target.threads()).find((thread) => thread.vcpu === vcpu)?.bits ?? 64;
  const addressSize = bits === 64 ? 8 : 4;
  const { rip = 0n, rsp = 0n, rbp = 0n } = registers;
  const numbered = byNumber(registers, addressSize);
  const read = (address: bigint, length: number): Promise<Uint8Array> =>
    target.readMemory('virtual', hexadecimal(address), length);
  const frame: Frame = { rip, rsp, rbp, source: 'registers', interrupted: true, registers: numbered };
  // What a function was called with may only be known from its caller.
  const caller = await callerByTables(modules, frame, read, addressSize);
  const frames = caller === undefined || caller === 'end' ? [frame] : [frame, caller];
  return sourceFrames(modules, frames, 0, read)[0];
}
