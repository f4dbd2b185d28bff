import type { VirtualTime } from '../../../emulator/net/virtual-time.ts';

/** Time that a test moves. */
export class FakeTime implements VirtualTime {
  private time = 0;
  private readonly timers = new Map<string, { deadline: number; fire: () => void }>();

  now(): number {
    return this.time;
  }

  instructions(): number {
    return this.time / 2;
  }

  setTimer(key: string, deadline: number, fire: () => void): void {
    this.timers.set(key, { deadline, fire });
  }

  clearTimer(key: string): void {
    this.timers.delete(key);
  }

  /** Lets time pass, timer by timer. */
  pass(nanoseconds: number): void {
    const end = this.time + nanoseconds;
    for (;;) {
      const [key, timer] = [...this.timers].sort(([, a], [, b]) => a.deadline - b.deadline)[0] ?? [];
      if (key === undefined || timer === undefined || timer.deadline > end) break;
      this.timers.delete(key);
      this.time = Math.max(this.time, timer.deadline);
      timer.fire();
    }
    this.time = end;
  }
}
