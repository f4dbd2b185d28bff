import { Emitter } from '../../../emulator/base/event.ts';
import { packSymbols, type SymbolList } from '../../../emulator/base/symbol-list.ts';
import { UserError } from '../../../emulator/base/user-error.ts';
import type { InspectionName, Inspections } from '../../../emulator/debug/introspection/inspections.ts';
import type {
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
  XenEventInfo,
} from '../../../emulator/debug/target.ts';
import { parsePoint } from '../../../emulator/debug/xen-events/criterion.ts';

export const TEXT = 0xffffffff81000000n;
export const STACK = 0xffffc90000000000n;
const hexadecimal = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;

/** First program: ten bytes in a loop, with a system call in it. */
const CODE = [
  0xb8, 0x1d, 0, 0, 0, // mov eax, 29
  0x0f, 0x05, // syscall
  0x90, // nop
  0xeb, 0xf6, // jmp back
]; // biome-ignore format: one instruction a line
const NEXT: Readonly<Record<string, bigint>> = { '0': 5n, '5': 7n, '7': 8n, '8': 0n };

/**
 * A machine with one instruction loop, for tests of the session alone: breakpoints, steps and hypercalls behave as the
 * contract says, and everything is asynchronous as with a real one.
 */
export class FakeTarget implements DebugTarget {
  private readonly stopped = new Emitter<StopEvent>();
  private readonly console = new Emitter<{ readonly domain: number; readonly bytes: Uint8Array }>();
  private readonly trace = new Emitter<TraceLine>();
  private readonly ended = new Emitter<DomainEnd>();
  readonly onStopped = this.stopped.event;
  readonly onConsole = this.console.event;
  readonly onTrace = this.trace.event;
  readonly onEnded = this.ended.event;
  private readonly failed = new Emitter<string>();
  readonly onFailed = this.failed.event;

  readonly values = new Map<string, bigint>([
    ['rip', TEXT],
    ['rsp', STACK + 0xf00n],
    ['rbp', 0n],
    ['rax', 0n],
    ['rdi', 0x1234n],
  ]);
  readonly memory = new Map<bigint, Uint8Array>();
  readonly log: string[] = [];
  instructions = 0;
  running = false;
  terminated = false;
  filters: readonly EventFilter[] = [];
  readonly inspections = new Map<InspectionName, unknown>();
  xenPoints: readonly XenBreakpoint[] = [];
  watchpoints: readonly WatchpointRequest[] = [];
  kernelFiles: readonly KernelFile[] = [];
  private points: readonly InstructionBreakpoint[] = [];
  private calls: readonly HypercallBreakpoint[] = [];
  private pauseWanted = false;
  private readonly plugged: DeviceInfo[] = [];
  readonly controlled: string[] = [];
  private readonly written: number[] = [];

  constructor() {
    const text = new Uint8Array(4096).fill(0xcc);
    text.set(CODE);
    this.memory.set(TEXT, text);
    this.memory.set(STACK, new Uint8Array(4096));
  }

