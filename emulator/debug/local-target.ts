import { assert } from '../base/assert.ts';
import { DisposableStore } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import { formatAddress, type VirtualAddress } from '../base/numbers.ts';
import type { Scheduler } from '../base/scheduler.ts';
import { packSymbols, type SymbolList } from '../base/symbol-list.ts';
import { isCrash } from '../xen/common/domain.ts';
import type { RunResult } from '../xen/common/hypervisor.ts';
import type { HypercallRecord } from '../xen/common/trace.ts';
import type { Vcpu } from '../xen/common/vcpu.ts';
import type { BootedDomain, Machine } from '../xen/toolstack/machine-boot.ts';
import { readSnapshot, restoreMachine, takeSnapshot } from '../xen/toolstack/machine-snapshot.ts';
import { ArmedPoints } from './armed-points.ts';
import { ConsoleHistory } from './console-history.ts';
import { Devices } from './devices.ts';
import type { HypercallCatalogue } from './hypercall-catalogue.ts';
import { callText, hypercallInfo } from './hypercall-info.ts';
import { type DebugInputs, defineDebugInputs, xenstoreProblem } from './inputs.ts';
import { Histories } from './introspection/histories.ts';
import { INSPECTORS, type InspectionName, type Inspections } from './introspection/inspections.ts';
import { kernelSymbols } from './introspection/kernel-symbols.ts';
import { MemoryAccess } from './memory-access.ts';
import { readRegisters, ripOf, stackPointerOf } from './registers.ts';
import { RunLoop } from './run-loop.ts';
import { restoredWhileRunning } from './snapshot-errors.ts';
import { Stepper } from './stepper.ts';
import { StopPlace } from './stop-place.ts';
import type {
  AddressRange,
  BreakpointVerdict,
  DebugTarget,
  DeviceInfo,
  DomainEnd,
  EventFilter,
  HistoryLimits,
  HypercallBreakpoint,
  HypercallInfo,
  HypercallName,
  InstructionBreakpoint,
  KernelFile,
  MemorySpace,
  Registers,
  RingInfo,
  Statistics,
  StopEvent,
  StopReason,
  ThreadInfo,
  TraceLine,
  WatchpointRequest,
  XenBreakpoint,
} from './target.ts';
import { TraceRouter } from './trace/trace-router.ts';
import { Watchpoints } from './watchpoints.ts';
import { XenEvents } from './xen-events/xen-events.ts';

export interface LocalTargetOptions {
  readonly machine: Machine;
  readonly scheduler: Scheduler;
  readonly pace: 'wall' | 'free';
  /** Trace categories. */
  readonly trace: ReadonlySet<string>;
  readonly catalogue: HypercallCatalogue;
  readonly notices: readonly string[];
  readonly kernels: readonly KernelFile[];
}

/** What a stop is made of; the rest of a `StopEvent` is the same for all. */
interface Stop {
  readonly reason: StopReason;
  readonly vcpu: Vcpu | undefined;
  readonly breakpoints?: readonly string[];
  readonly text: string;
}

/** A machine in this thread as a debugger sees it. It starts stopped before the first instruction. */
export class LocalTarget implements DebugTarget {
  private readonly disposables = new DisposableStore();
  private readonly stopped = this.disposables.add(new Emitter<StopEvent>());
  private readonly console = this.disposables.add(new Emitter<{ domain: number; bytes: Uint8Array }>());
  private readonly traced = this.disposables.add(new Emitter<TraceLine>());
  private readonly ended = this.disposables.add(new Emitter<DomainEnd>());
  readonly onStopped = this.stopped.event;
  readonly onConsole = this.console.event;
  readonly onTrace = this.traced.event;
  readonly onEnded = this.ended.event;
  private readonly failed = this.disposables.add(new Emitter<string>());
  readonly onFailed = this.failed.event;

