import { beforeEach, describe, expect, it } from 'vitest';
import type { Disposable } from '../../../emulator/base/disposable.ts';
import type { Scheduler } from '../../../emulator/base/scheduler.ts';
import { RunLoop, type RunLoopClient } from '../../../emulator/debug/run-loop.ts';
import type { RunResult } from '../../../emulator/xen/common/hypervisor.ts';

/** Time that passes only when somebody sleeps or runs. */
class FakeScheduler implements Scheduler {
  time = 0;
  readonly turns: (() => void)[] = [];
  timers: { readonly at: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.time;
  }

  soon(callback: () => void): void {
    this.turns.push(callback);
  }

  later(callback: () => void, milliseconds: number): Disposable {
    const timer = { at: this.time + milliseconds, callback };
    this.timers.push(timer);
    const dispose = (): void => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
    return { dispose };
  }

  /** One turn of the event loop; false: nothing to do. */
  turn(): boolean {
    const next = this.turns.shift();
    if (next !== undefined) {
      next();
      return true;
    }
    const [timer] = this.timers.sort((left, right) => left.at - right.at);
    if (timer === undefined || timer.at > 1e9) return false;
    this.timers = this.timers.filter((other) => other !== timer);
    this.time = timer.at;
    timer.callback();
    return true;
  }
}

/** Executes 100,000 instructions a millisecond, one nanosecond of virtual time each; idles as told. */
class FakeHypervisor {
  virtual = 0;
  script: RunResult[] = [];
  longest = 0;
  skips = 0;
  readonly clock = {
    now: () => this.virtual,
    skipTo: (deadline: number) => {
      this.virtual = Math.max(this.virtual, deadline);
    },
  };

  constructor(private readonly scheduler: FakeScheduler) {}

  run(budget: number): RunResult {
    const scripted = this.script.shift();
    if (scripted !== undefined) return scripted;
    this.longest = Math.max(this.longest, budget);
    this.scheduler.time += budget / 100_000;
    this.virtual += budget;
    return { kind: 'budget', vcpu: undefined };
  }

  skipToNextDeadline(): boolean {
    this.skips++;
    return true;
  }
}

let scheduler: FakeScheduler;
let hypervisor: FakeHypervisor;
let calls: string[];
let client: RunLoopClient;
const loop = (pace: 'wall' | 'free'): RunLoop => new RunLoop(hypervisor, scheduler, pace, client);

beforeEach(() => {
  scheduler = new FakeScheduler();
  hypervisor = new FakeHypervisor(scheduler);
  calls = [];
  client = {
    budget: () => Number.POSITIVE_INFINITY,
    handle: (result) => {
      calls.push(result.kind);
      return result.kind === 'budget' ? 'run' : 'stop';
    },
    failed: (error) => calls.push(String(error)),
    paused: () => calls.push('paused'),
    sliceEnded: () => calls.push('slice'),
  };
});

describe('slices', () => {
  it('yield within 8 ms and a run, and answer a pause at the next one', () => {
    const running = loop('free');
    running.start();
    let last = 0;
    for (let turn = 0; turn < 50; turn++) {
      scheduler.turn();
      expect(scheduler.time - last).toBeLessThanOrEqual(8 + 4);
      last = scheduler.time;
    }
    expect(running.isRunning).toBe(true);
    const asked = scheduler.time;
    running.pause();
    scheduler.turn();
    expect(calls.slice(-2)).toEqual(['slice', 'paused']);
    expect(scheduler.time - asked).toBeLessThan(50);
    expect(running.isRunning).toBe(false);
    expect(scheduler.turn()).toBe(false);
  });

  it('end for good when told to stop, and can start again', () => {
    const running = loop('free');
    running.start();
    hypervisor.script = [{ kind: 'breakpoint', vcpu: undefined as never }];
    scheduler.turn();
    expect(calls).toEqual(['breakpoint', 'slice']);
    expect(scheduler.turn()).toBe(false);
    running.start();
    running.halt();
    running.start();
    scheduler.turn();
    expect(scheduler.turns.length).toBe(1);
    scheduler.turn();
    // One chain of turns only, although two were asked for.
    expect(scheduler.turns).toHaveLength(1);
  });
});

it('reports what a run throws, and stands still', () => {
  const running = loop('free');
  client.handle = () => {
    throw new Error('ours');
  };
  running.start();
  scheduler.turn();
  expect(calls).toEqual(['Error: ours']);
  expect(running.isRunning).toBe(false);
  expect(scheduler.turn()).toBe(false);
});

describe('idle time', () => {
  const idle = (deadline: number | undefined): RunResult => ({ kind: 'idle', deadline });

  it('takes as long on the wall, however far the machine lags behind', () => {
    const running = loop('wall');
    scheduler.time = 60_000;
    hypervisor.script = [idle(5_000_000_000)];
    running.start();
    scheduler.turn();
    scheduler.turn();
    expect(scheduler.time).toBeGreaterThanOrEqual(65_000);
    expect(hypervisor.virtual).toBeGreaterThanOrEqual(5_000_000_000);
    expect(hypervisor.skips).toBe(1);
  });

  it('too short for a timer is gathered until it is worth one', () => {
    const running = loop('wall');
    const short = Array.from({ length: 40 }, () => idle(50_000));
    hypervisor.script = [...short, { kind: 'stop', vcpu: undefined }];
    running.start();
    scheduler.turn();
    expect(hypervisor.skips).toBe(39);
    expect(scheduler.timers.map(({ at }) => at)).toEqual([expect.closeTo(2, 6)]);
    expect(scheduler.time).toBe(0);
    scheduler.turn();
    expect(hypervisor.virtual).toBeCloseTo(50_000, -1);
  });

  it('is skipped when free', () => {
    const running = loop('free');
    hypervisor.script = [idle(5_000_000_000)];
    running.start();
    scheduler.turn();
    expect(scheduler.time).toBeLessThan(20);
    expect(hypervisor.skips).toBe(1);
  });

  it('is cut short by input, which comes at the virtual time that has passed', () => {
    const running = loop('wall');
    hypervisor.script = [idle(5_000_000_000)];
    running.start();
    scheduler.turn();
    scheduler.time = 1000;
    running.interrupt();
    hypervisor.script = [{ kind: 'stop', vcpu: undefined }];
    scheduler.turn();
    expect(hypervisor.virtual).toBe(1_000_000_000);
    expect(scheduler.timers).toHaveLength(0);
  });

  it('without a deadline waits for input, and stands still when free', () => {
    const running = loop('free');
    hypervisor.script = [idle(undefined)];
    running.start();
    scheduler.turn();
    expect(scheduler.turn()).toBe(false);
    scheduler.time = 777;
    running.pause();
    scheduler.turn();
    expect(calls.at(-1)).toBe('paused');
    expect(hypervisor.virtual).toBe(0);
  });
});
