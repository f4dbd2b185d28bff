import type { Environment } from '../expression/evaluator.ts';
import type { SessionContext } from './context.ts';
import { stoppedEnvironment } from './environment.ts';
import type { FrameHandle } from './stop-data.ts';

/** Expressions as a frame of the current stop sees them: rip, rsp and rbp are the frame's own. */
export function frameEnvironment(context: SessionContext, { vcpu, level, frame }: FrameHandle): Environment {
  const stop = context.stopped;
  const overrides: Record<string, bigint> = {};
  if (level > 0) {
    Object.assign(overrides, { rip: frame.rip, pc: frame.rip, rsp: frame.rsp, sp: frame.rsp });
    if (frame.rbp !== undefined) Object.assign(overrides, { rbp: frame.rbp, fp: frame.rbp });
  }
  return stoppedEnvironment({
    target: context.target,
    registers: () => stop.registers(vcpu),
    symbols: () => context.symbols(),
    hypercall: () => stop.hypercall(vcpu),
    overrides,
  });
}
