import { type Disposable, DisposableStore } from '../../emulator/base/disposable.ts';
import { joinSymbolLists } from '../../emulator/base/symbol-list.ts';
import type { DebugTarget, EventFilter, HistoryLimits, StopEvent, ThreadInfo } from '../../emulator/debug/target.ts';
import { joinPath } from '../dwarf/paths.ts';
import type { XenEvents, XenInitializeArguments } from '../protocol/custom-requests.ts';
import { machineRunning, notLaunched, unknownDomain, unknownThread } from '../protocol/errors.ts';
import type { LaunchConfiguration } from '../protocol/launch-configuration.ts';
import { SymbolTable } from '../symbols/symbol-table.ts';
import { BreakpointTable } from './breakpoint-table.ts';
import { type Code, Disassembler } from './disassembler.ts';
import type { SessionHost } from './host.ts';
import { LogThrottle } from './log-throttle.ts';
import { loadOrcTable } from './orc-loader.ts';
import type { OrcTable } from './orc-table.ts';
import type { LineStep } from './source/line-step.ts';
import { Modules } from './source/modules.ts';
import { SourceFiles } from './source/source-files.ts';
import { StopData } from './stop-data.ts';
import { readKernelInfo, readSymbolFiles, type SymbolFile } from './symbol-files.ts';

type SendEvent = (event: string, body?: unknown) => void;

/**
 * What the request families of one session share. `stop` is set while the client believes the machine stopped; a stop
 * whose breakpoint condition is still being looked at is not visible here yet.
 */
export class SessionContext implements Disposable {
  readonly breakpoints = new BreakpointTable();
  readonly disassembler = new Disassembler();
  client: XenInitializeArguments = { adapterID: 'xen' };
  configuration: LaunchConfiguration | undefined;
  /** The current stop with everything handed out for it; undefined while running. */
  stop: StopData | undefined;
  /** A pause was asked for and no stop has been reported since. */
  pausing = false;
  /** `configurationDone` has come; the machine has been let go. */
  started = false;
  /** `terminated` has been sent. */
  terminated = false;
  /** Exception filters with their conditions, by filter id. */
  filters: ReadonlyMap<EventFilter, string | undefined> = new Map([['crash', undefined]]);
  /** What views have asked to be recorded. */
  historyLimits: HistoryLimits = { hypercalls: 0, xenstore: 0 };
  /** Where messages of log points go. */
  readonly logs: LogThrottle;

  private current: { readonly target: DebugTarget; readonly subscriptions: DisposableStore } | undefined;
  /** A step by lines that is under way, over any number of stops that the client does not see. */
  lineStep: LineStep | undefined;
  private symbolTable: Promise<SymbolTable> | undefined;
  private symbolFiles: Promise<readonly SymbolFile[]> | undefined;
  private debugModules: Promise<Modules> | undefined;
  private sourceFiles: SourceFiles | undefined;
  private readonly reported = new Set<string>();
  private orc: Promise<OrcTable | undefined> | undefined;
  private hypercalls: Promise<ReadonlyMap<number, string>> | undefined;

  constructor(
    readonly host: SessionHost,
    private readonly sendEvent: SendEvent,
  ) {
    this.logs = new LogThrottle(host.scheduler, (text) => this.output('console', text));
  }

  /** A DAP event. */
  send(event: string, body?: unknown): void {
    this.sendEvent(event, body);
  }

  /** One of our own events. */
  sendXen<E extends keyof XenEvents>(event: E, body: XenEvents[E]): void {
    this.sendEvent(event, body);
  }

  output(category: 'console' | 'stdout' | 'stderr' | 'important', text: string): void {
    this.sendEvent('output', { category, output: text });
  }

  /** The machine. Throws when there is none. */
  get target(): DebugTarget {
    if (this.current === undefined) throw notLaunched();
    return this.current.target;
  }

  get hasTarget(): boolean {
    return this.current !== undefined;
  }

  /** Takes over a machine; the result owns subscriptions to it. */
  adopt(target: DebugTarget): DisposableStore {
    const subscriptions = new DisposableStore();
    this.current = { target, subscriptions };
    return subscriptions;
  }

  /** Frees the machine, if there is one. */
  async releaseTarget(): Promise<void> {
    const current = this.current;
    this.current = undefined;
    this.stop = undefined;
    this.pausing = false;
    this.forgetSymbols();
    if (current === undefined) return;
    current.subscriptions.dispose();
    try {
      await current.target.terminate();
    } catch {
      // A machine whose worker has died cannot be asked to end any more.
    }
    current.target.dispose();
  }

  /** The current stop. Throws while the machine runs. */
  get stopped(): StopData {
    if (this.current === undefined) throw notLaunched();
    if (this.stop === undefined) throw machineRunning();
    return this.stop;
  }

  /** `filters`: those that wanted the stop. */
  setStopped(event: StopEvent, filters: readonly EventFilter[] = []): void {
    this.pausing = false;
    this.stop = new StopData(this.target, event, filters);
  }