  private readonly machine: Machine;
  private readonly loop: RunLoop;
  private readonly inputs: DebugInputs;
  private readonly memory: MemoryAccess;
  private readonly plugs: Devices;
  private readonly watchpoints: Watchpoints;
  private readonly router: TraceRouter;
  private readonly events: XenEvents;
  private readonly histories: Histories;
  private readonly consoles = new ConsoleHistory();
  private readonly points: ArmedPoints;
  private filters: ReadonlySet<EventFilter> = new Set();
  private stepper: Stepper | undefined;
  private readonly place: StopPlace;
  /** A hypercall was refused, and the machine asked to stop for it. */
  private refused: HypercallRecord | undefined;
  private lastVcpu: Vcpu | undefined;
  /** A bug of ours struck; what state the machine is in nobody knows. */
  private broken = false;
  private symbolList: SymbolList | undefined;

  constructor(private readonly options: LocalTargetOptions) {
    const { machine, scheduler, pace, trace } = options;
    this.machine = machine;
    this.memory = new MemoryAccess(machine.hypervisor);
    this.points = new ArmedPoints(machine.hypervisor, options.catalogue);
    this.plugs = new Devices(machine, (domid) => options.kernels.find(({ domain }) => domain === domid)?.folder);
    this.place = new StopPlace(machine.hypervisor);
    this.watchpoints = new Watchpoints(machine.hypervisor.processor);
    this.router = this.disposables.add(new TraceRouter(machine, trace, (line) => this.traced.fire(line)));
    this.histories = new Histories(machine);
    this.events = this.disposables.add(new XenEvents(machine, this.histories, () => this.loop.isRunning));
    this.disposables.add(machine);
    this.disposables.add(
      machine.onNotice(({ domain, text }) =>
        this.traced.fire({ ...machine.statistics(), category: 'notice', text: `d${domain.domid} ${text}` }),
      ),
    );
    // No vCPU has been loaded yet; looking at memory before the first instruction needs the mode that it will run in.
    const { current, processor } = machine.hypervisor;
    if (current === undefined) processor.paging = machine.domains[0]?.domain.paging ?? '4-level';
    this.disposables.add(machine.onConsole(({ domain, bytes }) => this.consoles.add(domain.domid, bytes)));
    this.inputs = defineDebugInputs(machine);
    this.loop = new RunLoop(machine, scheduler, pace, {
      budget: () => (this.stepper?.single === true ? 1 : Number.POSITIVE_INFINITY),
      handle: (result) => this.handle(result),
      paused: () => this.stopNow({ reason: 'pause', vcpu: undefined, text: 'paused' }),
      failed: (error) => this.fail(error),
      sliceEnded: () => this.flushConsoles(),
    });
  }

  notices(): Promise<readonly string[]> {
    return Promise.resolve(this.options.notices);
  }

  threads(): Promise<readonly ThreadInfo[]> {
    const { processor, current } = this.machine.hypervisor;
    const list = this.vcpus().map((vcpu): ThreadInfo => {
      const bits = vcpu === current ? (processor.longMode ? 64 : 32) : vcpu.domain.width;
      const name = `${vcpu.domain.name}/${vcpu.index}`;
      return { vcpu: vcpu.id, domain: vcpu.domain.domid, name, state: vcpu.state, bits };
    });
    return Promise.resolve(list);
  }

  resume(finishStep = false): Promise<void> {
    if (!finishStep) this.setStep(undefined);
    this.run();
    return Promise.resolve();
  }

  pause(): Promise<void> {
    this.loop.pause();
    return Promise.resolve();
  }

  step(
    id: number,
    kind: 'in' | 'over' | 'out',
    returnAddress?: string,
    within: readonly AddressRange[] = [],
  ): Promise<void> {
    const vcpu = this.vcpu(id);
    if (this.loop.isRunning || vcpu === undefined) return Promise.resolve();
    const { hypervisor } = this.machine;
    const { processor } = hypervisor;
    const view = {
      instructions: () => hypervisor.clock.instructions,
      rip: () => ripOf(hypervisor, vcpu),
      rsp: () => stackPointerOf(hypervisor, vcpu),
      code: () => this.memory.read('virtual', BigInt(ripOf(hypervisor, vcpu)), 15, vcpu),
      bits: () => (processor.longMode ? (64 as const) : (32 as const)),
    };
    const until = returnAddress === undefined ? undefined : toVirtual(returnAddress);
    const ranges = within.map(({ low, high }) => ({ low: toVirtual(low), high: toVirtual(high) }));
    this.setStep(new Stepper(kind, view, until, ranges));
    this.run();
    return Promise.resolve();
  }

