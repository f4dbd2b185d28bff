import { lowHalf, PAGE_SIZE, type VirtualAddress } from '../../base/numbers.ts';
import type { CodeCache } from '../interpreter/code-cache.ts';
import type { Mmu } from '../mmu/mmu.ts';
import { DebugRegisters, type Watchpoint } from './debug-registers.ts';
import { EFLAGS_RF } from './processor.ts';
import type { RegisterFile } from './registers.ts';

export const DR6_SINGLE_STEP = 1 << 14;
const DR6_BREAKPOINTS = 15;

/** Breakpoints and watchpoints of the debugger and of the guest's debug registers, side by side. */
export class DebugControl {
  readonly registers = new DebugRegisters();
  /** The debugger's watchpoints hit by the last EXIT_WATCHPOINT, by index. */
  hitWatchpoints: readonly number[] = [];
  /** The next instruction runs though a breakpoint stands there. */
  skipBreakpoint = false;
  /** The instruction at rip touches a watchpoint: run it alone, then say so. */
  watchStep = false;
  /** DR6 bits that are still to be raised: the debugger's stop came first. */
  pending = 0;
  /** MOV or POP has loaded SS: they wait until the next instruction has run (SDM vol. 3, 6.8.3). */
  heldBack = false;
  private breakpoints: ReadonlySet<number> = new Set();
  private watchpoints: readonly Watchpoint[] = [];

  constructor(
    private readonly file: RegisterFile,
    private readonly mmu: Mmu,
    private readonly cache: CodeCache,
  ) {}

  setBreakpoints(addresses: readonly VirtualAddress[]): void {
    this.breakpoints = new Set(addresses);
    this.arm();
  }

  setWatchpoints(points: readonly Watchpoint[]): void {
    this.watchpoints = points;
    this.watch();
  }

  setRegister(index: number, low: number, high: number): void {
    if (!this.registers.set(index, low, high)) return;
    this.arm();
    this.watch();
  }

  /** The debugger stops before the instruction at rip. */
  debuggerStops(): boolean {
    return this.breakpoints.size > 0 && !this.skipBreakpoint && this.breakpoints.has(this.file.rip);
  }

  /** A guest's instruction breakpoint stands at rip and RF does not pass it (SDM vol. 3, 17.3.1.1). */
  guestStops(): boolean {
    const { execution } = this.registers;
    if (execution.size === 0 || this.skipBreakpoint || !execution.has(this.file.rip)) return false;
    if ((this.file.rflags & EFLAGS_RF) === 0) return true;
    this.file.rflags &= ~EFLAGS_RF;
    this.skipBreakpoint = true;
    return false;
  }

  /** DR6 bits of the guest's breakpoint at rip. */
  guestBits(): number {
    return this.registers.execution.get(this.file.rip) ?? 0;
  }

  /** Anything stands at rip. A block that was decoded under another address of the same page offset is cut in vain. */
  standsHere(): boolean {
    return this.breakpoints.has(this.file.rip) || this.registers.execution.has(this.file.rip);
  }

  /** The instruction that touched watchpoints has run. True: the debugger's are among them. */
  watchedRan(bits: number): boolean {
    this.watchStep = false;
    const count = this.watchpoints.length;
    const { hits } = this.mmu.watch;
    this.pending |= bits;
    for (const index of hits) if (index >= count) this.pending |= this.registers.data[index - count]?.bit ?? 0;
    this.pending &= DR6_BREAKPOINTS | DR6_SINGLE_STEP;
    this.hitWatchpoints = hits.filter((index) => index < count);
    return this.hitWatchpoints.length > 0;
  }

  /** An exit comes before what was held back, which nobody gets then. */
  drop(): void {
    this.watchStep = false;
    if (this.heldBack) this.pending = 0;
    this.heldBack = false;
  }

  /** Puts bits, and those that were pending, into DR6. */
  report(bits: number): void {
    this.registers.report(bits | this.pending);
    this.pending = 0;
  }

  /** After the guest's registers were restored. */
  rearm(): void {
    this.skipBreakpoint = false;
    this.arm();
    this.watch();
  }

  private arm(): void {
    const addresses = [...this.breakpoints, ...this.registers.execution.keys()];
    this.cache.breakpointOffsets = new Set(addresses.map((address) => lowHalf(address) & (PAGE_SIZE - 1)));
    this.cache.dropAll();
  }

  private watch(): void {
    this.mmu.setWatch([...this.watchpoints, ...this.registers.data]);
  }
}
