import { assert } from '../../base/assert.ts';
import { type Domid, highHalf, type VirtualAddress } from '../../base/numbers.ts';
import {
  CS,
  EXIT_BREAKPOINT,
  EXIT_BUDGET,
  EXIT_EXCEPTION,
  EXIT_INT,
  EXIT_STOP,
  EXIT_SYSCALL,
  EXIT_SYSENTER,
  EXIT_WATCHPOINT,
  type ExitReason,
  R8,
  R9,
  R10,
  R11,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  SS,
} from '../../x86/cpu/processor.ts';
import { HypercallArguments, type HypercallContext } from '../hypercall/call.ts';
import { columnOf, hypercallRow } from '../hypercall/columns.ts';
import { decodeHypercall, elementCommandNumbers } from '../hypercall/decode.ts';
import { executeHypercall } from '../hypercall/dispatch.ts';
import { joinWideArguments } from '../hypercall/row.ts';
import { findSuboperation } from '../hypercall/suboperation.ts';
import { StructView, type Width } from '../public/struct.ts';
import { FLAT_RING3_CS64, FLAT_RING3_SS64, HYPERCALL_VECTOR } from '../public/xen-4/xen.ts';
import { loadVcpu, saveVcpu } from '../pv/domain.ts';
import { codeAddress } from '../pv/emul-inv-op.ts';
import { followRing } from '../pv/guest-mode.ts';
import { forceFlatSegment } from '../pv/segments.ts';
import {
  deliverEvents,
  handleException,
  handleSoftwareInterrupt,
  handleSysenter,
  handleUserSyscall,
} from '../pv/traps.ts';
import { reloadSegments } from '../pv/xen-2/domain.ts';
import { enterFastTrap } from '../pv/xen-2/traps.ts';
import { type Domain, SHUTDOWN_WATCHDOG } from './domain.ts';
import type { ArmedHypercall, Hypervisor, RunResult } from './hypervisor.ts';
import { isRefusal } from './refusal.ts';
import { changeRunstate, fireVcpuTimers, updateRunstateArea, updateTimeInfo, vcpuDeadline } from './time.ts';
import type { HypercallRecord } from './trace.ts';
import { NEVER, RUNSTATE_BLOCKED, RUNSTATE_OFFLINE, RUNSTATE_RUNNABLE, RUNSTATE_RUNNING, type Vcpu } from './vcpu.ts';
import { scheduledIn } from './xen-2/time.ts';

/** How long a vCPU runs before others that want to get their turn, in ns of virtual time. */
const QUANTUM = 200_000;
/** Budgets of the processor are small integers; a longer way is gone in steps. */
const MAX_SLICE = 1 << 28;

export interface RunLoopState {
  /** Id of the vCPU in the processor. */
  readonly current: number | undefined;
  readonly quantumEnd: number;
  readonly enteredXen: boolean;
  /** Domains whose end nobody has been told yet. */
  readonly ended: readonly Domid[];
  readonly passHypercallAt: number;
  readonly hostTimers: readonly { readonly key: string; readonly deadline: number }[];
}

interface HostTimer {
  readonly deadline: number;
  readonly fire: () => void;
}

/**
 * Runs vCPUs in turn: picks one, delivers its events, lets the processor go until the next thing that has an exact
 * time, handles what stopped it. Everything depends on instruction counts and virtual time only, never on how the
 * caller cuts its budgets.
 */
export class RunLoop {
  current: Vcpu | undefined;
  stopRequested = false;
  armed: readonly ArmedHypercall[] = [];
  readonly hostTimers = new Map<string, HostTimer>();
  private quantumEnd = 0;
  /**
   * Xen looks for events on its way back into the guest, and only there: a guest that unmasks them by itself is not
   * interrupted until it next enters Xen. True when that way is to be taken; a budget that ran out is no such entry.
   */
  private enteredXen = true;
  private ended: Domain[] = [];
  /** The stop for an armed hypercall was reported at this instruction count; the call goes ahead next time. */
  private passHypercallAt = -1;
  private recording = false;
  private lastCall: HypercallRecord | undefined;
  private returned: HypercallRecord | undefined;
  private readonly args = new HypercallArguments();

