import { assert } from '../../base/assert.ts';
import { lowHalf, type MachineAddress, type Mfn, PAGE_SIZE, type VirtualAddress } from '../../base/numbers.ts';
import type { Decoder } from '../decoder/decoder.ts';
import { CodeCache } from '../interpreter/code-cache.ts';
import type { FormTable } from '../interpreter/forms.ts';
import type { Form } from '../interpreter/operands.ts';
import { inspectWalk } from '../mmu/inspect-walk.ts';
import { Mmu } from '../mmu/mmu.ts';
import type { PhysicalMemory } from '../mmu/physical-memory.ts';
import { connectRegions, type RegionCallbacks } from '../translator/region-callbacks.ts';
import type { RegionHost } from '../translator/region-compiler.ts';
import { Translator, type TranslatorOptions } from '../translator/translator.ts';
import { AccessChecks } from './access-checks.ts';
import { DebugControl } from './debug-control.ts';
import type { Watchpoint } from './debug-registers.ts';
import { Execution, type RunFunctions } from './execution.ts';
import { FpuImage } from './fpu-image.ts';
import { GuestMemory } from './guest-memory.ts';
import { STATE_FPU_OFF } from './layout.ts';
import {
  type Access,
  EXIT_BUDGET,
  type Exit,
  type ExitReason,
  type PagingMode,
  type Processor,
  type ProcessorHooks,
  type ProcessorState,
  type Walk,
} from './processor.ts';
import { saveRegisters, type X86State } from './processor-state.ts';
import { RegisterFile } from './registers.ts';
import { FAULT_NONE, Segments } from './segments.ts';
import { SystemRows } from './system-rows.ts';

/** Imports that generated code calls; handed out before the processor exists. */
export interface EngineImports {
  slowRead: (low: number, high: number, bytes: number) => number;
  slowWrite: (low: number, high: number, bytes: number) => number;
  slowModify: (low: number, high: number, bytes: number) => number;
  system: (routine: number, at: number) => number;
}

/** What `createProcessor` compiled: an interpreter, form table and decoder per mode. */
export interface Engine {
  readonly run: RunFunctions;
  readonly forms: Readonly<Record<32 | 64, FormTable>>;
  readonly decoders: Readonly<Record<32 | 64, Decoder>>;
  readonly imports: EngineImports;
  /** Undefined: everything is interpreted. */
  readonly translation?: {
    readonly host: RegionHost;
    readonly callbacks: RegionCallbacks;
    readonly options: TranslatorOptions;
  };
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
  private readonly memory: GuestMemory;
  private readonly fpu: FpuImage;
  private readonly cache: CodeCache;
  private readonly debug: DebugControl;
  private readonly execution: Execution;
  readonly translator: Translator | undefined;

  constructor(
    private readonly ram: PhysicalMemory,
    engine: Engine,
    hooks: ProcessorHooks,
  ) {
    this.i32 = new Int32Array(ram.memory.buffer);
    this.u8 = new Uint8Array(ram.memory.buffer);
    this.registers = new RegisterFile(ram.memory);
    this.segments = new Segments(this.registers, () => this.mmu.hooks);
    this.mmu = new Mmu(ram, hooks);
    this.memory = new GuestMemory(ram, this.mmu);
    this.fpu = new FpuImage(ram.memory);
    this.cache = new CodeCache(ram, this.mmu, engine.decoders);
    this.debug = new DebugControl(this.registers, this.mmu, this.cache);
    if (engine.translation !== undefined) {
      const { host, callbacks, options } = engine.translation;
      this.translator = new Translator(host, this.cache, engine.forms, options);
      connectRegions(callbacks, this.mmu, this.translator);
    }
    this.execution = new Execution({
      translator: this.translator,
      memory: ram.memory,
      functions: engine.run,
      registers: this.registers,
      segments: this.segments,
      mmu: this.mmu,
      checks: new AccessChecks(ram.memory, this.registers, this.segments),
      cache: this.cache,
      debug: this.debug,
      exit: this.exit,
      takePrivilege: () => this.takePrivilege(),
    });
    this.connect(engine);
  }

