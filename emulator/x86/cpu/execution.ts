import { PAGE_SIZE } from '../../base/numbers.ts';
import type { CodeCache } from '../interpreter/code-cache.ts';
import * as record from '../interpreter/record.ts';
import { type Mmu, VECTOR_WATCH } from '../mmu/mmu.ts';
import type { Translator } from '../translator/translator.ts';
import type { AccessChecks } from './access-checks.ts';
import { type DebugControl, DR6_SINGLE_STEP } from './debug-control.ts';
import {
  STATE_BUDGET,
  STATE_CR2,
  STATE_EFLAGS,
  STATE_ERROR_CODE,
  STATE_PAGE_BASE,
  STATE_RECORD,
  STATE_REGIONS,
  STATE_VECTOR,
} from './layout.ts';
import {
  ACCESS_FETCH,
  CS,
  EFLAGS_AC,
  EFLAGS_TF,
  EXIT_BREAKPOINT,
  EXIT_BUDGET,
  EXIT_EXCEPTION,
  EXIT_STOP,
  EXIT_WATCHPOINT,
  type Exit,
  type ExitReason,
  VECTOR_DB,
} from './processor.ts';
import type { RegisterFile } from './registers.ts';
import type { Segments } from './segments.ts';
import { EXIT_RESUME } from './system-machine.ts';

/** Set below zero by this much to make generated code leave at the next block. */
const STOP_BIAS = 1 << 30;

/** Interpreters by mode: from a record on, until they answer a RUN_* of record.ts. */
export type RunFunctions = Readonly<Record<32 | 64, (at: number) => number>>;

export interface ExecutionParts {
  readonly memory: WebAssembly.Memory;
  readonly functions: RunFunctions;
  readonly registers: RegisterFile;
  readonly segments: Segments;
  readonly mmu: Mmu;
  readonly checks: AccessChecks;
  readonly cache: CodeCache;
  readonly debug: DebugControl;
  /** Undefined: everything is interpreted. */
  readonly translator: Translator | undefined;
  readonly exit: Exit;
  /** The privilege may have changed. */
  readonly takePrivilege: () => void;
}

/** Runs guest code: finds blocks, links them, counts instructions, and turns what comes out into exits. */
export class Execution {
  /** Retired before the current `run`. */
  retired = 0;
  inside = false;

  private readonly i32: Int32Array;
  private readonly u8: Uint8Array;
  private granted = 0;
  /** Part of the budget that is put aside while one instruction runs alone. */
  private held = 0;
  private stopRequested = false;

  /** Where code is being fetched from, for an instruction that needs the following page. */
  private fetchLow = 0;
  private fetchHigh = 0;
  private readonly following = (): number => {
    const next = ((this.fetchLow & -PAGE_SIZE) + PAGE_SIZE) | 0;
    return this.parts.mmu.access(next, next === 0 ? (this.fetchHigh + 1) | 0 : this.fetchHigh, ACCESS_FETCH);
  };

  constructor(private readonly parts: ExecutionParts) {
    this.i32 = new Int32Array(parts.memory.buffer);
    this.u8 = new Uint8Array(parts.memory.buffer);
  }

  run(budget: number): ExitReason {
    this.granted = budget;
    this.i32[STATE_BUDGET >> 2] = budget;
    this.inside = true;
    const reason = this.loop();
    this.inside = false;
    this.parts.mmu.setChecks(undefined);
    this.takeBias();
    this.retired += budget - (this.i32[STATE_BUDGET >> 2] as number);
    // What the hypervisor accesses now is not that instruction's access.
    this.i32[STATE_RECORD >> 2] = 0;
    this.parts.exit.reason = reason;
    return reason;
  }

  get instructions(): number {
    if (!this.inside) return this.retired;
    const left = this.i32[STATE_BUDGET >> 2] as number;
    const at = this.i32[STATE_RECORD >> 2] as number;
    const pending = at === 0 ? 0 : (this.u8[at + record.RECORD_REMAINING] as number);
    return this.retired + this.granted - this.held - (this.stopRequested ? left + STOP_BIAS : left) - pending;
  }

  requestStop(): void {
    if (this.stopRequested || !this.inside) return;
    this.stopRequested = true;
    this.i32[STATE_BUDGET >> 2] = (this.i32[STATE_BUDGET >> 2] as number) - STOP_BIAS;
  }

  /** A snapshot was restored. */
  reset(retired: number): void {
    this.retired = retired;
    this.stopRequested = false;
  }

