import type { Disposable } from '../base/disposable.ts';
import type { Event } from '../base/event.ts';
import type { SymbolList } from '../base/symbol-list.ts';
import type { InspectionName, Inspections } from './introspection/inspections.ts';

/**
 * What a debugger front end (DAP session, gdb stub, command line, views) sees of a running machine. Everything is
 * asynchronous and plain data, so that the machine may live in a worker. 64-bit numbers cross as hexadecimal strings
 * ("0xffffffff81000000") where a double would not hold them, addresses of memory requests included.
 */
export interface DebugTarget extends Disposable {
  /** Fires when execution stops, with everything a client needs to say why. */
  readonly onStopped: Event<StopEvent>;
  /** Console bytes of a domain, as the guest wrote them. */
  readonly onConsole: Event<{ readonly domain: number; readonly bytes: Uint8Array }>;
  /** Decoded trace lines and notices (refused hypercalls with their reason, xenstore traffic …) when tracing is on. */
  readonly onTrace: Event<TraceLine>;
  /** A domain shut down or crashed; the machine stays inspectable. */
  readonly onEnded: Event<DomainEnd>;

  /** Xenoscope itself failed (a bug of ours, a worker that died): the machine is gone. In words. */
  readonly onFailed: Event<string>;

  /** Remarks made while the machine was built, one line each: settings that are not supported yet, and the like. */
  notices(): Promise<readonly string[]>;
  /** Domains and their vCPUs. */
  threads(): Promise<readonly ThreadInfo[]>;
  /**
   * Runs until something stops it. Resolves when running. With `finishStep`, a step that a breakpoint interrupted
   * goes on to its end: for breakpoints whose condition turned out false.
   */
  resume(finishStep?: boolean): Promise<void>;
  /** Stops within 50 ms; a `StopEvent` with reason 'pause' follows. Nothing happens when it is not running. */
  pause(): Promise<void>;
  /**
   * Executes instructions; a StopEvent 'step' follows, or another when something else stops it first. Resolves when
   * running. `over` runs through calls, system calls, REP and event callbacks; `out` until the frame returns, which is
   * surest when the caller knows its return address (hexadecimal). With `within`, `in` and `over` go on while they stay
   * in these addresses, and end as well where a return leaves the frame; then `in` too runs through event callbacks.
   */
  step(
    vcpu: number,
    kind: 'in' | 'over' | 'out',
    returnAddress?: string,
    within?: readonly AddressRange[],
  ): Promise<void>;
  /** Frees everything; the machine is gone. */
  terminate(): Promise<void>;
  /** The whole machine as it is now, as the bytes of a snapshot file. Not in it: what disks contain. */
  saveSnapshot(): Promise<Uint8Array>;
  /**
   * Makes the machine what it was; a StopEvent 'pause' follows. Only while it is stopped. Console bytes that have been
   * reported stay reported, breakpoints stay set. Rejects (UserError `snapshot.*`) a machine with writable disks.
   */
  restoreSnapshot(file: Uint8Array): Promise<void>;
  sendConsole(domain: number, bytes: Uint8Array): Promise<void>;
  /** All console bytes of a domain since its first one. */
  consoleHistory(domain: number): Promise<Uint8Array>;

  registers(vcpu: number): Promise<Registers>;
  /** Name as in `Registers`; value hexadecimal. False: no such register or not settable. */
  setRegister(vcpu: number, name: string, value: string): Promise<boolean>;
  /** As many bytes as are readable from `address`; shorter at the first hole. */
  readMemory(space: MemorySpace, address: string, length: number): Promise<Uint8Array>;
  /** Number of bytes written. */
  writeMemory(space: MemorySpace, address: string, bytes: Uint8Array): Promise<number>;

  /** Stops at events inside the machine, which the stop then carries. Crashes always stop. */
  setEventFilters(filters: readonly EventFilter[]): Promise<void>;
  /** Replaces all instruction breakpoints. Addresses hexadecimal. */
  setInstructionBreakpoints(points: readonly InstructionBreakpoint[]): Promise<void>;
  /** Replaces all hypercall breakpoints. Answers one verdict per point, in order. */
  setHypercallBreakpoints(points: readonly HypercallBreakpoint[]): Promise<readonly BreakpointVerdict[]>;
  /**
   * Replaces all breakpoints on things that Xen knows. Answers one verdict per point, in order. The stop comes at the
   * first instruction boundary after it happened: behind a hypercall, at a trap handler's first instruction.
   */
  setXenBreakpoints(points: readonly XenBreakpoint[]): Promise<readonly BreakpointVerdict[]>;
  /** Replaces all watchpoints: as many as wanted, of any length. The stop comes after the access. */
  setWatchpoints(points: readonly WatchpointRequest[]): Promise<void>;
  /** Names a function breakpoint may use: hypercalls and sub-operations of the running ABI. */
  hypercallNames(): Promise<readonly HypercallName[]>;

