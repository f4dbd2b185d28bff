import { type Disposable, toDisposable } from '../../base/disposable.ts';
import {
  type Domid,
  type GrantRef,
  highHalf,
  lowHalf,
  type Mfn,
  type Port,
  type VirtualAddress,
} from '../../base/numbers.ts';
import type { Clock } from '../../machine/clock.ts';
import type { Ram } from '../../machine/ram.ts';
import { type Processor, RAX } from '../../x86/cpu/processor.ts';
import { GTF_PERMIT_ACCESS, GTF_READONLY } from '../public/xen-4/grant-table.ts';
import { fillHypercallPage } from '../public/xen-4/hypercall-page.ts';
import { guestCpuid } from '../pv/cpuid.ts';
import { destroyLdt, lookUpDescriptor } from '../pv/descriptor-tables.ts';
import { saveVcpu, startVcpu } from '../pv/domain.ts';
import { FrameReferences } from '../pv/mm-types.ts';
import { PageTableValidator } from '../pv/mm-validate.ts';
import { emulatePageTableStore } from '../pv/ro-page-fault.ts';
import { Tlb } from '../pv/tlb.ts';
import { TwoLevelTables, validatorByAbi } from '../pv/xen-2/memory.ts';
import { storeToPageTable } from '../pv/xen-2/ptwr.ts';
import {
  type AbiVersion,
  type Domain,
  type DomainShutdown,
  SHUTDOWN_CRASH,
  SHUTDOWN_POWEROFF,
  SHUTDOWN_REBOOT,
  SHUTDOWN_SOFT_RESET,
  SHUTDOWN_SUSPEND,
  SHUTDOWN_WATCHDOG,
} from './domain.ts';
import { createDomain, destroyDomain } from './domain-lifecycle.ts';
import {
  allocateUnbound,
  channel,
  DOMID_HOST,
  EVTCHNSTAT_INTERDOMAIN,
  EVTCHNSTAT_UNBOUND,
  setPending,
} from './event-channel.ts';
import { FRAME_VALIDATED, FRAME_XEN_HEAP, FrameTable, machineAddressOf, TYPE_WRITABLE } from './frame-table.ts';
import { acquireGrant, grantEntryAddress, isGrantFailure, releaseGrant } from './grant-table.ts';
import { type HypervisorState, recreateDomain, restoreHypervisor, saveHypervisor } from './hypervisor-state.ts';
import { MachineToPhysical } from './m2p.ts';
import { errnoName, isRefusal, type Refusal, refuse } from './refusal.ts';
import { RunLoop } from './run-loop.ts';
import { changeRunstate } from './time.ts';
import type { HypercallRecord, TraceSink } from './trace.ts';
import { RUNSTATE_BLOCKED, RUNSTATE_RUNNABLE, type Vcpu } from './vcpu.ts';
import { raiseEvent } from './xen-1/events.ts';
import type { XenDevices } from './xen-1/xen-devices.ts';

export interface HypervisorOptions {
  readonly ram: Ram;
  readonly processor: Processor;
  /** Made over the same processor. */
  readonly clock: Clock;
  /** Order in which machine frames are handed out. */
  readonly seed?: number;
}

export interface DomainOptions {
  /** Fixed identifier; by default the next free one, from 1. */
  readonly domid?: Domid;
  readonly name: string;
  /** Pages of pseudo-physical memory, all allocated at once. */
  readonly pages: number;
  /** Ceiling for XENMEM_populate_physmap and friends; `pages` by default. */
  readonly maxPages?: number;
  readonly vcpus?: number;
  readonly abi: Domain['abi'];
  /** 16 bytes, shown as /sys/hypervisor/uuid. */
  readonly uuid?: Uint8Array;
}

/** Registers of a vCPU that starts (the toolstack's vcpu_guest_context). */
export interface VcpuContext {
  readonly rip: VirtualAddress;
  readonly rsp: VirtualAddress;
  readonly rsi: VirtualAddress;
  /** Top-level page table: pinned and validated as L4, of 32-bit domains as L3. */
  readonly rootMfn: Mfn;
}