  private takeBias(): boolean {
    if (!this.stopRequested) return false;
    this.stopRequested = false;
    this.i32[STATE_BUDGET >> 2] = (this.i32[STATE_BUDGET >> 2] as number) + STOP_BIAS;
    return true;
  }

  private loop(): ExitReason {
    const { i32 } = this;
    const { registers, cache, segments, debug, exit } = this.parts;
    /** Single steps left because the budget ends inside the next block. */
    let stepping = false;
    for (;;) {
      i32[STATE_RECORD >> 2] = 0;
      if (debug.pending !== 0 && !debug.heldBack) return this.debugException(0);
      if (this.takeBias()) return EXIT_STOP;
      const left = i32[STATE_BUDGET >> 2] as number;
      if (left <= 0) return EXIT_BUDGET;
      const mode = segments.longMode ? 64 : 32;
      cache.setMode(mode);
      // Code segments that are not flat run one instruction at a time.
      const limited = this.checkSegments();
      if (limited && !this.parts.checks.fetchAllowed(registers.ripLow)) return this.fault();
      const code = this.fetch(mode === 64 ? 0 : registers.baseLow(CS));
      if (code < 0) return this.fault();
      const trap = ((i32[STATE_EFLAGS >> 2] as number) & EFLAGS_TF) !== 0;
      if (debug.debuggerStops()) return EXIT_BREAKPOINT;
      if (debug.guestStops()) return this.debugException(debug.guestBits());
      let outcome: number;
      if (trap || stepping || limited || debug.skipBreakpoint || debug.watchStep || debug.heldBack) {
        debug.skipBreakpoint = false;
        const at = cache.decodeSingle(code, this.following);
        if (at < 0) return this.fault();
        segments.stackLoaded = false;
        outcome = this.runAlone(mode, at, left);
        const reason = this.ranAlone(outcome, trap);
        if (reason !== undefined) return reason;
      } else {
        const at = cache.lookup(code, this.following);
        if (at < 0) return this.exception();
        outcome = this.follow(at, mode);
      }
      switch (outcome) {
        case record.RUN_EXCEPTION:
          if (i32[STATE_VECTOR >> 2] !== VECTOR_WATCH) return this.exception();
          debug.watchStep = true;
          break;
        case record.RUN_EXIT:
          if ((exit.reason as number) !== EXIT_RESUME) return this.leave();
          break;
        case record.RUN_BUDGET:
          if (!this.stopRequested) stepping = true;
          break;
        default:
          break;
      }
    }
  }

  /** Alignment and limits as flags and segments have them now. True: the code segment itself has limits. */
  private checkSegments(): boolean {
    const { mmu, checks, segments, registers, takePrivilege } = this.parts;
    const long = segments.longMode;
    takePrivilege();
    const aligned = mmu.user && ((this.i32[STATE_EFLAGS >> 2] as number) & EFLAGS_AC) !== 0;
    checks.highest = mmu.ceiling - 1;
    const checked = checks.renew(aligned, long);
    mmu.setChecks(checked ? checks : undefined);
    this.i32[STATE_REGIONS >> 2] = !checked && (long || registers.isFlat32) ? 1 : 0;
    return !long && checks.codeLimited;
  }

  /** Byte offset in linear memory of the instruction at rip; -1 and a recorded exception when there is none. */
  private fetch(base: number): number {
    const { registers, segments, mmu } = this.parts;
    const low = (registers.ripLow + base) | 0;
    const high = segments.longMode ? registers.ripHigh : 0;
    const code = mmu.access(low, high, ACCESS_FETCH);
    if (code < 0) return code;
    // As rip counts, not as linear addresses do: generated code derives rip from it.
    this.i32[STATE_PAGE_BASE >> 2] = (low & -PAGE_SIZE) - base;
    this.i32[(STATE_PAGE_BASE >> 2) + 1] = high;
    this.fetchLow = low;
    this.fetchHigh = high;
    return code;
  }

  /** One instruction, with the rest of the budget put aside. */
  private runAlone(mode: 32 | 64, at: number, left: number): number {
    const { i32 } = this;
    i32[STATE_BUDGET >> 2] = 1;
    this.held = left - 1;
    const outcome = this.execute(mode, at, !this.parts.debug.watchStep);
    this.held = 0;
    i32[STATE_BUDGET >> 2] = (i32[STATE_BUDGET >> 2] as number) + left - 1;
    return outcome;
  }

