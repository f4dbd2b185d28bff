/** Drives a machine in short slices, so that input, timers and signals of the host get their turn. */
import type { Disposable } from '../../emulator/base/disposable.ts';
import type { Scheduler } from '../../emulator/base/scheduler.ts';
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

/** A slice is cut so that the host's events wait no longer than this. */
const SLICE_MILLISECONDS = 8;
const MIN_BUDGET = 2_000;
const MAX_BUDGET = 20_000_000;
const NANOSECONDS_PER_MILLISECOND = 1e6;

export class MachineRunner {
  private budget = 50_000;
  private stopRequested = false;
  private lastTurn = 0;
  /** Ends the wait of an idle machine. */
  private wake: (() => void) | undefined;

  constructor(private readonly options: RunnerOptions) {}

  /** Runs until every domain has ended, the deadline passes, or somebody asked for a stop. */
  async run(): Promise<StopCause> {
    const { machine, scheduler } = this.options;
    for (;;) {
      if (this.stopRequested) return 'stopped';
      if (!machine.domains.some(({ domain }) => domain.alive)) return 'ended';
      if (this.timedOut()) return 'timeout';
      const started = scheduler.now();
      const result = machine.run(this.budget);
      if (result.kind === 'budget') this.adaptBudget(scheduler.now() - started);
      if (result.kind === 'idle' && !this.stopRequested) await this.idle(result.deadline);
      else await this.turn();
    }
  }

  /** From anywhere, also from within a console listener: stops at the next instruction boundary. */
  stop(): void {
    this.stopRequested = true;
    this.options.machine.hypervisor.requestStop();
    this.wake?.();
  }

  /** Carries out an action that comes from outside (typed input), at the virtual time that has come by now. */
  interrupt(action: () => void): void {
    this.wake?.();
    action();
  }

  private timedOut(): boolean {
    const { deadline, scheduler } = this.options;
    return deadline !== undefined && scheduler.now() >= deadline;
  }

  private adaptBudget(elapsed: number): void {
    const wanted = (this.budget * (SLICE_MILLISECONDS * 0.75)) / Math.max(elapsed, 0.1);
    // At most doubling, so that one lucky slice does not make the next one long.
    this.budget = Math.round(Math.min(MAX_BUDGET, Math.max(MIN_BUDGET, Math.min(wanted, this.budget * 2))));
  }

  /** Nothing can run before `deadline` (nanoseconds of virtual time). */
  private async idle(deadline: number | undefined): Promise<void> {
    const { machine, scheduler, pace } = this.options;
    const { clock } = machine.hypervisor;
    if (pace === 'free' && deadline !== undefined) {
      machine.hypervisor.skipToNextDeadline();
      // Input and signals still get their turn, just not at every timer tick.
      if (scheduler.now() - this.lastTurn > SLICE_MILLISECONDS) await this.turn();
      return;
    }
    const started = scheduler.now();
    const virtual = clock.now();
    const until = deadline ?? Number.POSITIVE_INFINITY;
    await this.wait((until - virtual) / NANOSECONDS_PER_MILLISECOND, () => {
      // A free-running machine that waits for input alone stands still: its time must not depend on the wall.
      if (pace === 'free') return;
      const passed = Math.floor((scheduler.now() - started) * NANOSECONDS_PER_MILLISECOND);
      clock.skipTo(Math.min(virtual + passed, until));
    });
    if (deadline !== undefined && clock.now() >= deadline) machine.hypervisor.skipToNextDeadline();
  }

  /** Waits on the wall; `atEnd` runs when the time is over, or just before whatever woke us. */
  private wait(milliseconds: number, atEnd: () => void): Promise<void> {
    const { scheduler, deadline } = this.options;
    const left = deadline === undefined ? Number.POSITIVE_INFINITY : deadline - scheduler.now();
    return new Promise((resolve) => {
      let timer: Disposable | undefined;
      const done = (): void => {
        this.wake = undefined;
        timer?.dispose();
        atEnd();
        this.lastTurn = scheduler.now();
        resolve();
      };
      this.wake = done;
      // setTimeout takes 31 bits.
      timer = scheduler.later(done, Math.max(0, Math.min(milliseconds, left, 0x7fffffff)));
    });
  }

  private turn(): Promise<void> {
    return new Promise((resolve) =>
      this.options.scheduler.soon(() => {
        this.lastTurn = this.options.scheduler.now();
        resolve();
      }),
    );
  }
}