export interface ArmedHypercall {
  readonly number: number;
  /** Whose number it is; undefined: Xen 4's. */
  readonly abi?: AbiVersion;
  /** Sub-operation number; undefined for any. */
  readonly suboperation?: number;
  /** Stop before the call (default) or when it has returned. */
  readonly when?: 'entry' | 'return';
}

export type RunResult =
  /** The instruction budget is used up. */
  | { readonly kind: 'budget'; readonly vcpu: Vcpu | undefined }
  /** Nothing can run before `deadline` (ns of virtual time; undefined: not without outside input). */
  | { readonly kind: 'idle'; readonly deadline: number | undefined }
  /** An armed instruction breakpoint is at rip; its instruction has not run. `processor.skipBreakpointOnce` passes it. */
  | { readonly kind: 'breakpoint'; readonly vcpu: Vcpu }
  /** An armed hypercall is about to run; rip is at its instruction. Running on executes it without stopping again. */
  | { readonly kind: 'hypercall'; readonly vcpu: Vcpu; readonly call: HypercallRecord }
  /** A hypercall armed with when: 'return' has returned. */
  | { readonly kind: 'hypercall-done'; readonly vcpu: Vcpu; readonly call: HypercallRecord }
  | { readonly kind: 'watchpoint'; readonly vcpu: Vcpu }
  /** Somebody called `requestStop`. */
  | { readonly kind: 'stop'; readonly vcpu: Vcpu | undefined }
  /** A domain shut down or crashed just now (`domain.shutdown` says why); others may still run. */
  | { readonly kind: 'ended'; readonly domain: Domain };

const SHUTDOWN_KINDS: Readonly<Record<number, [kind: DomainShutdown['kind'], text: string]>> = {
  [SHUTDOWN_POWEROFF]: ['poweroff', 'the guest powered itself off'],
  [SHUTDOWN_REBOOT]: ['reboot', 'the guest asked for a reboot'],
  [SHUTDOWN_SUSPEND]: ['suspend', 'the guest suspended itself'],
  [SHUTDOWN_CRASH]: ['crash', 'the guest reported that it crashed'],
  [SHUTDOWN_WATCHDOG]: ['watchdog', 'a watchdog of the guest expired'],
  [SHUTDOWN_SOFT_RESET]: ['soft_reset', 'the guest asked for a soft reset'],
};

/** Frames beside domains' pages that one domain needs: shared info, and grant table frames up to the limit. */
const FRAMES_PER_DOMAIN = 1 + 64;

/**
 * The hypervisor: domains, their frames and vCPUs, and the loop that runs them on one processor. Toolstack, back ends
 * and debugger call it between runs or from its own callbacks (port notifications, timers), never from traces.
 * NOT IMPLEMENTED: dom0, vCPUs on more than one processor.
 */
export class Hypervisor {
  readonly ram: Ram;
  readonly processor: Processor;
  readonly clock: Clock;
  readonly frames: FrameTable;
  readonly m2p: MachineToPhysical;
  readonly tlb: Tlb;
  readonly references: FrameReferences;
  readonly validator: PageTableValidator;
  /** Page tables of guests of older interfaces. */
  readonly twoLevel: TwoLevelTables;
  /** What a domain of an older interface prints by hypercall. */
  onConsoleIo: (domain: Domain, bytes: Uint8Array) => void = () => {};
  /** Devices of domains of Xen 1.2. Not state. */
  readonly xenDevices: Map<Domid, XenDevices> = new Map();
  /** Raises a bit of shared_info.events of Xen 1.2. */
  raiseDeviceEvent: (domain: Domain, bit: number) => void = (domain, bit) => raiseEvent(this, domain, bit);
  /** By domid; destroyed ones are gone. */
  readonly domains: Map<Domid, Domain> = new Map();
  trace: TraceSink = {};
  /** Identifier for the next vCPU; never used twice. */
  nextVcpuId = 0;
  /** Number of the domain that was created last. */
  lastDomid = 0;
  /** A multicall is running; another one inside it is refused. */
  inMulticall = false;
  private readonly loop: RunLoop;
  /** Host ends of event channels: "domid:port". Not state: back ends bind again after a restore. */
  private readonly hostPorts = new Map<string, () => void>();
  /** Between the halves of a restore. */
  private restoring = false;