  /** Kernel files that the domains were booted from, the first domain's first. */
  kernels(): Promise<readonly KernelFile[]>;
  /** Symbols from the kernel image and, for a stripped Linux, from its own kallsyms once readable. */
  symbols(): Promise<SymbolList>;
  /** Decoded arguments of the hypercall the vCPU is stopped at or has just made; undefined elsewhere. */
  currentHypercall(vcpu: number): Promise<HypercallInfo | undefined>;
  /** Shared rings of a domain with their decoded slots. */
  rings(domain: number): Promise<readonly RingInfo[]>;
  /** Disks and network interfaces of a domain. */
  devices(domain: number): Promise<readonly DeviceInfo[]>;
  /**
   * Plugs a device into a domain, before or while it runs; `specification` as `disk` or `vif` of xl.cfg(5) has it.
   * Rejects with a `UserError` that says why it cannot be.
   */
  attachDevice(domain: number, kind: DeviceInfo['kind'], specification: string): Promise<void>;
  /** The guest is asked to let the device go, and it is gone once it has; with `force` at once. Rejects like `attach`. */
  detachDevice(domain: number, kind: DeviceInfo['kind'], name: string, force: boolean): Promise<void>;
  /** A look into the machine: what a view shows. Changes nothing. */
  inspect<Name extends InspectionName>(
    name: Name,
    args: Inspections[Name]['arguments'],
  ): Promise<Inspections[Name]['result']>;
  /** Asks something of a domain; `command` with its argument. What the guest makes of it is seen later. Rejects like `attach`. */
  control(domain: number, command: string): Promise<void>;
  /** Entries that histories keep from now on; 0: none are recorded, and what was is forgotten. */
  setHistoryLimits(limits: HistoryLimits): Promise<void>;
  /** Writes or, without a value, removes a xenstore node as the toolstack. Answers why not, where it cannot be. */
  changeXenstore(path: string, value: string | undefined): Promise<string | undefined>;
  /** Instruction and time counters, for status bars and tests of progress. */
  statistics(): Promise<Statistics>;
}

/** Latest entries of the inspections `hypercall-history` and `xenstore-history`. */
export interface HistoryLimits {
  readonly hypercalls: number;
  readonly xenstore: number;
}

/** Which addresses a memory request means: the current vCPU's virtual ones, a domain's own pages, or machine ones. */
export type MemorySpace = 'virtual' | 'pseudo-physical' | 'machine';

/** Virtual addresses from `low` to before `high`, hexadecimal. */
export interface AddressRange {
  readonly low: string;
  readonly high: string;
}

/** As a configuration names it: absolute, a URI, or relative to a folder. */
export interface KernelFile {
  readonly domain: number;
  readonly path: string;
  readonly folder: string | undefined;
}

export type StopReason =
  | 'entry'
  | 'pause'
  | 'step'
  | 'breakpoint'
  | 'hypercall'
  | 'hypercall-error'
  | 'crash'
  | 'watchpoint'
  | 'xen-event'
  | 'shutdown';

/**
 * `hypercall`: any is about to run. `hypercall-error`: one is refused (it has returned; rip stands behind it).
 * `page-fault`, `general-protection`, `exception` (any): handed to the guest, whose handler is about to run, as are
 * `failsafe` and `event-upcall`. `pte-refused`: Xen refused a page-table entry or root. `back-end`: one gave up on what
 * its front end did. `shutdown`: a domain ends. `crash`: for clients only, the target always stops.
 */
export type EventFilter =
  | 'hypercall'
  | 'hypercall-error'
  | 'page-fault'
  | 'general-protection'
  | 'exception'
  | 'failsafe'
  | 'event-upcall'
  | 'pte-refused'
  | 'grant-failure'
  | 'xenstore-watch'
  | 'back-end'
  | 'shutdown'
  | 'crash';

export interface StopEvent {
  readonly reason: StopReason;
  readonly vcpu: number;
  /** Ids of the breakpoints hit. */
  readonly breakpoints: readonly string[];
  readonly rip: string;
  /** Instructions retired since boot. */
  readonly instructions: number;
  /** In words: "domain 1 crashed: no handler for page fault at …". */
  readonly text: string;
  /** The machine will never run again: everything in it has ended. */
  readonly final: boolean;
  /** What Xen breakpoints and filters waited for and what happened on the way here, in order; whatever the reason. */
  readonly events?: readonly XenEventInfo[];
}

