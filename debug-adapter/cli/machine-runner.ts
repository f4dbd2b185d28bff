/** Runs a machine until it ends, somebody stops it, or the time is over. */
import type { Scheduler } from '../../emulator/base/scheduler.ts';
import { RunLoop } from '../../emulator/debug/run-loop.ts';
import type { Machine } from '../../emulator/xen/toolstack/machine-boot.ts';

export type StopCause = 'stopped' | 'ended' | 'timeout';

export interface RunnerOptions {
  readonly machine: Machine;
  readonly scheduler: Scheduler;
  /** "wall": idle time of the guest takes as long on the wall. "free": it is skipped. */
  readonly pace: 'wall' | 'free';
  /** Milliseconds, on the scheduler's clock. */
  readonly deadline: number | undefined;
}

export class MachineRunner {
  private readonly loop: RunLoop;
  private cause: StopCause = 'stopped';
  private stopRequested = false;
  private finish: (cause: StopCause) => void = () => {};
  private fail: (error: unknown) => void = () => {};

  constructor(private readonly options: RunnerOptions) {
    const { machine, scheduler, pace } = options;
    this.loop = new RunLoop(machine, scheduler, pace, {
      budget: () => Number.POSITIVE_INFINITY,
      handle: () => this.afterRun(),
      paused: () => this.finish(this.cause),
      failed: (error) => this.fail(error),
      sliceEnded: () => {},
    });
  }

  run(): Promise<StopCause> {
    const { deadline, scheduler } = this.options;
    return new Promise((resolve, reject) => {
      const left = Math.max(0, (deadline ?? 0) - scheduler.now());
      // Timers take 31 bits.
      const timer =
        deadline === undefined ? undefined : scheduler.later(() => this.timeOut(), Math.min(left, 0x7fffffff));
      this.finish = (cause) => {
        timer?.dispose();
        resolve(cause);
      };
      this.fail = (error) => {
        timer?.dispose();
        reject(error);
      };
      this.loop.start();
    });
  }

  /** From anywhere, also from within a console listener: stops at the next instruction boundary. */
  stop(): void {
    this.stopRequested = true;
    this.options.machine.hypervisor.requestStop();
    this.loop.interrupt();
  }

  /** Something is about to be typed: a machine that waits looks at it now. */
  interrupt(): void {
    this.loop.interrupt();
  }

  private afterRun(): 'run' | 'stop' {
    const ended = !this.options.machine.domains.some(({ domain }) => domain.alive);
    if (!ended && !this.stopRequested) return 'run';
    this.finish(this.stopRequested ? 'stopped' : 'ended');
    return 'stop';
  }

  private timeOut(): void {
    this.cause = 'timeout';
    this.loop.pause();
  }
}