  constructor(options: HypervisorOptions) {
    this.ram = options.ram;
    this.processor = options.processor;
    this.clock = options.clock;
    this.frames = new FrameTable(options.ram, options.seed ?? 1);
    this.m2p = new MachineToPhysical(options.ram, this.frames);
    this.tlb = new Tlb(options.processor);
    this.references = new FrameReferences(this.frames, this.m2p, this.tlb, this.domains);
    this.validator = new PageTableValidator(options.ram, this.frames, this.m2p, this.references);
    this.twoLevel = new TwoLevelTables(options.ram, this.frames, this.m2p, this.references);
    this.twoLevel.onLdtUnmapped = (domid) => {
      for (const vcpu of this.domains.get(domid as Domid)?.vcpus ?? []) destroyLdt(this, vcpu);
    };
    this.references.validator = validatorByAbi(this.validator, this.twoLevel);
    this.loop = new RunLoop(this);
    this.installHooks();
  }

  /** Frames that Xen itself needs on a machine of that many frames with that many domains. */
  static overheadFrames(frameCount: number, domains: number, firstMfn = 0): number {
    return MachineToPhysical.frameCost(firstMfn, frameCount) + domains * FRAMES_PER_DOMAIN + 16;
  }

  /** Frames that 32-bit domains with that many vCPUs in all need beside: their machine-to-physical table, and L4s. */
  static compatFrames(frameCount: number, vcpus: number): number {
    return vcpus === 0 ? 0 : MachineToPhysical.compatFrameCost(0, frameCount) + 2 + vcpus;
  }

  /** The vCPU whose registers are in the processor; undefined before the first one ran. */
  get current(): Vcpu | undefined {
    return this.loop.current;
  }

  /**
   * A paused domain with scattered, cleared frames (`domain.mfnOf(pfn)`), M2P filled in, shared info page, one grant
   * table frame, offline vCPUs. Refused (ENOMEM) when the machine has too few free frames.
   */
  createDomain(options: DomainOptions): Domain | Refusal {
    return createDomain(this, options);
  }

  /**
   * Pins and validates the root, installs registers, brings the vCPU up. Refusal: the page tables break a rule, and
   * the reason says which. Toolstack's arch_set_info_guest.
   */
  setVcpuContext(domain: Domain, vcpu: number, context: VcpuContext): Refusal | undefined {
    const target = domain.vcpus[vcpu];
    if (target === undefined) return refuse('ENOENT', `there is no vCPU ${vcpu}`);
    if (target.initialised) return refuse('EEXIST', `vCPU ${vcpu} has a context already`);
    return startVcpu(this, target, context);
  }

  pause(domain: Domain): void {
    if (domain.state === 'running') domain.state = 'paused';
  }

  unpause(domain: Domain): void {
    if (domain.state === 'paused') domain.state = 'running';
  }

  /** Ends the domain as crashed, with a reason in words; it stays inspectable. */
  crash(domain: Domain, reason: string, vcpu?: Vcpu): void {
    this.shutDown(domain, SHUTDOWN_CRASH, reason, vcpu, true);
  }

