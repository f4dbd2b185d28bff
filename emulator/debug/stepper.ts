import type { VirtualAddress } from '../base/numbers.ts';
import { instructionKind } from './instruction-kind.ts';

/** What stepping looks at. */
export interface StepView {
  /** Executed instructions. */
  instructions(): number;
  rip(): VirtualAddress;
  rsp(): VirtualAddress;
  /** Up to 15 bytes at rip. */
  code(): Uint8Array;
  bits(): 64 | 32;
}

/** Addresses from `low` to before `high`. */
export interface StepRange {
  readonly low: VirtualAddress;
  readonly high: VirtualAddress;
}

type Phase =
  /** One instruction at a time. */
  | { readonly kind: 'single' }
  /** Freely, to a place whose frame is not deeper than `floor`; then `next`. */
  | {
      readonly kind: 'run';
      readonly until: VirtualAddress;
      readonly floor: VirtualAddress;
      readonly next: 'done' | 'single';
    };

const SINGLE: Phase = { kind: 'single' };

/**
 * One step of the user, carried out over any number of runs. `in` executes one instruction; `over` the same, but runs
 * through calls, system calls, REP and event callbacks; `out` runs to the frame's return address where that is known,
 * and otherwise from call to call until a return leaves the frame. With `within`, the first two go on until they are
 * somewhere else, or a return has left the frame.
 *
 * NOT IMPLEMENTED: `out` through a tail-called retpoline thunk without a known return address: its call never comes
 * back, and the step ends only at a pause.
 */
export class Stepper {
  private phase: Phase = SINGLE;
  private readonly floor: VirtualAddress;
  private executed: number;
  private rip: VirtualAddress;
  private callbacks = 0;
  private leaving = false;

  constructor(
    private readonly kind: 'in' | 'over' | 'out',
    private readonly view: StepView,
    returnAddress: VirtualAddress | undefined,
    private readonly within: readonly StepRange[] = [],
  ) {
    this.floor = view.rsp();
    this.executed = view.instructions();
    this.rip = view.rip();
    if (kind === 'out' && returnAddress !== undefined) {
      // The return pops at least the return address itself.
      this.phase = { kind: 'run', until: returnAddress, floor: (this.floor + 1) as VirtualAddress, next: 'done' };
    } else this.plan();
  }

  /** Runs one instruction at a time now. */
  get single(): boolean {
    return this.phase.kind === 'single';
  }

  /** Where a breakpoint of ours is wanted now. */
  get breakpoint(): VirtualAddress | undefined {
    return this.phase.kind === 'run' ? this.phase.until : undefined;
  }

  /** An event callback is delivered to the guest. */
  callbackDelivered(): void {
    this.callbacks++;
  }

  /** A run used up its budget. Answers whether the step is complete. */
  ran(): boolean {
    if (this.phase.kind !== 'single' || this.view.instructions() === this.executed) return false;
    if (this.callbacks > 0 && (this.kind !== 'in' || this.within.length > 0)) {
      // The guest handles an event first; it comes back to where it was.
      this.phase = { kind: 'run', until: this.rip, floor: this.view.rsp(), next: 'single' };
      return false;
    }
    return this.kind === 'out' ? this.goOn(this.hasLeft()) : this.arrived();
  }

  /** A breakpoint stands at rip. Answers whether it ends the step. */
  reached(): boolean {
    const { phase } = this;
    if (phase.kind !== 'run' || this.view.rip() !== phase.until || this.view.rsp() < phase.floor) return false;
    if (phase.next === 'done') return this.arrived();
    this.plan();
    return false;
  }

  /** A step in or over is complete, unless it is still where it is to leave. */
  private arrived(): boolean {
    const rip = this.view.rip();
    return this.goOn(this.hasLeft() || !this.within.some(({ low, high }) => rip >= low && rip < high));
  }

  private hasLeft(): boolean {
    return this.leaving && this.view.rsp() > this.floor;
  }

  private goOn(done: boolean): boolean {
    if (!done) this.plan();
    return done;
  }

  /** Decides how to go on from here. */
  private plan(): void {
    this.executed = this.view.instructions();
    this.rip = this.view.rip();
    this.callbacks = 0;
    this.leaving = false;
    this.phase = SINGLE;
    if (this.kind === 'in' && this.within.length === 0) return;
    const found = instructionKind(this.view.code(), this.view.bits());
    if (found.kind === 'return') this.leaving = true;
    if (found.kind !== 'excursion' || this.kind === 'in') return;
    const until = (this.rip + found.length) as VirtualAddress;
    this.phase = { kind: 'run', until, floor: this.view.rsp(), next: this.kind === 'over' ? 'done' : 'single' };
  }
}
