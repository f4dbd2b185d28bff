import { toDisposable } from '../../base/disposable.ts';
import type { Scheduler } from '../../base/scheduler.ts';

/** Timers are clamped to 4 ms when nested (HTML standard, timer initialisation steps); a message to oneself is not. */
export function createBrowserScheduler(): Scheduler {
  const channel = new MessageChannel();
  const waiting: (() => void)[] = [];
  channel.port1.onmessage = () => waiting.shift()?.();
  return {
    now: () => performance.now(),
    soon(callback) {
      waiting.push(callback);
      channel.port2.postMessage(0);
    },
    later(callback, milliseconds) {
      const timer = setTimeout(callback, milliseconds);
      return toDisposable(() => clearTimeout(timer));
    },
  };
}