  /** The domain stops for good: by its own request (`reason` undefined), or as `crash` has it. */
  shutDown(domain: Domain, code: number, reason: string | undefined, vcpu: Vcpu | undefined, crashed = false): void {
    if (!domain.alive) return;
    // SCHEDOP_shutdown_code announced another reason, which is the one that counts.
    const final = crashed ? code : (domain.shutdownCode ?? code);
    const [kind, text] = SHUTDOWN_KINDS[final] ?? ['other', `the guest shut down with reason ${final}`];
    domain.state = crashed ? 'crashed' : 'shutdown';
    domain.shutdown = { code: final, kind, reason: reason ?? text, vcpu: vcpu?.index };
    if (crashed) this.trace.notice?.(domain, `crashed: ${reason}`);
    this.loop.domainEnded(domain);
  }

  /**
   * A domain that suspended itself goes on (XEN_DOMCTL_resumedomain): its call answers 1, "cancelled, everything is as
   * it was". Whoever restores into another machine goes by snapshots, to which the guest is blind.
   */
  resume(domain: Domain): Refusal | undefined {
    const { shutdown } = domain;
    if (domain.state !== 'shutdown' || shutdown?.kind !== 'suspend' || shutdown.vcpu === undefined)
      return refuse('EINVAL', `domain ${domain.domid} has not suspended itself`);
    const caller = domain.vcpus[shutdown.vcpu] as Vcpu;
    if (this.current === caller) this.processor.setRegister(RAX, 1, 0);
    else {
      caller.registers.low[RAX] = 1;
      caller.registers.high[RAX] = 0;
    }
    domain.state = 'running';
    domain.shutdown = undefined;
    domain.shutdownCode = undefined;
    for (const vcpu of domain.vcpus) {
      if (!vcpu.offline) changeRunstate(this, vcpu, vcpu.blocked ? RUNSTATE_BLOCKED : RUNSTATE_RUNNABLE);
    }
    return undefined;
  }

  /** Registers of a domain that stands still are where its vCPUs keep them, not in the processor. */
  storeRegisters(domain: Domain): void {
    if (this.current?.domain === domain) saveVcpu(this, this.current);
  }

  /** Frees everything the domain has. */
  destroy(domain: Domain): void {
    this.loop.forget(domain);
    destroyDomain(this, domain);
  }

  /** A port of `domain` that `remote` may bind (DOMID 0: the host). The toolstack does it for xenstore and console. */
  allocateUnbound(domain: Domain, remote: Domid): Port | Refusal {
    return allocateUnbound(this, domain, remote);
  }

  /**
   * The host takes the far end of a port that was allocated for DOMID 0. `onNotify` runs synchronously in the guest's
   * EVTCHNOP_send. Dispose to unbind.
   */
  bindHostPort(domain: Domain, port: Port, onNotify: () => void): Disposable | Refusal {
    const key = `${domain.domid}:${port}`;
    if (this.restoring) {
      this.hostPorts.set(key, onNotify);
      return toDisposable(() => this.releaseHostPort(domain, port, onNotify));
    }
    const found = channel(domain, port);
    const free = found?.state === EVTCHNSTAT_UNBOUND || found?.host === true;
    if (found === undefined || !free || found.remoteDomid !== DOMID_HOST) {
      return refuse('EINVAL', `port ${port} of domain ${domain.domid} was not allocated for the host`);
    }
    found.state = EVTCHNSTAT_INTERDOMAIN;
    found.host = true;
    this.hostPorts.set(key, onNotify);
    return toDisposable(() => this.releaseHostPort(domain, port, onNotify));
  }

  private releaseHostPort(domain: Domain, port: Port, onNotify: () => void): void {
    const key = `${domain.domid}:${port}`;
    if (this.hostPorts.get(key) !== onNotify) return;
    this.hostPorts.delete(key);
    const found = channel(domain, port);
    if (found?.state !== EVTCHNSTAT_INTERDOMAIN || !found.host) return;
    found.state = EVTCHNSTAT_UNBOUND;
    found.host = false;
  }

  /** The guest closed a port whose far end is here. */
  unbindHostPort(domain: Domain, port: Port): void {
    this.hostPorts.delete(`${domain.domid}:${port}`);
  }

  /** The guest sent an event to the host. */
  notifyHost(domain: Domain, port: Port): void {
    this.hostPorts.get(`${domain.domid}:${port}`)?.();
  }

