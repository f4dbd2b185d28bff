/** The latest entries of something, each with its number from 0 on. */
export class BoundedLog<Entry> {
  private entries: Entry[] = [];
  private firstNumber = 0;
  private kept = 0;

  /** 0 switches it off, and forgets. */
  set limit(entries: number) {
    this.kept = entries;
    this.trim(0);
    if (entries === 0) this.clear();
  }

  get limit(): number {
    return this.kept;
  }

  get isOn(): boolean {
    return this.kept > 0;
  }

  add(entry: Entry): void {
    if (this.kept === 0) return;
    this.entries.push(entry);
    // In steps, so that not every new entry moves all others.
    this.trim(Math.floor(this.kept / 8));
  }

  /** From number `since` on, as far as they are kept, `count` at most. */
  from(since: number, count: number) {
    const start = Math.max(since, this.firstNumber, this.next - this.kept);
    const at = start - this.firstNumber;
    return { first: start, next: this.next, entries: this.entries.slice(at, at + count) };
  }

  /** Number of the entry that comes next. */
  get next(): number {
    return this.firstNumber + this.entries.length;
  }

  clear(): void {
    this.firstNumber = this.next;
    this.entries = [];
  }

  private trim(slack: number): void {
    const excess = this.entries.length - this.kept;
    if (excess <= slack) return;
    this.entries = this.entries.slice(excess);
    this.firstNumber += excess;
  }
}