  constructor(private readonly xen: Hypervisor) {}

  run(budget: number): RunResult {
    const { processor, clock } = this.xen;
    let left = budget;
    for (;;) {
      this.fireTimers();
      const ended = this.ended.shift();
      if (ended !== undefined) return { kind: 'ended', domain: ended };
      if (this.stopRequested) {
        this.stopRequested = false;
        return { kind: 'stop', vcpu: this.current };
      }
      if (left <= 0) return { kind: 'budget', vcpu: this.current };
      const vcpu = this.pick();
      if (vcpu === undefined) return { kind: 'idle', deadline: this.nextDeadline() };
      this.switchTo(vcpu);
      if (this.enteredXen) {
        this.enteredXen = false;
        deliverEvents(this.xen, vcpu);
        if (!vcpu.domain.alive) continue;
      }
      const slice = Math.min(left, this.sliceEnd() - clock.now(), MAX_SLICE);
      const before = processor.instructions;
      const reason = processor.run(slice);
      const executed = processor.instructions - before;
      left -= executed;
      followRing(this.xen, vcpu);
      if (reason === EXIT_BUDGET) continue;
      const result = this.handleExit(vcpu, reason);
      if (result !== undefined) return result;
      left--;
    }
  }

  /** The processor's stop, unless it is one for the caller, counts as one instruction that the hypervisor executed. */
  private handleExit(vcpu: Vcpu, reason: ExitReason): RunResult | undefined {
    const { xen } = this;
    switch (reason) {
      case EXIT_BREAKPOINT:
        return { kind: 'breakpoint', vcpu };
      case EXIT_WATCHPOINT:
        return { kind: 'watchpoint', vcpu };
      case EXIT_STOP:
        this.stopRequested = false;
        return { kind: 'stop', vcpu };
      case EXIT_SYSCALL:
        if (vcpu.kernelMode && vcpu.domain.abiVersion === '4') return this.hypercall(vcpu);
        handleUserSyscall(xen, vcpu);
        break;
      case EXIT_EXCEPTION:
        handleException(xen, vcpu);
        break;
      case EXIT_INT:
        if (isCompatHypercall(xen, vcpu)) return this.hypercall(vcpu);
        if (enterFastTrap(xen, vcpu)) {
          xen.clock.completeInstruction();
          return undefined;
        }
        handleSoftwareInterrupt(xen, vcpu);
        break;
      case EXIT_SYSENTER:
        handleSysenter(xen, vcpu);
        break;
      default:
        break;
    }
    this.enteredXen = true;
    xen.clock.completeInstruction();
    return undefined;
  }

  private hypercall(vcpu: Vcpu): RunResult | undefined {
    const { xen, args } = this;
    const { processor, clock } = xen;
    const { width } = vcpu.domain;
    const number = hypercallNumber(xen, vcpu);
    this.readArguments(vcpu, number);
    const call: HypercallContext = { xen, domain: vcpu.domain, vcpu, args, execute: executeHypercall };
    if (this.armed.length > 0 && this.passHypercallAt !== clock.instructions && this.isArmed(call, number, 'entry')) {
      this.passHypercallAt = clock.instructions;
      const record = decodeHypercall(call, number, undefined);
      this.lastCall = record;
      return { kind: 'hypercall', vcpu, call: record };
    }
    const { rip } = processor;
    const next = (rip + 2) as VirtualAddress;
    processor.rip = next;
    if (width === 64) {
      processor.setRegister(RCX, next | 0, highHalf(next));
      processor.setRegister(R11, processor.rflags, 0);
    }
    this.returned = undefined;
    this.enteredXen = true;
    // A call that was stopped at is remembered with its result, for whoever steps over it.
    this.recording = this.passHypercallAt === clock.instructions;
    const result = executeHypercall(call, number, undefined);
    this.recording = false;
    clock.completeInstruction();
    if (vcpu.domain.state === 'crashed') {
      // Left at the instruction that did it, for whoever looks.
      processor.rip = rip;
    } else if (typeof result !== 'symbol' && width === 32) {
      processor.setRegister(RAX, isRefusal(result) ? -result.errno : result | 0, 0);
      if (vcpu.segmentsChanged) reloadSegments(xen, vcpu);
    } else if (typeof result !== 'symbol') {
      // Back by SYSRET, which loads Xen's flat selectors whatever the guest had.
      forceFlatSegment(xen, vcpu, CS, FLAT_RING3_CS64);
      forceFlatSegment(xen, vcpu, SS, FLAT_RING3_SS64);
      const value = isRefusal(result) ? -result.errno : result;
      processor.setRegister(RAX, value | 0, highHalf(value));
    }
    return this.returned === undefined ? undefined : { kind: 'hypercall-done', vcpu, call: this.returned };
  }

