import { assert } from '../../base/assert.ts';
import { lowHalf, type MachineAddress, type Mfn, PAGE_SIZE, type VirtualAddress } from '../../base/numbers.ts';
import type { Decoder } from '../decoder/decoder.ts';
import { CodeCache } from '../interpreter/code-cache.ts';
import type { FormTable } from '../interpreter/forms.ts';
import type { Form } from '../interpreter/operands.ts';
import * as record from '../interpreter/record.ts';
import { inspectWalk } from '../mmu/inspect-walk.ts';
import { Mmu, VECTOR_WATCH } from '../mmu/mmu.ts';
import type { PhysicalMemory } from '../mmu/physical-memory.ts';
import { AccessChecks } from './access-checks.ts';
import { DebugRegisters, type Watchpoint } from './debug-registers.ts';
import { FpuImage } from './fpu-image.ts';
import { GuestMemory } from './guest-memory.ts';
import {
  STATE_BUDGET,
  STATE_CR2,
  STATE_EFLAGS,
  STATE_ERROR_CODE,
  STATE_FPU_OFF,
  STATE_PAGE_BASE,
  STATE_RECORD,
  STATE_VECTOR,
} from './layout.ts';
import {
  ACCESS_FETCH,
  type Access,
  CS,
  EFLAGS_AC,
  EFLAGS_RF,
  EFLAGS_TF,
  EXIT_BREAKPOINT,
  EXIT_BUDGET,
  EXIT_EXCEPTION,
  EXIT_STOP,
  EXIT_WATCHPOINT,
  type Exit,
  type ExitReason,
  type PagingMode,
  type Processor,
  type ProcessorHooks,
  type ProcessorState,
  VECTOR_DB,
  type Walk,
} from './processor.ts';
import { saveRegisters, type X86State } from './processor-state.ts';
import { RegisterFile } from './registers.ts';
import { FAULT_NONE, Segments } from './segments.ts';
import { EXIT_RESUME } from './system-machine.ts';
import { SystemRows } from './system-rows.ts';

/** Set below zero by this much to make generated code leave at the next block. */
const STOP_BIAS = 1 << 30;
const DR6_SINGLE_STEP = 1 << 14;
const DR6_BREAKPOINTS = 15;

/** Imports that generated code calls; handed out before the processor exists. */
export interface EngineImports {
  slowRead: (low: number, high: number, bytes: number) => number;
  slowWrite: (low: number, high: number, bytes: number) => number;
  slowModify: (low: number, high: number, bytes: number) => number;
  system: (routine: number, at: number) => number;
}

/** What `createProcessor` compiled: an interpreter, form table and decoder per mode. */
export interface Engine {
  readonly run: Readonly<Record<32 | 64, (at: number) => number>>;
  readonly forms: Readonly<Record<32 | 64, FormTable>>;
  readonly decoders: Readonly<Record<32 | 64, Decoder>>;
  readonly imports: EngineImports;
}

/** The processor of the contract, over the interpreter. */
export class X86Processor implements Processor {
  readonly exit: Exit = { reason: EXIT_BUDGET, vector: 0, errorCode: -1, cr2Low: 0, cr2High: 0, length: 0 };
  cr4 = 0;
  failed = false;
  viewFollowsPrivilege = false;

  private readonly i32: Int32Array;
  private readonly u8: Uint8Array;
  private readonly registers: RegisterFile;
  private readonly segments: Segments;
  private readonly mmu: Mmu;
  private readonly checks: AccessChecks;
  private readonly memory: GuestMemory;
  private readonly fpu: FpuImage;
  private readonly cache: CodeCache;
  private readonly debug = new DebugRegisters();
  private watchpoints: readonly Watchpoint[] = [];
  /** The debugger's watchpoints hit by the last EXIT_WATCHPOINT, by index. */
  hitWatchpoints: readonly number[] = [];
  /** The instruction at rip touches a watchpoint: run it alone, then say so. */
  private watchStep = false;
  /** DR6 bits of guest breakpoints that are still to be raised: the debugger's stop came first. */
  private pendingDebug = 0;

  /** Where code is being fetched from, for an instruction that needs the following page. */
  private fetchLow = 0;
  private fetchHigh = 0;
  private readonly following = (): number => {
    const next = ((this.fetchLow & -PAGE_SIZE) + PAGE_SIZE) | 0;
    const at = this.mmu.access(next, next === 0 ? (this.fetchHigh + 1) | 0 : this.fetchHigh, ACCESS_FETCH);
    return at < 0 ? -1 : at;
  };

