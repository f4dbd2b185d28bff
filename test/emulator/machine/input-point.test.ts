import { beforeEach, describe, expect, test } from 'vitest';
import { Clock } from '../../../emulator/machine/clock.ts';
import { type InputLog, InputLogWriter, readInputLog } from '../../../emulator/machine/input-log.ts';
import { InputPoint, type ReplayOutcome } from '../../../emulator/machine/input-point.ts';

/**
 * A machine that is nothing but a number: every instruction hashes it, input is mixed in, a timer that fires changes
 * it. Ten instructions after input it sleeps for up to a microsecond.
 */
class ToyMachine {
  instructions = 0;
  readonly clock = new Clock(this);
  value = 1;
  awake = 25;
  timer = 1_000;
  stopWanted = false;
  onTen = (): void => {};
  readonly point = new InputPoint({
    clock: this.clock,
    settle: () => this.settle(),
    nextDeadline: () => this.timer,
    requestStop: () => {
      this.stopWanted = true;
    },
    registersHash: () => this.value & 0xff,
    memoryHash: () => this.value.toString(16),
  });
  readonly type = this.point.define('console', (text: string) => {
    for (const letter of text) this.mix(letter.charCodeAt(0) + this.clock.now());
    this.awake = this.instructions + 10;
    return this.value;
  });

  private mix(number: number): void {
    this.value = (Math.imul(this.value ^ number, 0x9e3779b1) ^ (this.value >>> 7)) >>> 0;
  }

  settle(): void {
    while (this.timer <= this.clock.now()) {
      this.mix(this.timer);
      this.timer += 1_000;
      this.awake = this.instructions + 10;
    }
  }

  run(budget: number): { kind: string } {
    return this.point.run(budget, (allowed) => {
      for (let left = allowed; ; left--) {
        this.settle();
        if (this.stopWanted) {
          this.stopWanted = false;
          return { kind: 'stop' };
        }
        if (left <= 0) return { kind: 'budget' };
        if (this.instructions >= this.awake) return { kind: 'idle' };
        this.instructions++;
        this.mix(this.instructions);
        if (this.instructions % 10 === 0) this.onTen();
      }
    });
  }

  /** Until it sleeps, and over the sleep. */
  sleep(): void {
    while (this.run(7).kind !== 'idle');
    this.clock.skipTo(this.timer);
  }

  get state() {
    return { instructions: this.instructions, time: this.clock.now(), value: this.value };
  }
}

let pieces: Uint8Array[];
const log = (): InputLog => readInputLog(new Uint8Array(Buffer.concat(pieces)));

function recordInto(machine: ToyMachine): void {
  const append = (bytes: Uint8Array): void => void pieces.push(bytes);
  machine.point.record(
    new InputLogWriter({ append }, { identity: 'toy', instructions: 0, time: 0, hash: '', disks: [] }),
  );
}

function session(machine: ToyMachine): void {
  machine.sleep();
  machine.type('a');
  machine.run(5);
  machine.type('bc');
  machine.sleep();
  machine.sleep();
  while (machine.run(3).kind !== 'idle');
  // Typed while it sleeps: a part of the time passes before.
  machine.clock.skipTo(machine.clock.now() + 123);
  machine.type('d');
  machine.run(4);
}

function replay(machine: ToyMachine, recorded: InputLog, slice: number): ReplayOutcome | undefined {
  let outcome: ReplayOutcome | undefined;
  machine.point.replay(recorded, (how) => {
    outcome = how;
    machine.stopWanted = true;
  });
  for (let turns = 0; turns < 10_000 && outcome === undefined; turns++) {
    if (machine.run(slice).kind === 'idle') machine.clock.skipTo(machine.timer);
  }
  return outcome;
}

beforeEach(() => {
  pieces = [];
});

describe('a recorded session', () => {
  test.each([1, 3, 1000])('replays to the same end in slices of %i', (slice) => {
    const machine = new ToyMachine();
    recordInto(machine);
    session(machine);
    machine.point.finishRecording();
    const again = new ToyMachine();
    expect(replay(again, log(), slice)).toEqual({ kind: 'finished', complete: true });
    expect(again.state).toEqual(machine.state);
    expect(log().entries.map(({ kind }) => kind)).toEqual(['console', 'console', 'console', 'end']);
  });

  test('that was cut replays its last entry', () => {
    const machine = new ToyMachine();
    recordInto(machine);
    session(machine);
    const again = new ToyMachine();
    expect(replay(again, log(), 1000)).toEqual({ kind: 'finished', complete: false });
    expect(again.instructions).toBe(machine.instructions - 4);
  });

  test('is the same run as one that nobody records', () => {
    const machine = new ToyMachine();
    session(machine);
    const recorded = new ToyMachine();
    recordInto(recorded);
    session(recorded);
    expect(recorded.state).toEqual(machine.state);
  });

  test('that goes another way is told at the entry where it does', () => {
    const machine = new ToyMachine();
    recordInto(machine);
    session(machine);
    machine.point.finishRecording();
    const { head, complete, entries } = log();
    const wrong = (index: number, change: object): InputLog => ({
      ...{ head, complete, oldBlocks: [] },
      entries: entries.map((entry, at) => (at === index ? { ...entry, ...change } : entry)),
    });
    const outcome = (index: number, change: object) => replay(new ToyMachine(), wrong(index, change), 100);
    expect(outcome(0, { data: 'x' })).toMatchObject({
      kind: 'diverged',
      entry: 2,
      of: 4,
      reason: 'the registers differ',
    });
    expect(outcome(3, { data: 'ff' })).toMatchObject({ entry: 4, reason: expect.stringMatching(/memory differs/) });
    expect(outcome(1, { time: 1 })).toMatchObject({ entry: 2, reason: expect.stringMatching(/ns of virtual time/) });
    expect(outcome(2, { instructions: 3 })).toMatchObject({ entry: 3, reason: expect.stringMatching(/instruction 3/) });
    expect(outcome(1, { kind: 'mouse' })).toMatchObject({ entry: 2, reason: expect.stringMatching(/kind "mouse"/) });
  });
});

describe('input', () => {
  test('that comes while the guest runs enters when the run is left, at the next boundary', () => {
    const machine = new ToyMachine();
    recordInto(machine);
    machine.onTen = () => expect(machine.type('answer')).toBeUndefined();
    expect(machine.run(100).kind).toBe('stop');
    expect(machine.instructions).toBe(10);
    expect(log().entries).toMatchObject([{ kind: 'console', instructions: 10, data: 'answer' }]);
    machine.onTen = () => {};
    machine.run(2);
    machine.point.finishRecording();
    const again = new ToyMachine();
    expect(replay(again, log(), 50)).toMatchObject({ kind: 'finished' });
    expect(again.state).toEqual(machine.state);
  });

  test('answers what it did, and nothing during a replay', () => {
    const machine = new ToyMachine();
    recordInto(machine);
    expect(machine.type('a')).toBe(machine.value);
    machine.run(1);
    machine.point.finishRecording();
    const again = new ToyMachine();
    again.point.replay(log(), () => {});
    expect(again.type('b')).toBeUndefined();
    expect(again.value).toBe(1);
  });
});
