/**
 * The one way into a machine: whatever comes from outside (typed bytes, a debugger's writes, plugged devices) passes
 * here, is stamped, and can be recorded and replayed. Input that turns up while guest instructions run waits for the
 * next instruction boundary at which the run is left.
 */
import { assert } from '../base/assert.ts';
import type { Clock } from './clock.ts';
import { CHECK, END, type InputEntry, type InputLog, type InputLogWriter } from './input-log.ts';
import type { PlainData } from './plain-data.ts';

/** The machine as it is seen from here. */
export interface InputHost {
  readonly clock: Clock;
  /** Whatever is due now happens now. */
  settle(): void;
  nextDeadline(): number | undefined;
  /** Makes the run that is going on return at the next instruction boundary. */
  requestStop(): void;
  /** 32 bits that depend on the registers of all vCPUs. */
  registersHash(): number;
  /** Of memory and registers. */
  memoryHash(): string;
}

export type ReplayOutcome =
  /** Every entry came to pass; `complete` as the log's. */
  | { readonly kind: 'finished'; readonly complete: boolean }
  /** Something came out otherwise than recorded, at or before this entry (the first is 1). */
  | { readonly kind: 'diverged'; readonly entry: number; readonly of: number; readonly reason: string };

/** A run's result, as far as it matters here. */
interface Result {
  readonly kind: string;
}

/** Instructions between two checks of the whole memory, which take about 0.1 s for 128 MB. */
const CHECK_INTERVAL = 1_000_000_000;

export class InputPoint {
  private readonly kinds = new Map<string, (data: PlainData) => unknown>();
  /** Guest instructions run; input is being let in. */
  private running = false;
  private entering = false;
  private waiting: { readonly kind: string; readonly data: PlainData }[] = [];
  private writer: InputLogWriter | undefined;
  private nextCheck = 0;
  private log: InputLog | undefined;
  private position = 0;
  private onReplayed: (outcome: ReplayOutcome) => void = () => {};

  constructor(private readonly host: InputHost) {}

  /**
   * Declares a kind of input. The function that is returned lets such input in, and answers what `apply` answers; while
   * the guest runs, or a recording is replayed, it answers undefined.
   */
  define<Data extends PlainData, Answer>(
    kind: string,
    apply: (data: Data) => Answer,
  ): (data: Data) => Answer | undefined {
    assert(!this.kinds.has(kind) && kind !== CHECK && kind !== END, `input "${kind}" is defined twice`);
    this.kinds.set(kind, apply as (data: PlainData) => unknown);
    return (data) => this.enter(kind, data) as Answer | undefined;
  }

  get replaying(): boolean {
    return this.log !== undefined;
  }

  /** From now on all input is written, too. */
  record(writer: InputLogWriter): void {
    this.writer = writer;
    this.nextCheck = this.host.clock.instructions + CHECK_INTERVAL;
  }

  /** Ends the recording; its last entry says what the machine was like. */
  finishRecording(): void {
    if (this.writer === undefined) return;
    this.write(END, this.host.memoryHash());
    this.writer = undefined;
  }

  /** From now on the log's input enters and no other, until its end or until something differs. */
  replay(log: InputLog, onReplayed: (outcome: ReplayOutcome) => void): void {
    this.log = log;
    this.position = 0;
    this.onReplayed = onReplayed;
  }

  /** The machine will not run any more: the entries at this very place, which may be the last, are still due. */
  finishReplay(): void {
    if (this.log !== undefined) this.arrive();
  }

  /** Runs the machine, with recorded input entering where it did. */
  run<R extends Result>(budget: number, execute: (budget: number) => R): R {
    if (this.log !== undefined) return this.runReplay(budget, execute);
    const { clock } = this.host;
    const checked = this.writer !== undefined;
    const result = this.guarded(checked ? Math.min(budget, this.nextCheck - clock.instructions) : budget, execute);
    if (checked && clock.instructions >= this.nextCheck) {
      this.write(CHECK, this.host.memoryHash());
      this.nextCheck += CHECK_INTERVAL;
    }
    this.admitWaiting();
    return result;
  }