  private readArguments({ domain }: Vcpu, number: number): void {
    const { processor } = this.xen;
    const registers = ARGUMENT_REGISTERS[domain.width];
    for (let index = 0; index < registers.length; index++) {
      const register = registers[index] as number;
      this.args.set(index, processor.low(register), domain.width === 64 ? processor.high(register) : 0);
    }
    joinWideArguments(this.args, domain.width, hypercallRow(domain, number));
  }

  private isArmed(call: HypercallContext, number: number, when: 'entry' | 'return'): boolean {
    if (this.armed.some((armed) => (armed.when ?? 'entry') === when && matches(call, number, armed))) return true;
    return number === columnOf(call.domain).multicall && when === 'entry' && this.isArmedInside(call);
  }

  /** A multicall is stopped at as a whole when one of its calls is armed. */
  private isArmedInside(call: HypercallContext): boolean {
    const { multicall, multicallEntry } = columnOf(call.domain);
    const { size, field } = multicallEntry[call.domain.width];
    const count = Math.min(6, field.args.count);
    const bytes = call.xen.processor.peek(call.args.address(0), size * Math.min(call.args.u32(1), 4096));
    const inner = new HypercallArguments();
    for (let at = 0; at + size <= bytes.length; at += size) {
      const entry = new StructView(multicallEntry, call.domain.width, bytes, at);
      for (let index = 0; index < count; index++) inner.set(index, entry.low('args', index), entry.high('args', index));
      const number = entry.get('op');
      joinWideArguments(inner, call.domain.width, hypercallRow(call.domain, number));
      if (number !== multicall && this.isArmed({ ...call, args: inner }, number, 'entry')) return true;
    }
    return false;
  }

  get wantsReturns(): boolean {
    return this.recording || this.armed.some((armed) => armed.when === 'return');
  }

  hypercallReturned(record: HypercallRecord): void {
    this.lastCall = record;
    const hit = this.armed.some(
      (armed) =>
        armed.when === 'return' &&
        armed.number === record.number &&
        (armed.abi ?? '4') === record.domain.abiVersion &&
        (armed.suboperation === undefined || suboperationName(record.domain, armed) === record.suboperation),
    );
    if (hit) this.returned = record;
  }

  currentHypercall(vcpu: Vcpu): HypercallRecord | undefined {
    const { processor } = this.xen;
    if (vcpu === this.current && vcpu.kernelMode) {
      const [first, second] = processor.peek(codeAddress(processor), 2);
      const [wanted, operand] = INSTRUCTIONS[vcpu.domain.width];
      if (first === wanted && second === operand) {
        const number = hypercallNumber(this.xen, vcpu);
        this.readArguments(vcpu, number);
        const call = { xen: this.xen, domain: vcpu.domain, vcpu, args: this.args, execute: executeHypercall };
        return decodeHypercall(call, number, undefined);
      }
    }
    return this.lastCall?.vcpu === vcpu && this.lastCall.result !== undefined ? this.lastCall : undefined;
  }

  domainEnded(domain: Domain): void {
    this.ended.push(domain);
    for (const vcpu of domain.vcpus) changeRunstate(this.xen, vcpu, RUNSTATE_OFFLINE);
  }

  forget(domain: Domain): void {
    this.ended = this.ended.filter((other) => other !== domain);
    if (this.lastCall?.domain === domain) this.lastCall = undefined;
    if (this.current?.domain !== domain) return;
    this.current = undefined;
    this.xen.processor.setRoot(0, undefined);
    this.xen.processor.setRoot(1, undefined);
  }