  /** Makes a domain write to its console. */
  write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.written.push(...bytes);
    this.console.fire({ domain: 1, bytes });
  }

  /** Makes the domain end. */
  end(kind: DomainEnd['kind'], reason: string): void {
    this.running = false;
    this.ended.fire({ domain: 1, kind, code: kind === 'crash' ? 3 : 0, reason, last: true });
    this.stop(kind === 'crash' ? 'crash' : 'shutdown', [], reason, true);
  }

  /** Makes the machine hit all its watchpoints. */
  touch(): void {
    this.stop(
      'watchpoint',
      this.watchpoints.map(({ id }) => id),
      'touched',
    );
  }

  fail(reason: string): void {
    this.running = false;
    this.failed.fire(reason);
  }

  traceLine(text: string): void {
    this.trace.fire({ instructions: this.instructions, virtualSeconds: 0, category: 'notice', text });
  }

  notices(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  threads(): Promise<readonly ThreadInfo[]> {
    return Promise.resolve([{ vcpu: 0, domain: 1, name: 'fake/0', state: 'running', bits: 64 }]);
  }

  resume(): Promise<void> {
    this.log.push('resume');
    this.running = true;
    this.pauseWanted = false;
    setImmediate(() => this.slice(true));
    return Promise.resolve();
  }

  pause(): Promise<void> {
    if (this.running) this.pauseWanted = true;
    return Promise.resolve();
  }

  step(_vcpu: number, kind: 'in' | 'over' | 'out'): Promise<void> {
    this.log.push(`step ${kind}`);
    setImmediate(() => {
      this.advance();
      this.stop('step', [], 'one instruction');
    });
    return Promise.resolve();
  }

  terminate(): Promise<void> {
    this.terminated = true;
    this.running = false;
    return Promise.resolve();
  }

  saveSnapshot(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array());
  }

  restoreSnapshot(): Promise<void> {
    return Promise.resolve();
  }

  sendConsole(_domain: number, bytes: Uint8Array): Promise<void> {
    this.write(new TextDecoder().decode(bytes).toUpperCase());
    return Promise.resolve();
  }

  consoleHistory(): Promise<Uint8Array> {
    return Promise.resolve(Uint8Array.from(this.written));
  }

  registers(): Promise<Registers> {
    const general = Object.fromEntries([...this.values].map(([name, value]) => [name, hexadecimal(value)]));
    return Promise.resolve({
      general,
      segment: { cs: '0xe033' },
      control: { cr3: '0x1000' },
      flags: { value: '0x246', words: 'PF ZF IF' },
      vector: { xmm0: '0x0' },
    });
  }

  setRegister(_vcpu: number, name: string, value: string): Promise<boolean> {
    if (!this.values.has(name)) return Promise.resolve(false);
    this.values.set(name, BigInt(value));
    return Promise.resolve(true);
  }

  readMemory(_space: MemorySpace, address: string, length: number): Promise<Uint8Array> {
    const bytes: number[] = [];
    for (let at = BigInt(address); bytes.length < length; at++) {
      const page = this.memory.get(at - (at % 4096n));
      if (page === undefined) break;
      bytes.push(page[Number(at % 4096n)] as number);
    }
    return Promise.resolve(Uint8Array.from(bytes));
  }

  writeMemory(_space: MemorySpace, address: string, bytes: Uint8Array): Promise<number> {
    let written = 0;
    for (const byte of bytes) {
      const at = BigInt(address) + BigInt(written);
      const page = this.memory.get(at - (at % 4096n));
      if (page === undefined) break;
      page[Number(at % 4096n)] = byte;
      written++;
    }
    return Promise.resolve(written);
  }

  setEventFilters(filters: readonly EventFilter[]): Promise<void> {
    this.filters = filters;
    return Promise.resolve();
  }

  setInstructionBreakpoints(points: readonly InstructionBreakpoint[]): Promise<void> {
    this.points = points;
    return Promise.resolve();
  }

  setWatchpoints(points: readonly WatchpointRequest[]): Promise<void> {
    this.watchpoints = points;
    return Promise.resolve();
  }

  setHypercallBreakpoints(points: readonly HypercallBreakpoint[]): Promise<readonly BreakpointVerdict[]> {
    const known = (name: string): boolean => name === '*' || name === '29' || name === 'sched_op';
    this.calls = points.filter(({ name }) => known(name));
    return Promise.resolve(
      points.map(({ name }) =>
        known(name)
          ? { verified: true, message: '' }
          : { verified: false, message: `There is no hypercall "${name}"; did you mean sched_op?` },
      ),
    );
  }

  setXenBreakpoints(points: readonly XenBreakpoint[]): Promise<readonly BreakpointVerdict[]> {
    this.xenPoints = points;
    return Promise.resolve(points.map(({ name }) => parsePoint(name, { maxPort: 1023, maxGrants: 32768 }).verdict));
  }

  /** Makes things happen that Xen breakpoints wait for. */
  happen(...events: readonly XenEventInfo[]): void {
    this.stop('xen-event', [], events[0]?.text ?? '', false, events);
  }

  hypercallNames(): Promise<readonly HypercallName[]> {
    return Promise.resolve([{ name: 'sched_op', number: 29, suboperations: ['yield', 'block'], documentation: '' }]);
  }

  kernels(): Promise<readonly KernelFile[]> {
    return Promise.resolve(this.kernelFiles);
  }

  symbols(): Promise<SymbolList> {
    const start = Number(BigInt.asIntN(64, TEXT));
    return Promise.resolve(
      packSymbols([
        { name: 'start', address: start, size: 10, kind: 'function' },
        { name: 'twice', address: start + 5, size: 1, kind: 'function' },
        { name: 'twice', address: start + 8, size: 1, kind: 'function' },
        { name: 'banner', address: start + 0x100, size: 8, kind: 'object' },
      ]),
    );
  }

  currentHypercall(): Promise<HypercallInfo | undefined> {
    const offset = (this.values.get('rip') as bigint) - TEXT;
    if (offset !== 5n && offset !== 7n) return Promise.resolve(undefined);
    return Promise.resolve({
      name: 'sched_op',
      number: 29,
      suboperation: 'block',
      arguments: [
        { name: 'cmd', value: '1 (block)', children: [] },
        { name: 'arg', value: '0x1234', children: [{ name: 'reason', value: '7', children: [] }] },
      ],
      result: offset === 7n ? { value: '-22', errno: 'EINVAL', reason: 'no such port' } : undefined,
    });
  }

  devices(): Promise<readonly DeviceInfo[]> {
    return Promise.resolve([...this.plugged]);
  }

  attachDevice(_domain: number, kind: DeviceInfo['kind'], specification: string): Promise<void> {
    if (!specification.includes('=')) return Promise.reject(new UserError('device.refused', 'That is no device.'));
    this.plugged.push({ kind, name: String(this.plugged.length), specification, state: 'plugged' });
    return Promise.resolve();
  }

  detachDevice(_domain: number, kind: DeviceInfo['kind'], name: string): Promise<void> {
    const at = this.plugged.findIndex((device) => device.kind === kind && device.name === name);
    if (at < 0) return Promise.reject(new UserError('device.refused', `There is no ${kind} ${name}.`));
    this.plugged.splice(at, 1);
    return Promise.resolve();
  }

  control(_domain: number, command: string): Promise<void> {
    if (!command.startsWith('mem-set')) return Promise.reject(new UserError('control.refused', 'There is no such.'));
    this.controlled.push(command);
    return Promise.resolve();
  }

  rings(domain: number): Promise<readonly RingInfo[]> {
    return Promise.resolve(
      domain === 1
        ? [
            {
              name: 'console',
              unit: 'bytes',
              mfn: '0x10',
              port: 2,
              indices: [{ name: 'in_cons', value: 3 }],
              directions: [],
            },
          ]
        : [],
    );
  }

  inspect<Name extends InspectionName>(
    name: Name,
    args: Inspections[Name]['arguments'],
  ): Promise<Inspections[Name]['result']> {
    this.log.push(`inspect ${name} ${JSON.stringify(args)}`);
    return Promise.resolve(this.inspections.get(name) as Inspections[Name]['result']);
  }

  setHistoryLimits({ hypercalls, xenstore }: HistoryLimits): Promise<void> {
    this.log.push(`history ${hypercalls} ${xenstore}`);
    return Promise.resolve();
  }

  changeXenstore(path: string, value: string | undefined): Promise<string | undefined> {
    this.log.push(`xenstore ${path} ${value}`);
    return Promise.resolve(path.startsWith('/') ? undefined : 'no path');
  }

  statistics(): Promise<Statistics> {
    return Promise.resolve({
      instructions: this.instructions,
      virtualSeconds: this.instructions / 1e9,
      wallSeconds: 0,
      running: this.running,
    });
  }

  dispose(): void {
    for (const emitter of [this.stopped, this.console, this.trace, this.ended]) emitter.dispose();
  }

  private slice(first: boolean): void {
    for (let count = 0; this.running && count < 100; count++) {
      if (count > 0 || !first) {
        const hit = this.hits();
        if (hit !== undefined) {
          this.stop(hit.reason, hit.ids, 'hit');
          return;
        }
      }
      if (this.pauseWanted) {
        this.stop('pause', [], 'paused');
        return;
      }
      this.advance();
    }
    if (this.running) setImmediate(() => this.slice(false));
  }

  private hits(): { readonly reason: StopEvent['reason']; readonly ids: readonly string[] } | undefined {
    const rip = this.values.get('rip') as bigint;
    const points = this.points.filter(({ address }) => BigInt(address) === rip).map(({ id }) => id);
    const calls = rip === TEXT + 5n ? this.calls.map(({ id }) => id) : [];
    if (calls.length > 0) return { reason: 'hypercall', ids: [...points, ...calls] };
    return points.length > 0 ? { reason: 'breakpoint', ids: points } : undefined;
  }

  private advance(): void {
    const offset = (this.values.get('rip') as bigint) - TEXT;
    this.values.set('rip', TEXT + (NEXT[String(offset)] ?? 0n));
    this.instructions++;
  }

  private stop(
    reason: StopEvent['reason'],
    breakpoints: readonly string[],
    text: string,
    final = false,
    events?: readonly XenEventInfo[],
  ): void {
    this.running = false;
    const rip = hexadecimal(this.values.get('rip') as bigint);
    const { instructions } = this;
    this.stopped.fire({ reason, vcpu: 0, breakpoints, rip, instructions, text, final, ...(events && { events }) });
  }
}
