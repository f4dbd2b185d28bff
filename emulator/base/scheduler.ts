import type { Disposable } from './disposable.ts';

/** Time and turns of the host's event loop: a port, made real in emulator/host. */
export interface Scheduler {
  /** Monotonic milliseconds, fractions included. */
  now(): number;
  /** Calls back in a later turn, after pending input of the host (messages, sockets, timers) had its chance. */
  soon(callback: () => void): void;
  /** Calls back once after so many milliseconds unless disposed before. */
  later(callback: () => void, milliseconds: number): Disposable;
}