  wake(vcpu: Vcpu): void {
    if (!vcpu.blocked) return;
    vcpu.blocked = false;
    vcpu.polling = undefined;
    vcpu.pollTimeout = NEVER;
    changeRunstate(this.xen, vcpu, RUNSTATE_RUNNABLE);
  }

  block(vcpu: Vcpu): void {
    vcpu.blocked = true;
    changeRunstate(this.xen, vcpu, RUNSTATE_BLOCKED);
  }

  yieldProcessor(_vcpu: Vcpu): void {
    this.quantumEnd = 0;
  }

  /** The current vCPU until its quantum is over or it sleeps; then the next runnable one after it, in order. */
  private pick(): Vcpu | undefined {
    const current = this.current;
    if (current !== undefined && isRunnable(current) && this.xen.clock.now() < this.quantumEnd) return current;
    const vcpu = this.nextInTurn();
    // Alone, a vCPU keeps its used-up quantum: when somebody else turns up must not depend on how often we look.
    if (vcpu !== undefined && vcpu !== current) {
      this.quantumEnd = this.xen.clock.now() + QUANTUM;
      vcpu.domain.lastVcpu = vcpu.index;
    }
    return vcpu;
  }

  /** Domains take turns, and in each its vCPUs: one with many of them gets no more time than one with few. */
  private nextInTurn(): Vcpu | undefined {
    const current = this.current?.domain;
    let isAfter = current === undefined;
    let first: Vcpu | undefined;
    for (const domain of this.xen.domains.values()) {
      const vcpu = nextVcpu(domain);
      if (isAfter && vcpu !== undefined) return vcpu;
      first ??= vcpu;
      if (domain === current) isAfter = true;
    }
    return first;
  }

  private switchTo(vcpu: Vcpu): void {
    if (this.current !== vcpu) {
      if (this.current !== undefined) {
        saveVcpu(this.xen, this.current);
        if (this.current.runstate === RUNSTATE_RUNNING) changeRunstate(this.xen, this.current, RUNSTATE_RUNNABLE);
      }
      this.current = vcpu;
      this.enteredXen = true;
      loadVcpu(this.xen, vcpu);
      this.xen.tlb.flushAll();
      updateTimeInfo(this.xen, vcpu);
    }
    if (vcpu.runstate === RUNSTATE_RUNNING) return;
    changeRunstate(this.xen, vcpu, RUNSTATE_RUNNING);
    if (vcpu.domain.abiVersion === '4') updateRunstateArea(this.xen, vcpu);
    else this.enteredXen = scheduledIn(this.xen, vcpu) || this.enteredXen;
  }

  /** Virtual time at which the loop must look again. */
  private sliceEnd(): number {
    const deadline = this.nextDeadline() ?? NEVER;
    return this.othersWait() ? Math.min(deadline, this.quantumEnd) : deadline;
  }

  private othersWait(): boolean {
    for (const domain of this.xen.domains.values()) {
      for (const vcpu of domain.vcpus) if (vcpu !== this.current && isRunnable(vcpu)) return true;
    }
    return false;
  }

  nextDeadline(): number | undefined {
    let deadline = NEVER;
    for (const domain of this.xen.domains.values()) {
      if (domain.state !== 'running') continue;
      for (const vcpu of domain.vcpus) if (!vcpu.offline) deadline = Math.min(deadline, vcpuDeadline(vcpu));
      for (const watchdog of domain.watchdogs) deadline = Math.min(deadline, watchdog);
    }
    for (const timer of this.hostTimers.values()) deadline = Math.min(deadline, timer.deadline);
    return deadline === NEVER ? undefined : deadline;
  }

  /** Something became pending from outside the guest: it is told before its next instruction. */
  interrupt(): void {
    this.enteredXen = true;
  }

  /** Host timers are kept by key; whoever set them sets them again before `restore`. */
  save(): RunLoopState {
    return {
      current: this.current?.id,
      quantumEnd: this.quantumEnd,
      enteredXen: this.enteredXen,
      ended: this.ended.map(({ domid }) => domid),
      passHypercallAt: this.passHypercallAt,
      hostTimers: Array.from(this.hostTimers, ([key, { deadline }]) => ({ key, deadline })),
    };
  }