  /** The host end sends an event to the guest. A port that the guest has closed swallows it. */
  notifyGuest(domain: Domain, port: Port): void {
    if (channel(domain, port)?.host !== true) return;
    setPending(this, domain, port);
    this.loop.interrupt();
  }

  /** Writes a v1 grant entry before the guest runs: references 0 (console) and 1 (xenstore), granted to DOMID 0. */
  seedGrant(domain: Domain, ref: GrantRef, to: Domid, mfn: Mfn, readOnly = false): void {
    const address = grantEntryAddress(domain.grantTable, ref);
    const flags = GTF_PERMIT_ACCESS | (readOnly ? GTF_READONLY : 0);
    this.ram.write64(address, flags | (to << 16), mfn);
  }

  /** Frame behind a grant that names DOMID 0, for back ends; a refusal says why not. */
  hostGrantFrame(domain: Domain, ref: GrantRef, write: boolean): Mfn | Refusal {
    const active = acquireGrant(this, domain, ref, DOMID_HOST, write);
    const failed = isGrantFailure(active);
    this.trace.grant?.({
      ...{ granter: domain, ref, user: DOMID_HOST, write, action: failed ? 'fail' : 'use' },
      text: failed ? active.reason : `grant ${ref} used by the host`,
    });
    return failed ? refuse('EACCES', active.reason) : active.mfn;
  }

  /** The host maps a frame of the domain, until it lets go of it or the domain is destroyed. */
  holdForHost(domain: Domain, mfn: Mfn): Refusal | undefined {
    const refusal = this.references.getWithType(mfn, TYPE_WRITABLE, domain.domid);
    if (refusal === undefined) domain.hostFrames.push(mfn);
    return refusal;
  }

  letGoForHost(domain: Domain, mfn: Mfn): void {
    domain.hostFrames.splice(domain.hostFrames.lastIndexOf(mfn), 1);
    this.references.putWithType(mfn);
  }

  /** Ends the host's use of a grant. */
  hostGrantRelease(domain: Domain, ref: GrantRef, write: boolean): void {
    releaseGrant(this, domain, ref, write);
    const text = `grant ${ref} no longer used by the host`;
    this.trace.grant?.({ granter: domain, ref, user: DOMID_HOST, write, action: 'end', text });
  }

  /** Calls `fire` once virtual time reaches `deadline` (ns). One per key; setting again replaces. */
  setHostTimer(key: string, deadline: number, fire: () => void): void {
    this.loop.hostTimers.set(key, { deadline, fire });
  }

  clearHostTimer(key: string): void {
    this.loop.hostTimers.delete(key);
  }

  /** Executes at most `budget` instructions and says why it stopped. Never throws for what a guest does. */
  run(budget: number): RunResult {
    return this.loop.run(budget);
  }

  /** `run` returns 'stop' at the next instruction boundary. */
  requestStop(): void {
    this.loop.stopRequested = true;
    this.processor.requestStop();
  }

  /** Earliest timer of any running domain or the host. */
  nextDeadline(): number | undefined {
    return this.loop.nextDeadline();
  }

  /** When idle: lets virtual time jump to the next deadline. False when there is none. */
  skipToNextDeadline(): boolean {
    const deadline = this.loop.nextDeadline();
    if (deadline === undefined) return false;
    this.clock.skipTo(deadline);
    return true;
  }

  /** Hypercalls that stop `run`. Replaces the former list; an empty list costs nothing. */
  armHypercalls(list: readonly ArmedHypercall[]): void {
    this.loop.armed = [...list];
  }

  /** The hypercall that the vCPU is at (rip at its instruction), decoded; or the one it has just made. */
  currentHypercall(vcpu: Vcpu): HypercallRecord | undefined {
    return this.loop.currentHypercall(vcpu);
  }