  /** Gives generated code what it calls. */
  private connect({ imports, forms }: Engine): void {
    const { mmu, segments } = this;
    const processor = this;
    const rows = new SystemRows(this.ram.memory, {
      registers: this.registers,
      segments,
      memory: this.memory,
      fpu: this.fpu,
      exit: this.exit,
      get hooks() {
        return processor.hooks;
      },
      get cr4() {
        return processor.cr4;
      },
    });
    imports.slowRead = (low, high, bytes) => mmu.slowRead(low, high, bytes);
    imports.slowWrite = (low, high, bytes) => mmu.slowWrite(low, high, bytes);
    imports.slowModify = (low, high, bytes) => mmu.slowModify(low, high, bytes);
    imports.system = (routine, at) => {
      const form = forms[segments.longMode ? 64 : 32].system[routine] as Form;
      const run = rows.table[form.row.traits.system as string];
      assert(run !== undefined, `no system row "${form.row.traits.system}"`);
      return run(form, at);
    };
  }

  // ---- Running

  run(budget: number): ExitReason {
    return this.execution.run(budget);
  }
  get instructions(): number {
    return this.execution.instructions;
  }
  requestStop(): void {
    this.execution.requestStop();
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

  // ---- Memory

  get paging(): PagingMode {
    return this.mmu.paging;
  }
  set paging(mode: PagingMode) {
    this.mmu.paging = mode;
    this.mmu.flush();
  }
  get ceiling(): number {
    return this.mmu.ceiling;
  }
  set ceiling(address: number) {
    this.mmu.ceiling = address;
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
    if (machine < 0) this.execution.exception();
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

  walk(address: VirtualAddress, root = this.mmu.root, paging = this.mmu.paging): Walk {
    return inspectWalk(this.ram, paging, root, address);
  }
  peek(address: VirtualAddress, length: number, root = this.mmu.root, paging = this.mmu.paging): Uint8Array {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { machine } = this.walk((address + done) as VirtualAddress, root, paging);
      if (machine === undefined) break;
      const at = machine - this.ram.firstMfn * PAGE_SIZE + this.ram.base;
      const count = Math.min(length - done, PAGE_SIZE - (machine % PAGE_SIZE));
      bytes.set(this.u8.subarray(at, at + count), done);
      done += count;
    }
    return bytes.subarray(0, done);
  }

  // ---- Debugging and FPU

  debugRegister(index: number): number {
    return this.debug.registers.low(index);
  }
  setDebugRegister(index: number, low: number, high: number): void {
    this.debug.setRegister(index, low, high);
  }
  setBreakpoints(addresses: readonly VirtualAddress[]): void {
    this.debug.setBreakpoints(addresses);
  }
  skipBreakpointOnce(): void {
    this.debug.skipBreakpoint = true;
  }
  setWatchpoints(points: readonly Watchpoint[]): void {
    this.debug.setWatchpoints(points);
  }
  get hitWatchpoints(): readonly number[] {
    return this.debug.hitWatchpoints;
  }

  get taskSwitched(): boolean {
    return this.i32[STATE_FPU_OFF >> 2] !== 0;
  }
  set taskSwitched(value: boolean) {
    this.i32[STATE_FPU_OFF >> 2] = value ? 1 : 0;
  }
  saveFpu(): Uint8Array {
    return this.fpu.save(16);
  }
  restoreFpu(image: Uint8Array): void {
    this.fpu.restore(image, 16);
  }

  // ---- Snapshots

  save(): X86State {
    assert(!this.execution.inside, 'a processor is saved between runs');
    return {
      registers: saveRegisters(this.u8),
      segmentsLow: this.segments.low.slice(),
      segmentsHigh: this.segments.high.slice(),
      debugRegisters: this.debug.registers.save(),
      mmu: this.mmu.save(),
      cr4: this.cr4,
      viewFollowsPrivilege: this.viewFollowsPrivilege,
      failed: this.failed,
      exit: { ...this.exit },
      retired: this.execution.retired,
      watchStep: this.debug.watchStep,
      pendingDebug: this.debug.pending,
      heldBack: this.debug.heldBack,
    };
  }

  restore(saved: ProcessorState): void {
    const state = saved as X86State;
    this.cache.dropAll();
    this.u8.set(state.registers);
    this.segments.low.set(state.segmentsLow);
    this.segments.high.set(state.segmentsHigh);
    this.cr4 = state.cr4;
    this.viewFollowsPrivilege = state.viewFollowsPrivilege;
    this.failed = state.failed;
    Object.assign(this.exit, state.exit);
    this.execution.reset(state.retired);
    this.mmu.restore(state.mmu);
    this.debug.registers.restore(state.debugRegisters);
    this.debug.watchStep = state.watchStep;
    this.debug.pending = state.pendingDebug;
    this.debug.heldBack = state.heldBack;
    this.debug.rearm();
  }
}