  restore(state: RunLoopState): void {
    const { domains } = this.xen;
    const vcpus = Array.from(domains.values()).flatMap((domain) => domain.vcpus);
    this.current = vcpus.find(({ id }) => id === state.current);
    this.quantumEnd = state.quantumEnd;
    this.enteredXen = state.enteredXen;
    this.ended = state.ended.map((domid) => domains.get(domid) as Domain);
    this.passHypercallAt = state.passHypercallAt;
    this.stopRequested = false;
    this.lastCall = undefined;
    this.returned = undefined;
    const owned = new Map(this.hostTimers);
    this.hostTimers.clear();
    // In their old order, which is that in which they fire.
    for (const { key, deadline } of state.hostTimers) {
      const fire = owned.get(key)?.fire;
      assert(fire !== undefined, `nobody set the timer "${key}" again`);
      this.hostTimers.set(key, { deadline, fire });
    }
  }

  /** What is due now happens now, as it would at the start of the next run. */
  settle(): void {
    this.fireTimers();
  }

  private fireTimers(): void {
    const { xen } = this;
    const now = xen.clock.now();
    if ((this.nextDeadline() ?? NEVER) > now) return;
    this.enteredXen = true;
    for (const [key, timer] of this.hostTimers) {
      if (timer.deadline > now) continue;
      this.hostTimers.delete(key);
      timer.fire();
    }
    for (const domain of xen.domains.values()) {
      if (domain.state !== 'running') continue;
      for (const vcpu of domain.vcpus) if (!vcpu.offline) fireVcpuTimers(xen, vcpu, now);
      if (domain.watchdogs.some((deadline) => deadline <= now)) {
        xen.shutDown(domain, SHUTDOWN_WATCHDOG, undefined, undefined);
      }
    }
  }
}

const ARGUMENT_REGISTERS: Readonly<Record<Width, readonly number[]>> = {
  64: [RDI, RSI, RDX, R10, R8, R9],
  32: [RBX, RCX, RDX, RSI, RDI, RBP],
};
/** Hypercall instructions: `syscall`, `int 0x82`. */
const INSTRUCTIONS: Readonly<Record<Width, readonly [number, number]>> = {
  64: [0x0f, 0x05],
  32: [0xcd, HYPERCALL_VECTOR],
};

/** Older interfaces take only the low bits of EAX; what is no number at all is NEVER. */
function hypercallNumber({ processor }: Hypervisor, { domain }: Vcpu): number {
  const low = (processor.low(RAX) & columnOf(domain).numberMask) >>> 0;
  return domain.width === 32 || processor.high(RAX) === 0 ? low : NEVER;
}

/** The gate of `int 0x82` is for ring 1 alone. */
function isCompatHypercall({ processor }: Hypervisor, { domain }: Vcpu): boolean {
  return domain.width === 32 && processor.exit.vector === HYPERCALL_VECTOR && processor.privilege === 1;
}

/** The runnable vCPU behind the one that ran last, in order. */
function nextVcpu({ vcpus, lastVcpu }: Domain): Vcpu | undefined {
  for (let step = 1; step <= vcpus.length; step++) {
    const vcpu = vcpus[(lastVcpu + step) % vcpus.length] as Vcpu;
    if (isRunnable(vcpu)) return vcpu;
  }
  return undefined;
}

function isRunnable(vcpu: Vcpu): boolean {
  return vcpu.domain.state === 'running' && !vcpu.offline && !vcpu.blocked;
}

function matches(call: HypercallContext, number: number, armed: ArmedHypercall): boolean {
  if (armed.number !== number || (armed.abi ?? '4') !== call.domain.abiVersion) return false;
  if (armed.suboperation === undefined) return true;
  const row = hypercallRow(call.domain, number);
  if (row?.elementCommands !== undefined) return elementCommandNumbers(call, row).includes(armed.suboperation);
  return row !== undefined && findSuboperation(call, row)?.number === armed.suboperation;
}

function suboperationName(domain: Domain, armed: ArmedHypercall): string | undefined {
  const row = hypercallRow(domain, armed.number);
  const number = armed.suboperation as number;
  return row?.elementCommands?.[number] ?? row?.suboperations?.find((row) => row.number === number)?.name;
}
