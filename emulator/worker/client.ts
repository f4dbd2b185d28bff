import type { Disposable } from '../base/disposable.ts';
import { DisposableStore } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import type { SymbolList } from '../base/symbol-list.ts';
import type { InspectionName, Inspections } from '../debug/introspection/inspections.ts';
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
  ThreadInfo,
  TraceLine,
  WatchpointRequest,
  XenBreakpoint,
} from '../debug/target.ts';
import type { ReadFile, TargetOptions } from '../debug/target-options.ts';
import { fromErrorData, toErrorData } from './error-data.ts';
import type { FromWorker, MessagePort, TargetMethod, ToWorker } from './messages.ts';

/** A worker as its owner holds it. */
export interface WorkerHandle extends Disposable {
  readonly port: MessagePort<ToWorker, FromWorker>;
  /** The worker died: of an error of ours, or of lack of memory. */
  onFailure(listener: (error: Error) => void): void;
}

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** Boots a machine in a worker. @throws UserError as `bootTarget` does */
export async function bootInWorker(
  worker: WorkerHandle,
  options: TargetOptions,
  readFile: ReadFile,
): Promise<DebugTarget> {
  const target = new WorkerTarget(worker, readFile);
  try {
    await target.boot(options);
    return target;
  } catch (error) {
    target.dispose();
    throw error;
  }
}

/** `DebugTarget` over messages. */
class WorkerTarget implements DebugTarget {
  private readonly disposables = new DisposableStore();
  private readonly events = {
    onStopped: this.disposables.add(new Emitter<StopEvent>()),
    onConsole: this.disposables.add(new Emitter<{ readonly domain: number; readonly bytes: Uint8Array }>()),
    onTrace: this.disposables.add(new Emitter<TraceLine>()),
    onEnded: this.disposables.add(new Emitter<DomainEnd>()),
    onFailed: this.disposables.add(new Emitter<string>()),
  };
  readonly onStopped = this.events.onStopped.event;
  readonly onConsole = this.events.onConsole.event;
  readonly onTrace = this.events.onTrace.event;
  readonly onEnded = this.events.onEnded.event;
  readonly onFailed = this.events.onFailed.event;

  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private failure: Error | undefined;

  constructor(
    private readonly worker: WorkerHandle,
    private readonly readFile: ReadFile,
  ) {
    this.disposables.add(worker);
    worker.port.onMessage((message) => this.receive(message));
    worker.onFailure((error) => {
      const news = this.failure === undefined;
      this.fail(error);
      if (news) this.events.onFailed.fire(error.message);
    });
  }

  boot(options: TargetOptions): Promise<undefined> {
    return this.ask(0, { kind: 'boot', options });
  }

  notices(): Promise<readonly string[]> {
    return this.call('notices');
  }

  threads(): Promise<readonly ThreadInfo[]> {
    return this.call('threads');
  }

  resume(finishStep?: boolean): Promise<void> {
    return this.call('resume', finishStep);
  }

  pause(): Promise<void> {
    return this.call('pause');
  }

  step(
    vcpu: number,
    kind: 'in' | 'over' | 'out',
    returnAddress?: string,
    within?: readonly AddressRange[],
  ): Promise<void> {
    return this.call('step', vcpu, kind, returnAddress, within);
  }

  /** The worker ends with the machine. */
  async terminate(): Promise<void> {
    if (this.failure === undefined) await this.call('terminate');
    this.fail(new Error('the machine has been terminated'));
    this.worker.dispose();
  }

  saveSnapshot(): Promise<Uint8Array> {
    return this.call('saveSnapshot');
  }

  restoreSnapshot(file: Uint8Array): Promise<void> {
    return this.call('restoreSnapshot', file);
  }

  sendConsole(domain: number, bytes: Uint8Array): Promise<void> {
    return this.call('sendConsole', domain, bytes);
  }

  consoleHistory(domain: number): Promise<Uint8Array> {
    return this.call('consoleHistory', domain);
  }

  registers(vcpu: number): Promise<Registers> {
    return this.call('registers', vcpu);
  }

  setRegister(vcpu: number, name: string, value: string): Promise<boolean> {
    return this.call('setRegister', vcpu, name, value);
  }

