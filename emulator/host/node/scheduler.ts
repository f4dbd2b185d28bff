import { toDisposable } from '../../base/disposable.ts';
import type { Scheduler } from '../../base/scheduler.ts';

/** `setImmediate` runs after the poll phase, so that sockets and messages get their turn between two slices. */
export const nodeScheduler: Scheduler = {
  now: () => performance.now(),
  soon: (callback) => void setImmediate(callback),
  later(callback, milliseconds) {
    const timer = setTimeout(callback, milliseconds);
    return toDisposable(() => clearTimeout(timer));
  },
};