export interface XenEventInfo {
  /** Ids of the breakpoints that waited for it; "filter:page-fault" for a filter. */
  readonly breakpoints: readonly string[];
  /** "event channel 3 of domain 1: pending". */
  readonly text: string;
  readonly arguments: readonly ArgumentInfo[];
}

export interface DomainEnd {
  readonly domain: number;
  readonly kind: 'poweroff' | 'reboot' | 'suspend' | 'crash' | 'watchdog' | 'soft_reset' | 'other';
  /** SCHEDOP_shutdown reason code. */
  readonly code: number;
  readonly reason: string;
  /** No domain is left that runs. */
  readonly last: boolean;
}

export interface ThreadInfo {
  /** Unique over all domains. */
  readonly vcpu: number;
  readonly domain: number;
  /** Domain's name, "/", number of the vCPU in it. */
  readonly name: string;
  readonly state: 'running' | 'runnable' | 'blocked' | 'offline' | 'crashed';
  /** Code size it runs in now. */
  readonly bits: 64 | 32;
}

/** Values hexadecimal with 0x. Groups in display order. */
export interface Registers {
  readonly general: Readonly<Record<string, string>>;
  readonly segment: Readonly<Record<string, string>>;
  readonly control: Readonly<Record<string, string>>;
  /** "IF ZF PF" style words beside the value. */
  readonly flags: { readonly value: string; readonly words: string };
  readonly vector: Readonly<Record<string, string>>;
}

export interface InstructionBreakpoint {
  readonly id: string;
  readonly address: string;
}

export interface WatchpointRequest {
  readonly id: string;
  /** Virtual, hexadecimal; watched in any address space. */
  readonly address: string;
  readonly length: number;
  readonly access: 'read' | 'write' | 'readWrite';
}

export interface HypercallBreakpoint {
  readonly id: string;
  /** "mmu_update", "sched_op.shutdown", "29", "mmuext_op.PIN_L4_TABLE", or "*". */
  readonly name: string;
}

export interface XenBreakpoint {
  readonly id: string;
  /** "evtchn:3", "grant:8.map", "xenstore:/local/domain/1/device/*", "trap:page_fault", "cr3", "console:login". */
  readonly name: string;
}

export interface BreakpointVerdict {
  readonly verified: boolean;
  /** Why not, with the nearest known name. */
  readonly message: string;
}

export interface HypercallName {
  readonly name: string;
  readonly number: number;
  readonly suboperations: readonly string[];
  readonly documentation: string;
}

export interface HypercallInfo {
  readonly name: string;
  readonly number: number;
  readonly suboperation: string | undefined;
  /** Decoded; nested for structures. */
  readonly arguments: readonly ArgumentInfo[];
  /** Present once it has returned. */
  readonly result:
    | { readonly value: string; readonly errno: string | undefined; readonly reason: string | undefined }
    | undefined;
}

export interface ArgumentInfo {
  readonly name: string;
  readonly value: string;
  readonly children: readonly ArgumentInfo[];
}

export interface DeviceInfo {
  readonly kind: 'disk' | 'vif';
  /** "xvda"; the number of a vif. */
  readonly name: string;
  /** Image of a disk; settings of a vif. */
  readonly specification: string;
  /** "vbd 51712 of domain 1: back end Connected, front end Connected". */
  readonly state: string;
}

export interface RingInfo {
  /** "console", "xenstore", "vbd 51712 blkif". */
  readonly name: string;
  /** What sizes and indexes count. */
  readonly unit: 'bytes' | 'entries';
  /** Several, apart by spaces, for a ring of several pages. */
  readonly mfn: string;
  readonly port: number;
  readonly indices: readonly { readonly name: string; readonly value: number }[];
  /** One per direction. */
  readonly directions: readonly {
    readonly name: string;
    readonly size: number;
    readonly producer: number;
    readonly consumer: number;
    /** Of bytes: those produced and not yet consumed, as text with escapes. */
    readonly pending: string;
    /** Latest decoded messages, oldest first. */
    readonly messages: readonly RingMessage[];
  }[];
}

export interface RingMessage {
  readonly instructions: number;
  readonly summary: string;
  readonly fields: readonly ArgumentInfo[];
  readonly state: 'pending' | 'consumed';
}

export interface TraceLine {
  readonly instructions: number;
  readonly virtualSeconds: number;
  readonly category: 'hypercalls' | 'events' | 'grants' | 'exceptions' | 'xenstore' | 'control' | 'notice';
  readonly text: string;
}

export interface Statistics {
  readonly instructions: number;
  readonly virtualSeconds: number;
  readonly wallSeconds: number;
  readonly running: boolean;
}