  private guarded<R>(budget: number, execute: (budget: number) => R): R {
    this.running = true;
    try {
      return execute(budget);
    } finally {
      this.running = false;
    }
  }

  private enter(kind: string, data: PlainData): unknown {
    if (this.log !== undefined) return undefined;
    // Input that causes input (typed text, an answer of the guest that a script waits for) is let in one by one.
    if (this.running || this.entering) {
      this.waiting.push({ kind, data });
      if (this.running) this.host.requestStop();
      return undefined;
    }
    this.write(kind, data);
    this.entering = true;
    const answer = this.kinds.get(kind)?.(data);
    this.entering = false;
    this.admitWaiting();
    return answer;
  }

  private admitWaiting(): void {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      this.enter(next.kind, next.data);
    }
  }

  /** What is due at this time has happened before the entry, now and in the replay. */
  private write(kind: string, data: PlainData): void {
    const { host, writer } = this;
    host.settle();
    if (writer === undefined) return;
    const { instructions } = host.clock;
    writer.entry({ kind, instructions, time: host.clock.now(), registers: host.registersHash(), data });
  }

  private runReplay<R extends Result>(budget: number, execute: (budget: number) => R): R {
    const { clock } = this.host;
    let left = budget;
    for (;;) {
      const next = this.arrive();
      // The log is over: whoever was told so has asked the machine to stop, or lets it go on.
      if (next === undefined) return this.guarded(left, execute);
      const before = clock.instructions;
      const result = this.guarded(Math.min(left, next.instructions - before), execute);
      left -= clock.instructions - before;
      if (result.kind === 'idle' && clock.instructions < next.instructions && this.host.nextDeadline() === undefined) {
        this.diverged(`the machine waits at instruction ${clock.instructions} and nothing will wake it`);
        return result;
      }
      const reached = clock.instructions === next.instructions;
      if (left <= 0 || (result.kind !== 'budget' && !(result.kind === 'idle' && reached))) return result;
    }
  }

  /** Lets in all entries whose place has been reached; the one to come, or undefined once the log is over. */
  private arrive(): InputEntry | undefined {
    for (;;) {
      const entry = this.log?.entries[this.position];
      if (entry === undefined) {
        this.finished();
        return undefined;
      }
      if (entry.instructions > this.host.clock.instructions) return entry;
      if (!this.replayEntry(entry)) return undefined;
      this.position++;
    }
  }

  private finished(): void {
    const { log } = this;
    if (log === undefined) return;
    this.log = undefined;
    this.onReplayed({ kind: 'finished', complete: log.complete });
  }

  private diverged(reason: string): false {
    const of = this.log?.entries.length ?? 0;
    this.log = undefined;
    this.onReplayed({ kind: 'diverged', entry: this.position + 1, of, reason });
    return false;
  }

  private replayEntry(entry: InputEntry): boolean {
    const { host } = this;
    const { clock } = host;
    if (entry.instructions !== clock.instructions) {
      return this.diverged(`it was at instruction ${entry.instructions}, and the machine is at ${clock.instructions}`);
    }
    this.passTime(entry.time);
    if (entry.time !== clock.now()) {
      return this.diverged(`it was at ${entry.time} ns of virtual time, and the machine is at ${clock.now()} ns`);
    }
    if (entry.registers !== host.registersHash()) return this.diverged('the registers differ');
    if (entry.kind === CHECK || entry.kind === END) {
      const hash = host.memoryHash();
      return (
        hash === entry.data || this.diverged(`the memory differs: its hash was ${String(entry.data)}, now ${hash}`)
      );
    }
    const apply = this.kinds.get(entry.kind);
    if (apply === undefined) return this.diverged(`this Xenoscope does not know input of the kind "${entry.kind}"`);
    apply(entry.data);
    return true;
  }

  /** Idle time up to an entry: timers on the way fire in their turn. */
  private passTime(time: number): void {
    const { host } = this;
    host.settle();
    for (let now = host.clock.now(); now < time; now = host.clock.now()) {
      const deadline = host.nextDeadline() ?? time;
      host.clock.skipTo(deadline > now ? Math.min(time, deadline) : time);
      host.settle();
    }
  }
}
