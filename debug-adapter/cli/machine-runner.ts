/** Runs a machine until it ends, somebody stops it, or the time is over. */
import type { Scheduler } from '../../emulator/base/scheduler.ts';
import { RunLoop } from '../../emulator/debug/run-loop.ts';
import type { Domain } from '../../emulator/xen/common/domain.ts';
import type { Machine } from '../../emulator/xen/toolstack/machine-boot.ts';

export type StopCause = 'stopped' | 'ended' | 'timeout';

export interface RunnerOptions {
  readonly machine: Machine;
  readonly scheduler: Scheduler;
  /** "wall": idle time of the guest takes as long on the wall. "free": it is skipped. */
  readonly pace: 'wall' | 'free';
  /** Milliseconds, on the scheduler's clock. */
  readonly deadline: number | undefined;
  /** A domain has ended; the machine stands still meanwhile. Whether all have is looked at afterwards. */
  readonly onEnded?: (domain: Domain) => Promise<void>;
  /** Things to be done at exact counts of executed instructions. */
  readonly marks?: readonly Mark[];
}

export interface Mark {
  readonly instructions: number;
  readonly reached: () => void;
}

export class MachineRunner {
  private readonly loop: RunLoop;
  private cause: StopCause = 'stopped';
  private stopRequested = false;
  private finish: (cause: StopCause) => void = () => {};
  private fail: (error: unknown) => void = () => {};
  /** Those to come, in order. */
  private readonly marks: Mark[];

  constructor(private readonly options: RunnerOptions) {
    const { machine, scheduler, pace, marks = [] } = options;
    this.marks = [...marks].sort((first, second) => first.instructions - second.instructions);
    this.loop = new RunLoop(machine, scheduler, pace, {
      budget: () => (this.marks[0]?.instructions ?? Number.POSITIVE_INFINITY) - machine.clock.instructions,
      handle: (result) => {
        this.passMarks();
        if (result.kind !== 'ended' || this.options.onEnded === undefined) return this.afterRun();
        this.options.onEnded(result.domain).then(
          () => this.goOn(),
          (error: unknown) => this.fail(error),
        );
        return 'stop';
      },
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
      this.passMarks();
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

  /** Marks that the run did not get to. */
  get missedMarks(): readonly Mark[] {
    return this.marks;
  }

  private passMarks(): void {
    const { instructions } = this.options.machine.clock;
    while (this.marks[0] !== undefined && this.marks[0].instructions <= instructions) this.marks.shift()?.reached();
  }

  private afterRun(): 'run' | 'stop' {
    const ended = !this.options.machine.domains.some(({ domain }) => domain.alive);
    if (!ended && !this.stopRequested) return 'run';
    this.finish(this.stopRequested ? 'stopped' : 'ended');
    return 'stop';
  }

  private goOn(): void {
    if (this.afterRun() === 'stop') return;
    if (this.cause === 'timeout') this.finish(this.cause);
    else this.loop.start();
  }

  private timeOut(): void {
    this.cause = 'timeout';
    this.loop.pause();
  }
}
