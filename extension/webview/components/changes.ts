/** Remembers what cells showed at the stop before, so that what differs now can be marked. */
export class Changes {
  private before = new Map<string, string>();
  private now = new Map<string, string>();
  private stop = 0;

  /** Call with the number of the stop before showing anything; the same stop may be shown many times. */
  at(stop: number): void {
    if (stop === this.stop) return;
    this.stop = stop;
    this.before = this.now;
    this.now = new Map();
  }

  /** Whether a cell differs from the stop before. What was not there then is not changed. */
  differs(key: string, text: string): boolean {
    this.now.set(key, text);
    const old = this.before.get(key);
    return old !== undefined && old !== text;
  }

  clear(): void {
    this.before.clear();
    this.now.clear();
  }
}
