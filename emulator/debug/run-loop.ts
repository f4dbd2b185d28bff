import type { Disposable } from '../base/disposable.ts';
import type { Scheduler } from '../base/scheduler.ts';
import type { Clock } from '../machine/clock.ts';
import type { RunResult } from '../xen/common/hypervisor.ts';

/** What there is to run. */
export interface RunnableMachine {
  readonly clock: Pick<Clock, 'now' | 'skipTo'>;
  run(budget: number): RunResult;
  skipToNextDeadline(): boolean;
}

export interface RunLoopClient {
  /** Most instructions the next run may execute: 1 while single-stepping. */
  budget(): number;
  /** What a run came back with. Answers whether to go on. */
  handle(result: RunResult): 'run' | 'stop';
  /** A pause took effect. */
  paused(): void;
  /** Something threw: a bug of ours. The loop has stopped for good. */
  failed(error: unknown): void;
  /** A slice is over: a good time to hand on what has gathered. */
  sliceEnded(): void;
}

/** A pause, and every message to whoever owns the machine, waits for one slice at most. */
const SLICE_MILLISECONDS = 8;
/** A run is cut shorter than a slice, so that the clock is looked at in time. */
const RUN_MILLISECONDS = 2;
/** Timers of the host take a millisecond or more; a disk answers in a twentieth of that. */
const SHORT_MILLISECONDS = 2;
const MINIMUM_BUDGET = 1_000;
const MAXIMUM_BUDGET = 20_000_000;
const NANOSECONDS_PER_MILLISECOND = 1e6;

/**
 * Runs a machine in slices that yield to the host's event loop. Paced to the wall, idle time of the guest takes as long
 * on the wall (less what the machine lags behind through emulation is not made up for: a guest's `sleep 5` is five
 * seconds to whoever watches). Free, idle time is skipped.
 */
export class RunLoop {
  private running = false;
  private pauseWanted = false;
  private measured = 50_000;
  private runningSince = 0;
  private wall = 0;
  /** Counts starts: a turn that was asked for before the last one is stale. */
  private epoch = 0;
  /** Milliseconds of idle time that were skipped and have not been waited for. */
  private owed = 0;
  /** Ends the wait of an idle machine. */
  private wake: (() => void) | undefined;
  /** Since when an idle machine waits (milliseconds on the wall, nanoseconds of its own), and how long at most. */
  private wait: { readonly started: number; readonly virtual: number; readonly until: number } | undefined;

  constructor(
    private readonly machine: RunnableMachine,
    private readonly scheduler: Scheduler,
    private readonly pace: 'wall' | 'free',
    private readonly client: RunLoopClient,
  ) {}

  get isRunning(): boolean {
    return this.running;
  }

  /** Seconds on the wall that the machine has been running. */
  get wallSeconds(): number {
    return (this.wall + (this.running ? this.scheduler.now() - this.runningSince : 0)) / 1000;
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.pauseWanted = false;
    this.runningSince = this.scheduler.now();
    this.epoch++;
    this.nextTurn();
  }

  /** Takes effect at the end of the slice; `paused` is called then. */
  pause(): void {
    if (!this.running) return;
    this.pauseWanted = true;
    this.wake?.();
  }

  /**
   * Something comes from outside, and enters the machine right after this call: time that has passed on the wall has
   * passed for an idle machine before that, and it looks at what has come now.
   */
  interrupt(): void {
    this.catchUp();
    this.wait = undefined;
    this.wake?.();
  }

  /** Stops for good, without a word to the client. */
  halt(): void {
    this.setStopped();
    this.wake?.();
  }

  private slice(): void {
    try {
      this.runSlice();
    } catch (error) {
      this.setStopped();
      this.client.failed(error);
    }
  }

  private runSlice(): void {
    const end = this.scheduler.now() + SLICE_MILLISECONDS;
    do {
      if (this.pauseWanted) {
        this.setStopped();
        this.client.sliceEnded();
        this.client.paused();
        return;
      }
      const started = this.scheduler.now();
      const asked = Math.min(this.client.budget(), this.measured);
      const result = this.machine.run(asked);
      if (result.kind === 'budget' && asked === this.measured) this.adapt(this.scheduler.now() - started);
      if (result.kind === 'idle') {
        if (result.deadline === undefined || (this.pace === 'wall' && !this.isShort(result.deadline))) {
          this.client.sliceEnded();
          this.idle(result.deadline);
          return;
        }
        this.machine.skipToNextDeadline();
      } else if (this.client.handle(result) === 'stop') {
        this.setStopped();
        this.client.sliceEnded();
        return;
      }
    } while (this.scheduler.now() < end);
    this.client.sliceEnded();
    this.nextTurn();
  }

  private nextTurn(): void {
    const { epoch } = this;
    this.scheduler.soon(() => {
      if (this.running && epoch === this.epoch) this.slice();
    });
  }

  /** Whether idle time up to a deadline is too short for a timer of the host; it is waited for with what comes later. */
  private isShort(deadline: number): boolean {
    const owed = this.owed + (deadline - this.machine.clock.now()) / NANOSECONDS_PER_MILLISECOND;
    if (owed >= SHORT_MILLISECONDS) return false;
    this.owed = owed;
    return true;
  }

  /** Nothing can run before `deadline` (nanoseconds of virtual time; undefined: without input). */
  private idle(deadline: number | undefined): void {
    const virtual = this.machine.clock.now();
    const until = deadline ?? Number.POSITIVE_INFINITY;
    const { epoch } = this;
    const owed = deadline === undefined ? 0 : this.owed;
    this.owed -= owed;
    this.wait = { started: this.scheduler.now() + owed, virtual, until };
    let timer: Disposable | undefined;
    let over = false;
    const done = (): void => {
      timer?.dispose();
      if (over || !this.running || epoch !== this.epoch) return;
      over = true;
      this.wake = undefined;
      if (this.wait !== undefined) {
        this.catchUp();
        if (this.pace === 'wall' && this.machine.clock.now() >= until) this.machine.skipToNextDeadline();
      }
      this.wait = undefined;
      this.slice();
    };
    // Another turn, so that whoever woke us (typed input) has finished first.
    this.wake = () => this.scheduler.soon(done);
    const milliseconds = owed + (until - virtual) / NANOSECONDS_PER_MILLISECOND;
    // Timers take 31 bits.
    timer = this.scheduler.later(done, Math.min(Math.max(0, milliseconds), 0x7fffffff));
  }

  /**
   * Lets an idle machine's time be what it is on the wall. A free-running machine that waits for input alone stands
   * still: its time must not depend on the wall.
   */
  private catchUp(): void {
    const { wait, machine, scheduler } = this;
    if (wait === undefined || this.pace === 'free') return;
    const passed = Math.max(0, Math.floor((scheduler.now() - wait.started) * NANOSECONDS_PER_MILLISECOND));
    machine.clock.skipTo(Math.min(wait.virtual + passed, wait.until));
  }

  private adapt(elapsed: number): void {
    const wanted = (this.measured * RUN_MILLISECONDS) / Math.max(elapsed, 0.1);
    // At most doubling, so that one lucky run does not make the next one long.
    this.measured = Math.round(Math.min(MAXIMUM_BUDGET, Math.max(MINIMUM_BUDGET, Math.min(wanted, this.measured * 2))));
  }

  private setStopped(): void {
    if (this.running) this.wall += this.scheduler.now() - this.runningSince;
    this.running = false;
  }
}