  readMemory(space: MemorySpace, address: string, length: number): Promise<Uint8Array> {
    return this.call('readMemory', space, address, length);
  }

  writeMemory(space: MemorySpace, address: string, bytes: Uint8Array): Promise<number> {
    return this.call('writeMemory', space, address, bytes);
  }

  setEventFilters(filters: readonly EventFilter[]): Promise<void> {
    return this.call('setEventFilters', filters);
  }

  setInstructionBreakpoints(points: readonly InstructionBreakpoint[]): Promise<void> {
    return this.call('setInstructionBreakpoints', points);
  }

  setWatchpoints(points: readonly WatchpointRequest[]): Promise<void> {
    return this.call('setWatchpoints', points);
  }

  setHypercallBreakpoints(points: readonly HypercallBreakpoint[]): Promise<readonly BreakpointVerdict[]> {
    return this.call('setHypercallBreakpoints', points);
  }

  setXenBreakpoints(points: readonly XenBreakpoint[]): Promise<readonly BreakpointVerdict[]> {
    return this.call('setXenBreakpoints', points);
  }

  hypercallNames(): Promise<readonly HypercallName[]> {
    return this.call('hypercallNames');
  }

  kernels(): Promise<readonly KernelFile[]> {
    return this.call('kernels');
  }

  symbols(): Promise<SymbolList> {
    return this.call('symbols');
  }

  currentHypercall(vcpu: number): Promise<HypercallInfo | undefined> {
    return this.call('currentHypercall', vcpu);
  }

  rings(domain: number): Promise<readonly RingInfo[]> {
    return this.call('rings', domain);
  }

  devices(domain: number): Promise<readonly DeviceInfo[]> {
    return this.call('devices', domain);
  }

  attachDevice(domain: number, kind: DeviceInfo['kind'], specification: string): Promise<void> {
    return this.call('attachDevice', domain, kind, specification);
  }

  detachDevice(domain: number, kind: DeviceInfo['kind'], name: string, force: boolean): Promise<void> {
    return this.call('detachDevice', domain, kind, name, force);
  }

  inspect<Name extends InspectionName>(
    name: Name,
    args: Inspections[Name]['arguments'],
  ): Promise<Inspections[Name]['result']> {
    return this.call('inspect', name, args);
  }

  control(domain: number, command: string): Promise<void> {
    return this.call('control', domain, command);
  }

  setHistoryLimits(limits: HistoryLimits): Promise<void> {
    return this.call('setHistoryLimits', limits);
  }

  changeXenstore(path: string, value: string | undefined): Promise<string | undefined> {
    return this.call('changeXenstore', path, value);
  }

  statistics(): Promise<Statistics> {
    return this.call('statistics');
  }

  dispose(): void {
    this.fail(new Error('the machine has been disposed of'));
    this.disposables.dispose();
  }

  private call<T>(method: TargetMethod, ...args: readonly unknown[]): Promise<T> {
    const id = this.nextId++;
    return this.ask(id, { kind: 'call', id, method, args });
  }

  private ask<T>(id: number, message: ToWorker): Promise<T> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.worker.port.post(message);
    });
  }

  private receive(message: FromWorker): void {
    switch (message.kind) {
      case 'result':
        this.pending.get(message.id)?.resolve(message.value as never);
        this.pending.delete(message.id);
        return;
      case 'error':
        this.pending.get(message.id)?.reject(fromErrorData(message.error));
        this.pending.delete(message.id);
        return;
      case 'event':
        this.events[message.event].fire(message.value as never);
        return;
      case 'readFile':
        void this.sendFile(message.id, message.path, message.relativeTo);
        return;
    }
  }

  private async sendFile(id: number, path: string, relativeTo: string | undefined): Promise<void> {
    try {
      const bytes = await this.readFile(path, relativeTo);
      this.worker.port.post({ kind: 'file', id, bytes });
    } catch (error) {
      this.worker.port.post({ kind: 'fileError', id, error: toErrorData(error) });
    }
  }

  /** Nothing will be answered any more. */
  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.pending.values()) reject(this.failure);
    this.pending.clear();
  }
}
