import { AssertionError } from '../../base/assert.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Domid, GrantRef, Mfn, Port, VirtualAddress } from '../../base/numbers.ts';
import type { Clock } from '../../machine/clock.ts';
import type { Ram } from '../../machine/ram.ts';
import type { Processor } from '../../x86/cpu/processor.ts';
import type { Domain, GuestAbi } from './domain.ts';
import type { FrameTable } from './frame-table.ts';
import type { Refusal } from './refusal.ts';
import type { HypercallRecord, TraceSink } from './trace.ts';
import type { Vcpu } from './vcpu.ts';

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
  readonly abi: GuestAbi;
  /** 16 bytes, shown as /sys/hypervisor/uuid. */
  readonly uuid?: Uint8Array;
}

/** Registers of a vCPU that starts (the toolstack's vcpu_guest_context). */
export interface VcpuContext {
  readonly rip: VirtualAddress;
  readonly rsp: VirtualAddress;
  readonly rsi: VirtualAddress;
  /** Top-level page table: pinned and validated as L4 (x86_32p: L3). */
  readonly rootMfn: Mfn;
}

export interface ArmedHypercall {
  readonly number: number;
  /** Sub-operation number; undefined for any. */
  readonly suboperation?: number;
  /** Stop before the call (default) or when it has returned. */
  readonly when?: 'entry' | 'return';
}

export type RunResult =
  /** The instruction budget is used up. */
  | { readonly kind: 'budget'; readonly vcpu: Vcpu }
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

/**
 * The hypervisor: domains, their frames and vCPUs, and the loop that runs them on one processor. Toolstack, back ends
 * and debugger call it between runs or from its own callbacks (port notifications, timers), never from traces.
 */
export declare class Hypervisor {
  constructor(options: HypervisorOptions);
  readonly ram: Ram;
  readonly processor: Processor;
  readonly clock: Clock;
  readonly frames: FrameTable;
  /** By domid; destroyed ones are gone. */
  readonly domains: ReadonlyMap<Domid, Domain>;
  /** The vCPU whose registers are in the processor; undefined before the first one ran. */
  readonly current: Vcpu | undefined;
  trace: TraceSink;

  /**
   * A paused domain with scattered, cleared frames (`domain.mfnOf(pfn)`), M2P filled in, shared info page, one grant
   * table frame, offline vCPUs. Refused (ENOMEM) when the machine has too few free frames.
   */
  createDomain(options: DomainOptions): Domain | Refusal;
  /** Frames that Xen itself needs on a machine of that many frames with that many domains. */
  static overheadFrames(frameCount: number, domains: number): number;
  /**
   * Pins and validates the root, installs registers, brings the vCPU up. Refusal: the page tables break a rule, and
   * the reason says which. Toolstack's arch_set_info_guest.
   */
  setVcpuContext(domain: Domain, vcpu: number, context: VcpuContext): Refusal | undefined;
  pause(domain: Domain): void;
  unpause(domain: Domain): void;
  /** Ends the domain as crashed, with a reason in words; it stays inspectable. */
  crash(domain: Domain, reason: string): void;
  /** Frees everything the domain has. */
  destroy(domain: Domain): void;

  /** A port of `domain` that `remote` may bind (DOMID 0: the host). The toolstack does it for xenstore and console. */
  allocateUnbound(domain: Domain, remote: Domid): Port | Refusal;
  /**
   * The host takes the far end of a port that was allocated for DOMID 0. `onNotify` runs synchronously in the guest's
   * EVTCHNOP_send. Dispose to unbind.
   */
  bindHostPort(domain: Domain, port: Port, onNotify: () => void): Disposable | Refusal;
  /** The host end sends an event to the guest. */
  notifyGuest(domain: Domain, port: Port): void;
  /** Writes a v1 grant entry before the guest runs: references 0 (console) and 1 (xenstore), granted to DOMID 0. */
  seedGrant(domain: Domain, ref: GrantRef, to: Domid, mfn: Mfn): void;
  /** Frame behind a grant that names DOMID 0, for back ends; a refusal says why not. */
  hostGrantFrame(domain: Domain, ref: GrantRef, write: boolean): Mfn | Refusal;
  /** Ends the host's use of a grant. */
  hostGrantRelease(domain: Domain, ref: GrantRef, write: boolean): void;

  /** Calls `fire` once virtual time reaches `deadline` (ns). One per key; setting again replaces. */
  setHostTimer(key: string, deadline: number, fire: () => void): void;
  clearHostTimer(key: string): void;

  /** Executes at most `budget` instructions and says why it stopped. Never throws for what a guest does. */
  run(budget: number): RunResult;
  /** `run` returns 'stop' at the next instruction boundary. */
  requestStop(): void;
  /** Earliest timer of any running domain or the host. */
  nextDeadline(): number | undefined;
  /** When idle: lets virtual time jump to the next deadline. False when there is none. */
  skipToNextDeadline(): boolean;

  /** Hypercalls that stop `run`. Replaces the former list; an empty list costs nothing. */
  armHypercalls(list: readonly ArmedHypercall[]): void;
  /** The hypercall that the vCPU is at (rip at its instruction), decoded; or the one it has just made. */
  currentHypercall(vcpu: Vcpu): HypercallRecord | undefined;
}

/** Temporary marker while the class body is being written. */
export const NOT_YET = AssertionError;