  terminate(): Promise<void> {
    this.loop.halt();
    return Promise.resolve();
  }

  saveSnapshot(): Promise<Uint8Array> {
    const pieces = takeSnapshot(this.machine);
    const file = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      file.set(piece, at);
      at += piece.length;
    }
    return Promise.resolve(file);
  }

  restoreSnapshot(file: Uint8Array): Promise<void> {
    if (this.loop.isRunning) return Promise.reject(restoredWhileRunning());
    try {
      restoreMachine(this.machine, readSnapshot(file));
    } catch (error) {
      return Promise.reject(error);
    }
    this.refused = undefined;
    this.events.take();
    this.lastVcpu = undefined;
    this.symbolList = undefined;
    this.setStep(undefined);
    this.stopNow({ reason: 'pause', vcpu: undefined, text: 'restored from a snapshot' });
    return Promise.resolve();
  }

  sendConsole(domain: number, bytes: Uint8Array): Promise<void> {
    this.loop.interrupt();
    this.machine.sendConsole(domain, bytes);
    return Promise.resolve();
  }

  consoleHistory(domain: number): Promise<Uint8Array> {
    return Promise.resolve(this.consoles.all(domain));
  }

  registers(id: number): Promise<Registers> {
    return Promise.resolve(readRegisters(this.machine.hypervisor, this.vcpuOrLast(id)));
  }

  setRegister(id: number, name: string, value: string): Promise<boolean> {
    const vcpu = this.vcpu(id);
    if (vcpu === undefined || !/^0x[0-9a-f]+$/i.test(value)) return Promise.resolve(false);
    this.loop.interrupt();
    return Promise.resolve(this.inputs.setRegister({ vcpu: id, name, value }) === true);
  }

  readMemory(space: MemorySpace, address: string, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.memory.read(space, BigInt(address), length, this.vcpuOrLast(undefined)));
  }

  writeMemory(space: MemorySpace, address: string, bytes: Uint8Array): Promise<number> {
    this.loop.interrupt();
    const vcpu = this.vcpuOrLast(undefined);
    return Promise.resolve(
      this.memory.write(space, BigInt(address), bytes, vcpu, (machine, piece) =>
        this.inputs.writeMemory({ address: machine, bytes: piece }),
      ),
    );
  }

  setEventFilters(filters: readonly EventFilter[]): Promise<void> {
    this.filters = new Set(filters);
    this.events.setFilters(filters);
    this.points.stopAtEveryHypercall(this.filters.has('hypercall'));
    this.watch();
    return Promise.resolve();
  }

  setInstructionBreakpoints(points: readonly InstructionBreakpoint[]): Promise<void> {
    this.points.setInstructions(points);
    this.arm();
    this.watch();
    return Promise.resolve();
  }

  setWatchpoints(points: readonly WatchpointRequest[]): Promise<void> {
    this.watchpoints.replace(points);
    return Promise.resolve();
  }

  setHypercallBreakpoints(points: readonly HypercallBreakpoint[]): Promise<readonly BreakpointVerdict[]> {
    const verdicts = this.points.setHypercalls(points);
    this.watch();
    return Promise.resolve(verdicts);
  }

  setXenBreakpoints(points: readonly XenBreakpoint[]): Promise<readonly BreakpointVerdict[]> {
    const verdicts = this.events.setBreakpoints(points);
    this.watch();
    return Promise.resolve(verdicts);
  }

  hypercallNames(): Promise<readonly HypercallName[]> {
    return Promise.resolve(this.options.catalogue.names());
  }

  kernels(): Promise<readonly KernelFile[]> {
    return Promise.resolve(this.options.kernels);
  }

  symbols(): Promise<SymbolList> {
    const [first] = this.machine.domains;
    // The builder has unpacked the kernel: what it carries is there before its first instruction, or never.
    this.symbolList ??= first === undefined ? packSymbols([]) : kernelSymbols(this.machine.hypervisor, first);
    return Promise.resolve(this.symbolList);
  }

  currentHypercall(id: number): Promise<HypercallInfo | undefined> {
    const vcpu = this.vcpu(id);
    const { hypervisor } = this.machine;
    if (vcpu !== undefined && this.refused?.vcpu === vcpu) return Promise.resolve(hypercallInfo(this.refused));
    const record = vcpu === undefined ? undefined : hypervisor.currentHypercall(vcpu);
    if (record === undefined) return Promise.resolve(undefined);
    // "Has just made" is the instruction before this one, not some earlier call.
    const fresh = record.result === undefined || hypervisor.clock.instructions - record.instructions <= 1;
    return Promise.resolve(fresh ? hypercallInfo(record) : undefined);
  }

  rings(domain: number): Promise<readonly RingInfo[]> {
    return Promise.resolve(this.machine.rings(domain));
  }

  devices(domain: number): Promise<readonly DeviceInfo[]> {
    return Promise.resolve(this.plugs.list(domain));
  }

  async attachDevice(domain: number, kind: DeviceInfo['kind'], specification: string): Promise<void> {
    this.loop.interrupt();
    await this.plugs.attach(domain, kind, specification);
    // A disk's image took its time to open: the machine may have gone back to its rest meanwhile.
    this.loop.interrupt();
  }

  async detachDevice(domain: number, kind: DeviceInfo['kind'], name: string, force: boolean): Promise<void> {
    this.loop.interrupt();
    this.plugs.detach(domain, kind, name, force);
  }

  inspect<Name extends InspectionName>(
    name: Name,
    args: Inspections[Name]['arguments'],
  ): Promise<Inspections[Name]['result']> {
    try {
      const look = INSPECTORS[name] as (
        machine: Machine,
        of: typeof args,
        histories: Histories,
      ) => Inspections[Name]['result'];
      return Promise.resolve(look(this.machine, args, this.histories));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async control(domain: number, command: string): Promise<void> {
    this.loop.interrupt();
    this.plugs.control(domain, command);
  }

  setHistoryLimits({ hypercalls, xenstore }: HistoryLimits): Promise<void> {
    this.histories.hypercalls.limit = hypercalls;
    this.histories.xenstore.limit = xenstore;
    this.events.listen();
    this.watch();
    return Promise.resolve();
  }

  changeXenstore(path: string, value: string | undefined): Promise<string | undefined> {
    this.loop.interrupt();
    const problem = xenstoreProblem(path, value);
    if (problem === undefined) this.inputs.changeXenstore({ path, value });
    return Promise.resolve(problem);
  }

  statistics(): Promise<Statistics> {
    const { wallSeconds, isRunning: running } = this.loop;
    return Promise.resolve({ ...this.machine.statistics(), wallSeconds, running });
  }

  dispose(): void {
    this.loop.halt();
    this.disposables.dispose();
  }

  private run(): void {
    if (this.loop.isRunning || this.broken || !this.anyAlive()) return;
    this.refused = undefined;
    this.loop.start();
    const { hypervisor } = this.machine;
    if (this.place.isCurrent()) hypervisor.processor.skipBreakpointOnce();
  }

  private handle(result: RunResult): 'run' | 'stop' {
    switch (result.kind) {
      case 'budget':
        return this.stepper?.ran() === true ? this.stepDone(result.vcpu) : this.rearmed();
      case 'breakpoint':
        return this.atBreakpoint(result.vcpu);
      case 'hypercall':
        return this.atHypercall(result.vcpu, result.call);
      case 'watchpoint':
        return this.stopNow({ reason: 'watchpoint', vcpu: result.vcpu, ...this.watchpoints.hits() });
      case 'ended':
        return this.domainEnded(this.bootedOf(result.domain.domid));
      case 'stop':
        return this.atBoundary(result.vcpu);
      case 'hypercall-done':
      case 'idle':
        return 'run';
    }
  }

  private stepDone(vcpu: Vcpu | undefined): 'stop' {
    return this.stopNow({ reason: 'step', vcpu, text: 'step' });
  }

  private atBreakpoint(vcpu: Vcpu): 'run' | 'stop' {
    const { hypervisor } = this.machine;
    this.place.noticeReturn(vcpu);
    const rip = ripOf(hypervisor, vcpu);
    if (this.stepper?.reached() === true) return this.stepDone(vcpu);
    const points = this.points.at(rip);
    if (points.length === 0 || this.place.isCurrent()) {
      hypervisor.processor.skipBreakpointOnce();
      return this.rearmed();
    }
    // The hypercall that a breakpoint stands on would stop again at the same place: one stop for both.
    const call = hypervisor.currentHypercall(vcpu);
    const calls = call === undefined || call.result !== undefined ? [] : this.points.for(call);
    if (call !== undefined && calls.length > 0) {
      return this.stopNow({ reason: 'hypercall', vcpu, breakpoints: [...points, ...calls], text: callText(call) });
    }
    return this.stopNow({
      reason: 'breakpoint',
      vcpu,
      breakpoints: points,
      text: `breakpoint at ${formatAddress(rip)}`,
    });
  }

  private atHypercall(vcpu: Vcpu, call: HypercallRecord): 'run' | 'stop' {
    this.place.noticeReturn(vcpu);
    if (this.place.isCurrent()) return 'run';
    return this.stopNow({ reason: 'hypercall', vcpu, breakpoints: this.points.for(call), text: callText(call) });
  }

  /** Somebody asked for a stop here: for a refused hypercall, or for what a Xen breakpoint waits for. */
  private atBoundary(vcpu: Vcpu | undefined): 'run' | 'stop' {
    if (this.refused !== undefined) return this.stopAtRefusal(this.refused);
    if (!this.events.hasPending) return 'run';
    // A step that is complete here is: were the stop unwanted, going on would execute one instruction too many.
    if (this.stepper?.single === true && this.stepper.ran()) return this.stepDone(vcpu);
    return this.stopNow({ reason: 'xen-event', vcpu, breakpoints: this.points.where(vcpu), text: '' });
  }

  private stopAtRefusal(record: HypercallRecord): 'stop' {
    const { errno, reason } = record.result ?? {};
    const text = `${callText(record)} returned ${errno ?? 'an error'}${reason === undefined ? '' : `: ${reason}`}`;
    return this.stopNow({ reason: 'hypercall-error', vcpu: record.vcpu, text });
  }

  private domainEnded(booted: BootedDomain): 'run' | 'stop' {
    const { domain } = booted;
    const { shutdown } = domain;
    assert(shutdown !== undefined, 'a domain that ended has a reason');
    const last = !this.anyAlive();
    if (domain.suspended && !this.filters.has('shutdown')) {
      const text = `d${domain.domid} ${shutdown.reason}; resume lets it go on`;
      this.traced.fire({ ...this.machine.statistics(), category: 'notice', text });
      return 'run';
    }
    const vcpu = domain.vcpus[shutdown.vcpu ?? 0];
    this.flushConsoles();
    this.ended.fire({ domain: domain.domid, kind: shutdown.kind, code: shutdown.code, reason: shutdown.reason, last });
    const text = `${domain.name}: ${shutdown.reason}`;
    if (isCrash(shutdown)) return this.stopNow({ reason: 'crash', vcpu, text });
    if (last || this.filters.has('shutdown')) return this.stopNow({ reason: 'shutdown', vcpu, text });
    return 'run';
  }

  /** Reports a stop. The loop stops on the answer; a step in progress is kept for `resume(true)`. */
  private stopNow({ reason, vcpu, breakpoints = [], text }: Stop): 'stop' {
    const { hypervisor } = this.machine;
    const at = vcpu ?? hypervisor.current ?? this.vcpuOrLast(undefined);
    this.lastVcpu = at;
    const rip = ripOf(hypervisor, at);
    const { instructions } = hypervisor.clock;
    this.place.record(at);
    if (reason === 'step' || reason === 'pause' || reason === 'crash' || reason === 'shutdown') this.setStep(undefined);
    this.flushConsoles();
    const final = !this.anyAlive();
    const events = this.events.take();
    const event = {
      ...{ reason, vcpu: at.id, breakpoints, rip: formatAddress(rip), instructions, final },
      text: reason === 'xen-event' ? (events[0]?.text ?? text) : text,
      ...(events.length === 0 ? {} : { events }),
    };
    // After the loop has come to rest, so that a listener may start it again.
    this.options.scheduler.soon(() => this.stopped.fire(event));
    return 'stop';
  }

  private setStep(step: Stepper | undefined): void {
    this.stepper = step;
    this.arm();
    this.watch();
  }

  /** A step may have moved its breakpoint. */
  private rearmed(): 'run' {
    if (this.stepper !== undefined && this.stepper.breakpoint !== this.armedForStep) this.arm();
    return 'run';
  }

  private armedForStep: VirtualAddress | undefined;
  private armedAddresses = '';

  private arm(): void {
    const own = this.stepper?.breakpoint;
    this.armedForStep = own;
    const addresses = new Set(this.points.addresses);
    if (own !== undefined) addresses.add(own);
    // Each call costs the processor what it has decoded.
    const armed = [...addresses].join();
    if (armed === this.armedAddresses) return;
    this.armedAddresses = armed;
    this.machine.hypervisor.processor.setBreakpoints([...addresses]);
  }

  private watch(): void {
    const step = this.stepper;
    const armed = step !== undefined || !this.points.isEmpty;
    this.router.watch({
      // While stepping, so that the call stepped over is recorded with its result.
      hypercall:
        step !== undefined ||
        this.filters.has('hypercall-error') ||
        this.events.wantsHypercalls ||
        this.histories.hypercalls.isOn
          ? (record) => {
              this.histories.hypercallReturned(record);
              this.noticeRefusal(record);
              this.events.hypercallReturned(record);
            }
          : undefined,
      sink: this.events.sink(),
      callback: armed
        ? () => {
            step?.callbackDelivered();
            this.place.callbackDelivered();
          }
        : undefined,
    });
  }

  private noticeRefusal(record: HypercallRecord): void {
    if (!this.filters.has('hypercall-error')) return;
    if (record.result?.errno === undefined || this.refused !== undefined) return;
    this.refused = record;
    this.machine.hypervisor.requestStop();
  }

  private fail(error: unknown): void {
    this.broken = true;
    this.flushConsoles();
    this.failed.fire(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  private flushConsoles(): void {
    for (const { domain, bytes } of this.consoles.takeFresh()) this.console.fire({ domain, bytes });
  }

  private vcpus(): readonly Vcpu[] {
    return this.machine.domains.flatMap(({ domain }) => domain.vcpus);
  }

  private vcpu(id: number): Vcpu | undefined {
    return this.vcpus().find((vcpu) => vcpu.id === id);
  }

  private vcpuOrLast(id: number | undefined): Vcpu {
    const found = id === undefined ? this.lastVcpu : this.vcpu(id);
    const vcpu = found ?? this.machine.hypervisor.current ?? this.vcpus()[0];
    assert(vcpu !== undefined, 'a machine has a vCPU');
    return vcpu;
  }

  private booted(domid: number): BootedDomain | undefined {
    return this.machine.domains.find(({ domain }) => domain.domid === domid);
  }

  private bootedOf(domid: number): BootedDomain {
    const booted = this.booted(domid);
    assert(booted !== undefined, `domain ${domid} was booted here`);
    return booted;
  }

  /** Some domain runs, or may be resumed. */
  private anyAlive(): boolean {
    return this.machine.domains.some(({ domain }) => domain.present);
  }
}

const toVirtual = (address: string): VirtualAddress => Number(BigInt.asIntN(64, BigInt(address))) as VirtualAddress;
