import type { Environment } from '../expression/evaluator.ts';
import type { SessionContext } from './context.ts';
import { stoppedEnvironment } from './environment.ts';
import { namesOf } from './source/registers.ts';
import { sourceEnvironment } from './source/source-environment.ts';
import type { FrameHandle } from './stop-data.ts';

/** Expressions as a frame of the current stop sees them: rip, rsp and rbp are the frame's own, and so are its locals. */
export function frameEnvironment(context: SessionContext, handle: FrameHandle): Environment {
  const { vcpu, level, frame, source } = handle;
  const stop = context.stopped;
  const overrides: Record<string, bigint> = {};
  if (level > 0) {
    Object.assign(overrides, { rip: frame.rip, pc: frame.rip, rsp: frame.rsp, sp: frame.rsp });
    if (frame.rbp !== undefined) Object.assign(overrides, { rbp: frame.rbp, fp: frame.rbp });
    const names = namesOf(source?.view.addressSize ?? 8);
    for (const [number, value] of frame.registers ?? []) {
      const name = names[number];
      if (name !== undefined) overrides[name] ??= value;
    }
  }
  const environment = stoppedEnvironment({
    target: context.target,
    registers: () => stop.registers(vcpu),
    symbols: () => context.symbols(),
    hypercall: () => stop.hypercall(vcpu),
    ...(stop.event.events === undefined ? {} : { events: stop.event.events }),
    overrides,
  });
  return { ...environment, ...sourceEnvironment(context, handle) };
}