  /** Retired before the current `run`, and its budget. */
  private retired = 0;
  private granted = 0;
  /** Part of the budget that is put aside while one instruction runs alone. */
  private held = 0;
  private inside = false;
  private stopRequested = false;
  private breakpoints: ReadonlySet<number> = new Set();
  private skipBreakpoint = false;

  constructor(
    private readonly ram: PhysicalMemory,
    private readonly engine: Engine,
    hooks: ProcessorHooks,
  ) {
    this.i32 = new Int32Array(ram.memory.buffer);
    this.u8 = new Uint8Array(ram.memory.buffer);
    this.registers = new RegisterFile(ram.memory);
    this.segments = new Segments(this.registers, () => this.mmu.hooks);
    this.mmu = new Mmu(ram, hooks);
    this.checks = new AccessChecks(ram.memory, this.registers, this.segments);
    this.memory = new GuestMemory(ram, this.mmu);
    this.fpu = new FpuImage(ram.memory);
    this.cache = new CodeCache(ram, this.mmu, engine.decoders);
    const processor = this;
    const rows = new SystemRows(ram.memory, {
      registers: this.registers,
      segments: this.segments,
      memory: this.memory,
      fpu: this.fpu,
      exit: this.exit,
      get hooks() {
        return processor.mmu.hooks;
      },
      get cr4() {
        return processor.cr4;
      },
    });
    engine.imports.slowRead = (low, high, bytes) => this.mmu.slowRead(low, high, bytes);
    engine.imports.slowWrite = (low, high, bytes) => this.mmu.slowWrite(low, high, bytes);
    engine.imports.slowModify = (low, high, bytes) => this.mmu.slowModify(low, high, bytes);
    engine.imports.system = (routine, at) => {
      const form = engine.forms[this.segments.longMode ? 64 : 32].system[routine] as Form;
      const run = rows.table[form.row.traits.system as string];
      assert(run !== undefined, `no system row "${form.row.traits.system}"`);
      return run(form, at);
    };
  }

  // ---- Running