  setRunning(): void {
    this.stop = undefined;
  }

  /** The vCPU behind a DAP thread id. */
  async thread(threadId: number): Promise<ThreadInfo> {
    const threads = await this.target.threads();
    const found = threads.find((thread) => toThreadId(thread.vcpu) === threadId);
    if (found === undefined) throw unknownThread(threadId);
    return found;
  }

  /** The domain asked for, or the first one. */
  async domain(asked: number | undefined): Promise<number> {
    const threads = await this.target.threads();
    const found = asked === undefined ? threads[0] : threads.find((thread) => thread.domain === asked);
    if (found === undefined) throw unknownDomain(asked ?? 0);
    return found.domain;
  }

  /** Symbols of the kernel and of the files named in the configuration; read once per machine. */
  symbols(): Promise<SymbolTable> {
    this.symbolTable ??= this.loadSymbols();
    return this.symbolTable;
  }

  forgetSymbols(): void {
    this.symbolTable = undefined;
    this.hypercalls = undefined;
    this.orc = undefined;
    this.symbolFiles = undefined;
    this.debugModules = undefined;
    this.sourceFiles = undefined;
    this.lineStep = undefined;
  }

  /** Debugging information of the kernel and of the files under "symbols"; read once per machine. */
  modules(): Promise<Modules> {
    this.debugModules ??= this.loadModules();
    return this.debugModules;
  }

  /** Where the client finds source files. */
  async sources(): Promise<SourceFiles> {
    if (this.sourceFiles === undefined) {
      const { cwd, sourceMap } = this.configuration ?? {};
      const kernels = this.hasTarget ? await this.target.kernels() : [];
      const folders = [cwd, ...kernels.map(({ path, folder }) => folderOf(path, folder))];
      this.sourceFiles = new SourceFiles(this.host, sourceMap ?? {}, [...new Set(folders)]);
    }
    return this.sourceFiles;
  }

  /** Tells the user, once each, what is wrong with debugging information. */
  async reportProblems(): Promise<void> {
    for (const problem of (await this.modules()).problems) {
      if (this.reported.has(problem)) continue;
      this.reported.add(problem);
      this.output('important', `Debugging information of ${problem}\n`);
    }
  }

  /** The code that the stopped vCPU (or the first one) sees. */
  async code(): Promise<Code> {
    const target = this.target;
    const threads = await target.threads();
    const thread = threads.find(({ vcpu }) => vcpu === this.stop?.event.vcpu) ?? threads[0];
    return {
      bits: thread?.bits ?? 64,
      symbols: await this.symbols(),
      read: (address, length) => target.readMemory('virtual', `0x${address.toString(16)}`, length),
    };
  }

  /** A Linux kernel's own unwind tables; undefined where there are none. Read once per machine. */
  orcTable(): Promise<OrcTable | undefined> {
    this.orc ??= this.symbols().then(async (symbols) => {
      const table = await loadOrcTable(this.target, symbols);
      // It may not be mapped yet: ask again next time.
      if (table === undefined) this.orc = undefined;
      return table;
    });
    return this.orc;
  }

  /** Names of the ABI's hypercalls by number. */
  hypercallsByNumber(): Promise<ReadonlyMap<number, string>> {
    this.hypercalls ??= this.target
      .hypercallNames()
      .then((names) => new Map(names.map(({ number, name }) => [number, name] as const)));
    return this.hypercalls;
  }

  dispose(): void {
    void this.releaseTarget();
    this.logs.dispose();
    this.disassembler.dispose();
  }

  private async loadSymbols(): Promise<SymbolTable> {
    const own = await this.target.symbols();
    const files = await this.files();
    return new SymbolTable(joinSymbolLists([...files.map(({ symbols }) => symbols), own]));
  }

  private files(): Promise<readonly SymbolFile[]> {
    this.symbolFiles ??= readSymbolFiles(this.host, this.configuration, (text) => this.output('important', text));
    return this.symbolFiles;
  }

  private async loadModules(): Promise<Modules> {
    const [kernel] = await this.target.kernels();
    const own = kernel === undefined ? undefined : await readKernelInfo(this.host, kernel);
    const found = (await this.files()).flatMap(({ path, info }) => (info === undefined ? [] : [{ path, info }]));
    if (kernel !== undefined && own !== undefined) found.push({ path: kernel.path, info: own });
    return new Modules(found);
  }
}

/** DAP thread ids start at 1: some clients take 0 for "none". */
export const toThreadId = (vcpu: number): number => vcpu + 1;

/** Folder of a file that is named relative to another; undefined: the host's own idea of "here". */
function folderOf(path: string, relativeTo: string | undefined): string | undefined {
  const slash = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
  return slash <= 0 ? relativeTo : joinPath(relativeTo ?? '', path.slice(0, slash));
}