  /** Somebody wants decoded records: a trace, or a breakpoint on return. */
  get wantsHypercallRecords(): boolean {
    return this.trace.hypercall !== undefined || this.loop.wantsReturns;
  }

  reportHypercall(record: HypercallRecord): void {
    this.trace.hypercall?.(record);
    this.loop.hypercallReturned(record);
  }

  /** A refusal outside hypercalls: remembered and traced. */
  notice(domain: Domain, what: string, refusal: { readonly errno: number; readonly reason: string }): void {
    domain.recordRefusal({
      errno: refusal.errno as Refusal['errno'],
      reason: refusal.reason,
      instructions: this.clock.instructions,
      what,
    });
    this.trace.notice?.(domain, `${what} refused (${errnoName(refusal.errno)}): ${refusal.reason}`, what);
  }

  /** Ends a sleep in SCHEDOP_block or SCHEDOP_poll. */
  wake(vcpu: Vcpu): void {
    this.loop.wake(vcpu);
  }

  /** Something became pending from outside: the guest is told before its next instruction. */
  interruptGuest(): void {
    this.loop.interrupt();
  }

  block(vcpu: Vcpu): void {
    this.loop.block(vcpu);
  }

  yieldProcessor(vcpu: Vcpu): void {
    this.loop.yieldProcessor(vcpu);
  }

  /** A port became pending: vCPUs in SCHEDOP_poll on it wake up, mask or not. */
  wakePollers(domain: Domain, port: number): void {
    for (const vcpu of domain.vcpus) {
      if (vcpu.blocked && vcpu.polling?.includes(port) === true) this.loop.wake(vcpu);
    }
  }

  /** Sets the pfn of a frame, in the machine-to-physical table and in the inverse that tools use. */
  setPfn(mfn: Mfn, low: number, high: number): void {
    const domain = this.domains.get(this.frames.owner(mfn) as Domid);
    const old = this.m2p.get(mfn);
    this.m2p.set(mfn, low, high);
    if (domain === undefined) return;
    if (domain.p2m[old] === mfn) domain.p2m[old] = -1;
    const pfn = low >>> 0;
    if (high === 0 && pfn < domain.p2m.length) domain.p2m[pfn] = mfn;
  }

  /** A frame of Xen's own, shared with the domain: never its to give away (shared info, grant tables). */
  allocateSharedFrame(domain: Domain): Mfn | undefined {
    const mfn = this.frames.allocate(domain.domid);
    if (mfn === undefined) return undefined;
    const index = mfn - this.frames.first;
    // Held as writable for good, so that it cannot become a page table.
    this.frames.flags[index] = (this.frames.flags[index] as number) | FRAME_XEN_HEAP | FRAME_VALIDATED;
    this.frames.types[index] = TYPE_WRITABLE;
    this.frames.typeCounts[index] = 1;
    this.frames.counts[index] = 2;
    return mfn;
  }

  /** Takes a shared frame back, once no guest maps it. */
  freeSharedFrame(mfn: Mfn): void {
    this.references.putWithType(mfn);
    this.references.deallocate(mfn);
  }

  isXenHeap(mfn: Mfn): boolean {
    return ((this.frames.flags[mfn - this.frames.first] as number) & FRAME_XEN_HEAP) !== 0;
  }

  /** 2^order contiguous frames for a domain, within its maximum and below 2^addressBits bytes. */
  allocateExtent(domain: Domain, order: number, addressBits = 64): Mfn | Refusal {
    const pages = 2 ** order;
    if (domain.totalPages + pages > domain.maxPages) {
      return refuse('ENOMEM', `domain ${domain.domid} has ${domain.totalPages} pages of at most ${domain.maxPages}`);
    }
    return (
      this.takeExtent(domain, order, addressBits) ??
      refuse('ENOMEM', `the machine has no ${pages} free contiguous frames so low`)
    );
  }