  run(budget: number): ExitReason {
    this.granted = budget;
    this.i32[STATE_BUDGET >> 2] = budget;
    this.inside = true;
    const reason = this.loop();
    this.inside = false;
    this.mmu.setChecks(undefined);
    this.takeBias();
    this.retired += budget - (this.i32[STATE_BUDGET >> 2] as number);
    // What the hypervisor accesses now is not that instruction's access.
    this.i32[STATE_RECORD >> 2] = 0;
    this.exit.reason = reason;
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

  private takeBias(): boolean {
    if (!this.stopRequested) return false;
    this.stopRequested = false;
    this.i32[STATE_BUDGET >> 2] = (this.i32[STATE_BUDGET >> 2] as number) + STOP_BIAS;
    return true;
  }

  private loop(): ExitReason {
    const { i32, registers, cache } = this;
    /** Single steps left because the budget ends inside the next block. */
    let stepping = false;
    for (;;) {
      i32[STATE_RECORD >> 2] = 0;
      if (this.pendingDebug !== 0) return this.debugTrap(0);
      if (this.takeBias()) return EXIT_STOP;
      const left = i32[STATE_BUDGET >> 2] as number;
      if (left <= 0) return EXIT_BUDGET;
      const long = this.segments.longMode;
      const mode = long ? 64 : 32;
      cache.setMode(mode);
      this.takePrivilege();
      const aligned = this.mmu.user && ((i32[STATE_EFLAGS >> 2] as number) & EFLAGS_AC) !== 0;
      this.mmu.setChecks(this.checks.renew(aligned, long) ? this.checks : undefined);
      const base = long ? 0 : registers.baseLow(CS);
      const low = (registers.ripLow + base) | 0;
      const high = long ? registers.ripHigh : 0;
      // Code segments that are not flat run one instruction at a time.
      const limited = !long && (base !== 0 || this.checks.codeLimit !== 0xffffffff);
      if (limited && !this.checks.fetchAllowed(registers.ripLow)) return this.exception();
      const code = this.mmu.access(low, high, ACCESS_FETCH);
      if (code < 0) return this.exception();
      // As rip counts, not as linear addresses do: generated code derives rip from it.
      i32[STATE_PAGE_BASE >> 2] = (low & -PAGE_SIZE) - base;
      i32[(STATE_PAGE_BASE >> 2) + 1] = high;
      this.fetchLow = low;
      this.fetchHigh = high;
      const trap = ((i32[STATE_EFLAGS >> 2] as number) & EFLAGS_TF) !== 0;
      if (this.breakpoints.size > 0 && !this.skipBreakpoint && this.breakpoints.has(registers.rip))
        return EXIT_BREAKPOINT;
      if (this.debug.execution.size > 0 && this.guestBreakpoint()) return this.debugFault();
      let outcome: number;
      if (trap || stepping || limited || this.skipBreakpoint || this.watchStep) {
        this.skipBreakpoint = false;
        const at = cache.decodeSingle(code, this.following);
        if (at < 0) return this.exception();
        i32[STATE_BUDGET >> 2] = 1;
        this.held = left - 1;
        outcome = this.execute(mode, at, !this.watchStep);
        this.held = 0;
        i32[STATE_BUDGET >> 2] = (i32[STATE_BUDGET >> 2] as number) + left - 1;
        const whole = outcome !== record.RUN_EXCEPTION && outcome !== record.RUN_EXIT;
        if (this.watchStep && whole) return this.watchTrap(trap ? DR6_SINGLE_STEP : 0);
        this.watchStep = this.watchStep && whole;
        if (whole && trap) return this.debugTrap(DR6_SINGLE_STEP);
      } else {
        const at = cache.lookup(code, this.following);
        if (at < 0) return this.exception();
        outcome = this.follow(at, mode);
      }
      switch (outcome) {
        case record.RUN_EXCEPTION:
          if (i32[STATE_VECTOR >> 2] !== VECTOR_WATCH) return this.exception();
          this.watchStep = true;
          break;
        case record.RUN_EXIT:
          if ((this.exit.reason as number) !== EXIT_RESUME) {
            // The instruction has not retired: whoever handles the exit counts it.
            i32[STATE_BUDGET >> 2] =
              (i32[STATE_BUDGET >> 2] as number) +
              (this.u8[(i32[STATE_RECORD >> 2] as number) + record.RECORD_REMAINING] as number);
            return this.exit.reason;
          }
          if (trap) return this.debugTrap(DR6_SINGLE_STEP);
          break;
        case record.RUN_BUDGET:
          if (!this.stopRequested) stepping = true;
          break;
        default:
          break;
      }
    }
  }

  /** Runs from a block, linking blocks of the same page as they are found. */
  private follow(first: number, mode: 32 | 64): number {
    const { i32, registers, cache } = this;
    let at = first;
    for (;;) {
      const outcome = this.execute(mode, at, true);
      if (outcome !== record.RUN_LINK_TAKEN && outcome !== record.RUN_LINK_NEXT) {
        // The block was decoded under another address of the same page offset: nothing stands here.
        if (
          outcome === record.RUN_BREAK &&
          !this.breakpoints.has(registers.rip) &&
          !this.debug.execution.has(registers.rip)
        )
          this.skipBreakpoint = true;
        return outcome;
      }
      const from = i32[STATE_RECORD >> 2] as number;
      if (this.stopRequested) return record.RUN_RESOLVE;
      const low = registers.ripLow;
      const high = registers.ripHigh;
      const code = this.mmu.access(low, high, ACCESS_FETCH);
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

  private exception(): ExitReason {
    const { exit, i32 } = this;
    exit.vector = i32[STATE_VECTOR >> 2] as number;
    exit.errorCode = i32[STATE_ERROR_CODE >> 2] as number;
    exit.cr2Low = i32[STATE_CR2 >> 2] as number;
    exit.cr2High = i32[(STATE_CR2 >> 2) + 1] as number;
    exit.length = 0;
    return EXIT_EXCEPTION;
  }

  /** Generated code from a record on; watchpoints count unless the instruction that hit one is run alone. */
  private execute(mode: 32 | 64, at: number, watching: boolean): number {
    this.mmu.watching = watching;
    const outcome = this.engine.run[mode](at);
    this.mmu.watching = false;
    return outcome;
  }

  // ---- Debug exceptions

  /** #DB as a trap, after an instruction, with these bits of DR6. */
  private debugTrap(bits: number): ExitReason {
    this.debug.report(bits | this.pendingDebug);
    this.pendingDebug = 0;
    this.i32[STATE_VECTOR >> 2] = VECTOR_DB;
    this.i32[STATE_ERROR_CODE >> 2] = -1;
    return this.exception();
  }

  /** Whether a guest's instruction breakpoint stands at rip and RF does not pass it (SDM vol. 3, 17.3.1.1). */
  private guestBreakpoint(): boolean {
    if (!this.debug.execution.has(this.registers.rip) || this.skipBreakpoint) return false;
    if ((this.registers.rflags & EFLAGS_RF) === 0) return true;
    this.registers.rflags &= ~EFLAGS_RF;
    this.skipBreakpoint = true;
    return false;
  }

  /** #DB as a fault, before the instruction. */
  private debugFault(): ExitReason {
    return this.debugTrap(this.debug.execution.get(this.registers.rip) ?? 0);
  }

  /** The instruction that touched a watchpoint has run: the debugger's points stop `run`, the guest's raise #DB. */
  private watchTrap(bits: number): ExitReason {
    this.watchStep = false;
    const count = this.watchpoints.length;
    const hits = this.mmu.watch.hits;
    this.pendingDebug = bits;
    for (const index of hits) if (index >= count) this.pendingDebug |= this.debug.data[index - count]?.bit ?? 0;
    this.pendingDebug &= DR6_BREAKPOINTS | DR6_SINGLE_STEP;
    this.hitWatchpoints = hits.filter((index) => index < count);
    return this.hitWatchpoints.length > 0 ? EXIT_WATCHPOINT : this.debugTrap(0);
  }

  private armBreakpoints(): void {
    const offsets = [...this.breakpoints, ...this.debug.execution.keys()];
    this.cache.breakpointOffsets = new Set(offsets.map((address) => lowHalf(address) & (PAGE_SIZE - 1)));
    this.cache.dropAll();
  }

  setWatchpoints(points: readonly Watchpoint[]): void {
    this.watchpoints = points;
    this.mmu.setWatch([...points, ...this.debug.data]);
  }

  // ---- Registers

  get hooks(): ProcessorHooks {
    return this.mmu.hooks;
  }
  set hooks(hooks: ProcessorHooks) {
    this.mmu.hooks = hooks;
  }

  low(register: number): number {
    return this.registers.low(register);
  }
  high(register: number): number {
    return this.registers.high(register);
  }
  setRegister(register: number, low: number, high: number): void {
    this.registers.set(register, low, high);
  }
  address(register: number): VirtualAddress {
    return this.registers.address(register);
  }
  get rip(): VirtualAddress {
    return this.registers.rip;
  }
  set rip(value: VirtualAddress) {
    this.registers.rip = value;
  }
  get rflags(): number {
    return this.registers.rflags;
  }
  set rflags(value: number) {
    this.registers.rflags = value;
  }

  selector(segment: number): number {
    return this.registers.selector(segment);
  }
  loadSegment(segment: number, selector: number): number {
    const fault = this.segments.loadData(segment, selector);
    return fault === FAULT_NONE ? -1 : fault;
  }
  forceSegment(segment: number, selector: number, descriptorLow: number, descriptorHigh: number): void {
    this.segments.force(segment, selector, descriptorLow, descriptorHigh);
    this.takePrivilege();
  }
  dropPrivilegedSegments(): void {
    this.segments.dropPrivileged(this.segments.privilege);
  }
  private takePrivilege(): void {
    this.mmu.user = this.segments.privilege === 3;
    if (this.viewFollowsPrivilege) this.mmu.setView(this.mmu.user ? 1 : 0);
  }
  segmentBaseLow(segment: number): number {
    return this.registers.baseLow(segment);
  }
  segmentBaseHigh(segment: number): number {
    return this.registers.baseHigh(segment);
  }
  setSegmentBase(segment: number, low: number, high: number): void {
    this.registers.setBase(segment, low, high);
  }
  get privilege(): number {
    return this.segments.privilege;
  }
  get longMode(): boolean {
    return this.segments.longMode;
  }

  get taskSwitched(): boolean {
    return this.i32[STATE_FPU_OFF >> 2] !== 0;
  }
  set taskSwitched(value: boolean) {
    this.i32[STATE_FPU_OFF >> 2] = value ? 1 : 0;
  }
  debugRegister(index: number): number {
    return this.debug.low(index);
  }
  setDebugRegister(index: number, low: number, high: number): void {
    if (!this.debug.set(index, low, high)) return;
    this.armBreakpoints();
    this.mmu.setWatch([...this.watchpoints, ...this.debug.data]);
  }

  // ---- Memory

  get paging(): PagingMode {
    return this.mmu.paging;
  }
  set paging(mode: PagingMode) {
    this.mmu.paging = mode;
    this.mmu.flush();
  }
  setRoot(view: 0 | 1, root: Mfn | undefined): void {
    this.mmu.setRoot(view, root);
  }
  root(view: 0 | 1): Mfn | undefined {
    return this.mmu.roots[view];
  }
  get view(): 0 | 1 {
    return this.mmu.view;
  }
  set view(view: 0 | 1) {
    this.mmu.setView(view);
    if (this.viewFollowsPrivilege) this.mmu.user = view === 1;
  }
  flushTlb(): void {
    this.mmu.flush();
  }
  invalidatePage(address: VirtualAddress): void {
    this.mmu.invalidatePage(lowHalf(address));
  }

  translate(address: VirtualAddress, access: Access): MachineAddress | -1 {
    const machine = this.memory.translate(address, access);
    if (machine < 0) this.exception();
    return machine;
  }
  readVirtual(address: VirtualAddress, length: number): Uint8Array | undefined {
    return this.memory.readBytes(address, length);
  }
  writeVirtual(address: VirtualAddress, bytes: Uint8Array): boolean {
    return this.memory.writeBytes(address, bytes);
  }
  read32(address: VirtualAddress): number {
    if (this.memory.load(address, 4)) return this.memory.low >>> 0;
    this.failed = true;
    return 0;
  }
  write32(address: VirtualAddress, value: number): void {
    this.memory.low = value;
    if (!this.memory.store(address, 4)) this.failed = true;
  }

  walk(address: VirtualAddress, root = this.mmu.roots[this.mmu.view]): Walk {
    return inspectWalk(this.ram, this.mmu.paging, root, address);
  }
  peek(address: VirtualAddress, length: number, root?: Mfn): Uint8Array {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { machine } = this.walk((address + done) as VirtualAddress, root ?? this.mmu.roots[this.mmu.view]);
      if (machine === undefined) break;
      const at = machine - this.ram.firstMfn * PAGE_SIZE + this.ram.base;
      const count = Math.min(length - done, PAGE_SIZE - (machine % PAGE_SIZE));
      bytes.set(this.u8.subarray(at, at + count), done);
      done += count;
    }
    return bytes.subarray(0, done);
  }

  // ---- Debugging and FPU

  setBreakpoints(addresses: readonly VirtualAddress[]): void {
    this.breakpoints = new Set(addresses);
    this.armBreakpoints();
  }
  skipBreakpointOnce(): void {
    this.skipBreakpoint = true;
  }
  saveFpu(): Uint8Array {
    return this.fpu.save(16);
  }
  restoreFpu(image: Uint8Array): void {
    this.fpu.restore(image, 16);
  }

  // ---- Snapshots

  save(): X86State {
    assert(!this.inside, 'a processor is saved between runs');
    return {
      registers: saveRegisters(this.u8),
      segmentsLow: this.segments.low.slice(),
      segmentsHigh: this.segments.high.slice(),
      debugRegisters: this.debug.save(),
      mmu: this.mmu.save(),
      cr4: this.cr4,
      viewFollowsPrivilege: this.viewFollowsPrivilege,
      failed: this.failed,
      exit: { ...this.exit },
      retired: this.retired,
      watchStep: this.watchStep,
      pendingDebug: this.pendingDebug,
    };
  }

  restore(saved: ProcessorState): void {
    const state = saved as X86State;
    this.cache.dropAll();
    this.u8.set(state.registers);
    this.segments.low.set(state.segmentsLow);
    this.segments.high.set(state.segmentsHigh);
    this.debug.restore(state.debugRegisters);
    this.cr4 = state.cr4;
    this.viewFollowsPrivilege = state.viewFollowsPrivilege;
    this.failed = state.failed;
    Object.assign(this.exit, state.exit);
    this.retired = state.retired;
    this.watchStep = state.watchStep;
    this.pendingDebug = state.pendingDebug;
    this.stopRequested = false;
    this.skipBreakpoint = false;
    this.mmu.restore(state.mmu);
    this.armBreakpoints();
    this.setWatchpoints(this.watchpoints);
  }
}
