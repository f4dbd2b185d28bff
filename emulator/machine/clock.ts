import { assert } from '../base/assert.ts';

/** Whoever counts retired guest instructions; a `Processor` is one. Exact whenever anybody may ask. */
export interface InstructionCounter {
  readonly instructions: number;
}

/** Guest time-stamp counter frequency. One tick a nanosecond, so that no guest ever divides. */
export const TSC_KHZ = 1_000_000;

/** 2026-01-01 00:00:00 UTC: what a guest takes for "now" at boot unless told otherwise. */
export const DEFAULT_EPOCH_SECONDS = 1_767_225_600;

export interface WallClock {
  /** Whole seconds since 1970-01-01 UTC. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** All that a snapshot needs; the instruction counter belongs to the processor's own state. */
export interface ClockState {
  completed: number;
  skipped: number;
  epochSeconds: number;
  epochNanoseconds: number;
}

const SECOND = 1_000_000_000;

/**
 * Virtual time: one nanosecond per executed guest instruction, plus the idle time that was skipped. It does not depend
 * on the host, so the same input gives the same times. Doubles hold nanoseconds exactly for 104 days.
 */
export class Clock {
  /** Instructions that the hypervisor completed for the guest (hypercalls, emulated instructions, bounced faults). */
  private completed = 0;
  private skipped = 0;

  constructor(
    private readonly counter: InstructionCounter,
    private epoch: WallClock = { seconds: DEFAULT_EPOCH_SECONDS, nanoseconds: 0 },
  ) {}

  /** Executed instructions: those the processor retired and those the hypervisor completed in its place. */
  get instructions(): number {
    return this.counter.instructions + this.completed;
  }

  /** Nanoseconds since the machine was switched on. Xen's "system time". */
  now(): number {
    return this.counter.instructions + this.completed + this.skipped;
  }

  /** The time-stamp counter, the same for all vCPUs: `TSC_KHZ` ticks a millisecond. */
  tsc(): number {
    return this.now();
  }

  /** The hypervisor executed one instruction in the processor's place. */
  completeInstruction(): void {
    this.completed++;
  }

  /** Lets idle time pass up to `deadline`; a deadline in the past changes nothing. */
  skipTo(deadline: number): void {
    assert(Number.isSafeInteger(deadline), 'time must be whole nanoseconds');
    this.skipped += Math.max(0, deadline - this.now());
  }

  /** Wall clock at system time 0 (`wc_sec`, `wc_nsec` of the shared info page). */
  wallClockAtBoot(): WallClock {
    return this.epoch;
  }

  wallClock(): WallClock {
    const nanoseconds = this.epoch.nanoseconds + this.now();
    return {
      seconds: this.epoch.seconds + Math.floor(nanoseconds / SECOND),
      nanoseconds: nanoseconds % SECOND,
    };
  }

  save(): ClockState {
    return {
      completed: this.completed,
      skipped: this.skipped,
      epochSeconds: this.epoch.seconds,
      epochNanoseconds: this.epoch.nanoseconds,
    };
  }

  restore(state: ClockState): void {
    this.completed = state.completed;
    this.skipped = state.skipped;
    this.epoch = { seconds: state.epochSeconds, nanoseconds: state.epochNanoseconds };
  }
}