  /** The same whatever its maximum is; undefined where none are free. */
  takeExtent(domain: Domain, order: number, addressBits: number): Mfn | undefined {
    const pages = 2 ** order;
    const first =
      order === 0 && addressBits >= 52
        ? this.frames.allocate(domain.domid)
        : this.frames.allocateContiguous(domain.domid, pages, 2 ** (addressBits - 12));
    if (first !== undefined) domain.totalPages += pages;
    return first;
  }

  hasFreeExtents(order: number, count: number, addressBits = 64): boolean {
    if (order === 0 && addressBits >= 52) return this.frames.freeFrames >= count;
    return this.frames.countContiguous(2 ** order, 2 ** (addressBits - 12)) >= count;
  }

  /** Ownership of an unused frame passes on (grant transfer). */
  moveFrame(mfn: Mfn, from: Domain, to: Domain): void {
    const pfn = this.m2p.get(mfn);
    if (from.p2m[pfn] === mfn) from.p2m[pfn] = -1;
    this.m2p.invalidate(mfn);
    this.frames.owners[mfn - this.frames.first] = to.domid;
    from.totalPages--;
    to.totalPages++;
  }

  /** WRMSR of the hypercall page MSR: fills a frame with call stubs. False: #GP. */
  installHypercallPage(domain: Domain, high: number, low: number): boolean {
    const frame = (high >>> 0) * 0x100000 + (low >>> 12);
    if ((low & 0xfff) !== 0 || isRefusal(this.references.getWithType(frame, TYPE_WRITABLE, domain.domid))) return false;
    const page = new Uint8Array(4096);
    fillHypercallPage(page, domain.width);
    this.ram.writeBytes(machineAddressOf(frame as Mfn), page);
    this.references.putWithType(frame as Mfn);
    return true;
  }

  /** Everything but the contents of RAM, as plain data. Only between runs. */
  save(): HypervisorState {
    return saveHypervisor(this, this.loop.save());
  }

  /**
   * First half of a restore: the domains of that time instead of today's, with no host at their ports. Until the second
   * half, `bindHostPort` takes the listener and changes nothing: ports are bound already, or have been closed since.
   */
  beginRestore(state: HypervisorState): void {
    this.restoring = true;
    this.hostPorts.clear();
    this.loop.hostTimers.clear();
    this.loop.current = undefined;
    this.domains.clear();
    for (const saved of state.domains) this.domains.set(saved.domid, recreateDomain(saved));
  }

  /** Second half, once RAM has its contents, and back ends their ports and timers again. */
  finishRestore(state: HypervisorState): void {
    restoreHypervisor(this, state);
    this.loop.restore(state.loop);
    this.restoring = false;
    for (const key of this.hostPorts.keys()) {
      const [domid, port] = key.split(':').map(Number) as [Domid, number];
      const domain = this.domains.get(domid);
      if (domain === undefined || channel(domain, port)?.host !== true) this.hostPorts.delete(key);
    }
  }

  /** Whatever is due now happens now, before somebody from outside changes something. */
  settle(): void {
    this.loop.settle();
  }

  private installHooks(): void {
    this.processor.hooks = {
      readOnlyStore: (address, machine, size, low, high) => {
        const vcpu = this.loop.current;
        if (vcpu === undefined) return 0;
        const store = vcpu.domain.abiVersion === '4' ? emulatePageTableStore : storeToPageTable;
        return store(this, vcpu, address, machine, size, low, high);
      },
      descriptor: (selector, out) => {
        const vcpu = this.loop.current;
        return vcpu === undefined ? false : lookUpDescriptor(this, vcpu, selector, out);
      },
      cpuid: (leaf, subleaf, out) => {
        const vcpu = this.loop.current;
        const { width, abiVersion } = vcpu?.domain ?? { width: 64, abiVersion: '4' };
        guestCpuid(leaf, subleaf, { vcpuIndex: vcpu?.index ?? 0, width, abiVersion }, out);
      },
      readTsc: (out) => {
        const tsc = this.clock.tsc();
        out[0] = lowHalf(tsc);
        out[1] = highHalf(tsc);
      },
    };
  }
}
