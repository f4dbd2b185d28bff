import type { Disposable } from '../../emulator/base/disposable.ts';
import type { Scheduler } from '../../emulator/base/scheduler.ts';

/** Log messages let through in one second. */
const MESSAGES_PER_SECOND = 20;
const SECOND = 1000;
/** Messages that come close together are one event for the client. */
const BATCH_MILLISECONDS = 50;

/**
 * Messages of log points: a guest hits one a million times a second, and a client that is sent them all hangs. Lines go
 * out in batches, 20 a second; how many were left out is said once the second is over.
 */
export class LogThrottle implements Disposable {
  private waiting: string[] = [];
  private windowStart = Number.NEGATIVE_INFINITY;
  private sent = 0;
  private dropped = 0;
  private timer: Disposable | undefined;

  constructor(
    /** Absent: every line goes out at once. */
    private readonly scheduler: Pick<Scheduler, 'now' | 'later'> | undefined,
    private readonly send: (text: string) => void,
  ) {}

  add(line: string): void {
    if (this.scheduler === undefined) {
      this.send(`${line}\n`);
      return;
    }
    const now = this.scheduler.now();
    if (now - this.windowStart >= SECOND) {
      this.flush();
      this.windowStart = now;
      this.sent = 0;
    }
    if (this.sent < MESSAGES_PER_SECOND) {
      this.sent++;
      this.waiting.push(`${line}\n`);
      this.flushLater(BATCH_MILLISECONDS);
      return;
    }
    this.dropped++;
    if (this.dropped === 1) this.flushLater(Math.max(0, this.windowStart + SECOND - now));
  }

  /** Everything that waits goes out now: the machine has stopped, and the client looks. */
  flush(): void {
    this.timer?.dispose();
    this.timer = undefined;
    const lines = this.waiting;
    this.waiting = [];
    if (this.dropped > 0) {
      const them = this.dropped === 1 ? '1 log message was' : `${this.dropped} log messages were`;
      lines.push(`(${them} left out: more than ${MESSAGES_PER_SECOND} a second)\n`);
      this.dropped = 0;
    }
    if (lines.length > 0) this.send(lines.join(''));
  }

  dispose(): void {
    this.timer?.dispose();
    this.timer = undefined;
  }

  private flushLater(milliseconds: number): void {
    this.timer ??= this.scheduler?.later(() => this.flush(), milliseconds);
  }
}