  /** What debugging makes of an instruction that ran alone: an exit, or undefined to go on. */
  private ranAlone(outcome: number, trap: boolean): ExitReason | undefined {
    const { debug, segments, exit } = this.parts;
    const exited = outcome === record.RUN_EXIT && (exit.reason as number) !== EXIT_RESUME;
    if (outcome === record.RUN_EXCEPTION || exited) {
      // An instruction that touches a watchpoint comes again; after any other exit, Xen swallows what was held back.
      if (exited || this.i32[STATE_VECTOR >> 2] !== VECTOR_WATCH) debug.drop();
      return undefined;
    }
    debug.heldBack = segments.stackLoaded;
    if (debug.heldBack) {
      // The trap flag's exception is not late but lost.
      return debug.watchStep && debug.watchedRan(0) ? EXIT_WATCHPOINT : undefined;
    }
    if (debug.watchStep) return this.watchedRan(trap ? DR6_SINGLE_STEP : 0);
    return trap ? this.debugException(DR6_SINGLE_STEP) : undefined;
  }

  /** Runs from a block, linking blocks of the same page as they are found. */
  private follow(first: number, mode: 32 | 64): number {
    const { i32 } = this;
    const { registers, cache, mmu, debug, translator } = this.parts;
    let at = first;
    for (;;) {
      const outcome = this.execute(mode, at, true);
      if (outcome === record.RUN_HOT) {
        at = i32[STATE_RECORD >> 2] as number;
        translator?.hot(at);
        continue;
      }
      if (outcome !== record.RUN_LINK_TAKEN && outcome !== record.RUN_LINK_NEXT) {
        if (outcome === record.RUN_BREAK && !debug.standsHere()) debug.skipBreakpoint = true;
        return outcome;
      }
      const from = i32[STATE_RECORD >> 2] as number;
      if (this.stopRequested) return record.RUN_RESOLVE;
      const low = registers.ripLow;
      const high = registers.ripHigh;
      const code = mmu.access(low, high, ACCESS_FETCH);
      if (code < 0) return record.RUN_RESOLVE;
      const { generation } = cache;
      this.fetchLow = low;
      this.fetchHigh = high;
      at = cache.lookup(code, this.following);
      if (at < 0) return record.RUN_RESOLVE;
      if (generation === cache.generation && !cache.isSingle(from)) {
        const link = outcome === record.RUN_LINK_TAKEN ? record.RECORD_LINK_TAKEN : record.RECORD_LINK_NEXT;
        i32[(from + link) >> 2] = at;
      }
    }
  }

  /** Generated code from a record on; watchpoints count unless the instruction that hit one is run alone. */
  private execute(mode: 32 | 64, at: number, watching: boolean): number {
    const { mmu, functions } = this.parts;
    mmu.watching = watching;
    const outcome = functions[mode](at);
    mmu.watching = false;
    return outcome;
  }

  /** A system row left. Its instruction has not retired: whoever handles the exit counts it. */
  private leave(): ExitReason {
    const { i32 } = this;
    const remaining = this.u8[(i32[STATE_RECORD >> 2] as number) + record.RECORD_REMAINING] as number;
    i32[STATE_BUDGET >> 2] = (i32[STATE_BUDGET >> 2] as number) + remaining;
    return this.parts.exit.reason;
  }

  /** There is no instruction at rip. */
  private fault(): ExitReason {
    this.parts.debug.drop();
    return this.exception();
  }

  /** Exit with the exception that is recorded in the processor's state. */
  exception(): ExitReason {
    const { i32 } = this;
    const { exit } = this.parts;
    exit.vector = i32[STATE_VECTOR >> 2] as number;
    exit.errorCode = i32[STATE_ERROR_CODE >> 2] as number;
    exit.cr2Low = i32[STATE_CR2 >> 2] as number;
    exit.cr2High = i32[(STATE_CR2 >> 2) + 1] as number;
    exit.length = 0;
    return EXIT_EXCEPTION;
  }

  /** #DB with these bits of DR6. */
  private debugException(bits: number): ExitReason {
    this.parts.debug.report(bits);
    this.i32[STATE_VECTOR >> 2] = VECTOR_DB;
    this.i32[STATE_ERROR_CODE >> 2] = -1;
    return this.exception();
  }

  /** The instruction that touched a watchpoint has run: the debugger's points stop `run`, the guest's raise #DB. */
  private watchedRan(bits: number): ExitReason {
    return this.parts.debug.watchedRan(bits) ? EXIT_WATCHPOINT : this.debugException(0);
  }
}
