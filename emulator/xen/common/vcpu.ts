import type { Mfn, VirtualAddress } from '../../base/numbers.ts';
import type { Domain } from './domain.ts';

/** One entry of the guest's trap table; address 0 means "no handler". */
export interface TrapHandler {
  address: VirtualAddress;
  cs: number;
  /** Least privilege that may use `int n`: bits 1:0 of trap_info.flags. */
  dpl: number;
  /** Deliver with events masked: bit 2. */
  maskEvents: boolean;
}

export interface Callback {
  address: VirtualAddress;
  /** Code selector of a 32-bit guest; 64-bit ones have no choice. */
  cs: number;
  maskEvents: boolean;
}

/** Registers of a vCPU that is not loaded in the processor. */
export interface SavedRegisters {
  readonly low: Int32Array;
  readonly high: Int32Array;
  rip: VirtualAddress;
  rflags: number;
  readonly selectors: Uint16Array;
  readonly baseLow: Int32Array;
  readonly baseHigh: Int32Array;
  fpu: Uint8Array;
  taskSwitched: boolean;
}

/** Numbers of vcpu_runstate_info.state (public/vcpu.h). */
export const RUNSTATE_RUNNING = 0;
export const RUNSTATE_RUNNABLE = 1;
export const RUNSTATE_BLOCKED = 2;
export const RUNSTATE_OFFLINE = 3;

/** No deadline is set. */
export const NEVER = Number.POSITIVE_INFINITY;

/**
 * One virtual CPU: what the hypervisor knows about it beyond the registers in the processor. Plain data. Created
 * offline; `Hypervisor.setVcpuContext` gives it registers and brings it up.
 */
export class Vcpu {
  /** Has been given a context (VCPUOP_initialise). */
  initialised = false;
  /** Not brought up, or taken down: VCPU flag VPF_down. */
  offline = true;
  /** Waits in SCHEDOP_block or SCHEDOP_poll. */
  blocked = false;
  /** Polls these ports (SCHEDOP_poll); empty with a timeout only. */
  polling: number[] | undefined;

  /**
   * Runs the guest's kernel, as opposed to its user processes. On 64 bit both are ring 3 and this tells them apart; on
   * 32 bit it is what CS says, brought up to date whenever the processor stops or calls.
   */
  kernelMode = true;
  registers: SavedRegisters = newRegisters();
  /** FS, and GS of the mode that is not running; the running one is in the processor. */
  gsBaseKernelLow = 0;
  gsBaseKernelHigh = 0;
  gsBaseUserLow = 0;
  gsBaseUserHigh = 0;
  /** Guest kernel's stack for entries from user mode (stack_switch). */
  kernelSp = 0 as VirtualAddress;
  kernelSs = 0;
  kernelRoot: Mfn | undefined;
  userRoot: Mfn | undefined;
  /** Xen's own L4 for a 32-bit vCPU, whose first entry is the guest's L3 (setup_compat_l4); undefined for 64 bit. */
  compatL4: Mfn | undefined;

  readonly traps: TrapHandler[] = Array.from({ length: 256 }, () => newTrapHandler());
  eventCallback: Callback = newCallback();
  failsafeCallback: Callback = newCallback();
  syscallCallback: Callback = newCallback();
  syscall32Callback: Callback = newCallback();
  sysenterCallback: Callback = newCallback();
  nmiCallback: Callback = newCallback();
  nmiPending = false;

  gdtFrames: Mfn[] = [];
  gdtEntries = 0;
  ldtBase = 0 as VirtualAddress;
  ldtEntries = 0;
  /** Frames of the LDT that are in use, by page; each holds a descriptor-page reference. */
  readonly ldtFrames: Map<number, Mfn> = new Map();
  /** Guest's CR0.TS wish (fpu_taskswitch) and writable control bits. */
  cr4 = 0;
  /** DR0–3, 6, 7 as the guest set them. */
  readonly debugRegisters = new Float64Array(8);
  /** EFLAGS.IOPL as PHYSDEVOP_set_iopl left it, in place (bits 13:12). */
  iopl = 0;
  /** PHYSDEVOP_set_iobitmap. */
  ioBitmap = 0 as VirtualAddress;
  ioBitmapPorts = 0;

  /** Machine address of its vcpu_info: in the shared info page, or where VCPUOP_register_vcpu_info put it. */
  vcpuInfo = 0;
  vcpuInfoRelocated = false;
  vcpuInfoFrame: Mfn | undefined;
  /** Guest-virtual address of its runstate area; 0 for none. */
  runstateArea = 0 as VirtualAddress;
  timeArea = 0 as VirtualAddress;
  runstate = RUNSTATE_OFFLINE;
  runstateSince = 0;
  readonly runstateTimes = new Float64Array(4);

  /** Deadlines in ns of virtual time. */
  singleshotTimer = NEVER;
  periodicTimer = NEVER;
  periodicPeriod = 0;
  pollTimeout = NEVER;
  /** Before Xen 3: system time that the shared info page shows; -1 before the first. */
  timeShown = -1;
  /** Where the last page fault was, which guests before Xen 3 find on their stack only. */
  faultAddress = 0;
  /** set_fast_trap: this vector (0: none) enters the guest kernel without Xen's help. */
  fastTrapVector = 0;
  fastTrap: TrapHandler = newTrapHandler();
  /** Descriptors have changed; Xen loads segment registers anew on its way back into the guest. */
  segmentsChanged = false;
  /** Port each per-vCPU VIRQ is bound to; 0 for none. */
  readonly virqPorts = new Uint32Array(24);

  constructor(
    readonly domain: Domain,
    /** Number within its domain. */
    readonly index: number,
    /** Unique over all domains. */
    readonly id: number,
  ) {}

  /** Where the processor's walks of the kernel's addresses start. */
  get hardwareRoot(): Mfn | undefined {
    return this.compatL4 ?? this.kernelRoot;
  }

  get state(): 'running' | 'runnable' | 'blocked' | 'offline' | 'crashed' {
    if (this.domain.state === 'crashed') return 'crashed';
    if (this.offline) return 'offline';
    if (this.blocked) return 'blocked';
    return this.runstate === RUNSTATE_RUNNING ? 'running' : 'runnable';
  }
}

function newRegisters(): SavedRegisters {
  return {
    low: new Int32Array(16),
    high: new Int32Array(16),
    rip: 0 as VirtualAddress,
    rflags: 2,
    selectors: new Uint16Array(6),
    baseLow: new Int32Array(6),
    baseHigh: new Int32Array(6),
    fpu: new Uint8Array(512),
    taskSwitched: false,
  };
}

export function newTrapHandler(): TrapHandler {
  return { address: 0 as VirtualAddress, cs: 0, dpl: 0, maskEvents: false };
}

export function newCallback(): Callback {
  return { address: 0 as VirtualAddress, cs: 0, maskEvents: false };
}
